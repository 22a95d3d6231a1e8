#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/log_record.h"
#include "protocol/protocol.h"

namespace rkv::scenario {

// What a world has to know of a replication protocol beyond its interface.
class Kind {
 public:
  virtual ~Kind() = default;

  virtual std::unique_ptr<protocol::Protocol> make(ReplicaId self,
                                                   const std::vector<ReplicaId>& all) const = 0;
  virtual std::string describe(const protocol::Message& message) const = 0;
  virtual std::string describe(const LogBatch& batch) const = 0;
  // What a replica of this kind says of itself in the step "state".
  virtual std::string state(const protocol::Protocol& replica, Position applied) const = 0;
  // Whether a replica has to be told whom it reaches, and reads the keys that are written.
  virtual bool has_keys() const = 0;
};

std::unique_ptr<Kind> paxos_kind();
// `coordinator`: of all writes; nobody: of each the replica that is asked.
std::unique_ptr<Kind> twopc_kind(ReplicaId coordinator);

}  // namespace rkv::scenario
