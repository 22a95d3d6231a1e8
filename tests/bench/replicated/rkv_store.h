#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "store.h"

namespace rkv::bench {

// A cluster of rkvd; clients are channels of src/rpc.
class RkvStore final : public Store {
 public:
  // `rkvd` is the program, `options` go to each replica, `folder` exists and is empty.
  RkvStore(const std::string& rkvd, const std::vector<std::string>& options,
           const std::string& folder, std::size_t replicas);

  const char* name() const override { return "rkv"; }
  std::unique_ptr<StoreConnection> connect(rpc::EventLoop& loop, std::size_t replica,
                                           OperationSink& sink) override;

  std::uint16_t port(std::size_t replica) const { return ports_[replica]; }

 private:
  std::size_t find_leader() override;

  std::vector<std::uint16_t> ports_;  // for clients
};

}  // namespace rkv::bench
