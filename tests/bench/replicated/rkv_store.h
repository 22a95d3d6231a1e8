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
  // `rkvd` is the program, `replication` one of its protocols, `folder` exists and is empty.
  RkvStore(const std::string& rkvd, const std::string& replication, const std::string& folder,
           std::size_t replicas);

  // The protocol.
  const char* name() const override { return replication_.c_str(); }
  std::unique_ptr<StoreConnection> connect(rpc::EventLoop& loop, std::size_t replica,
                                           OperationSink& sink) override;

  std::uint16_t port(std::size_t replica) const { return ports_[replica]; }

 private:
  std::size_t find_leader() override;

  const std::string replication_;
  std::vector<std::uint16_t> ports_;  // for clients
};

}  // namespace rkv::bench
