#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "store.h"

namespace rkv::bench {

// A cluster of etcd as it comes: a write is on disk before it is acknowledged, a read asks a
// majority (linearizable). Its log of errors alone is on.
class EtcdStore final : public Store {
 public:
  // Whether the program is on this machine.
  static bool installed();

  // `folder` exists and is empty.
  EtcdStore(const std::string& folder, std::size_t replicas);

  const char* name() const override { return "etcd"; }
  std::unique_ptr<StoreConnection> connect(rpc::EventLoop& loop, std::size_t replica,
                                           OperationSink& sink) override;

 private:
  std::size_t find_leader() override;

  std::vector<std::uint16_t> ports_;  // for clients
};

}  // namespace rkv::bench
