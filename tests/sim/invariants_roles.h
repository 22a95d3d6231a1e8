#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "protocol/effect.h"
#include "sim/violation.h"

namespace rkv::sim {

// Which roles of each replica are stopped, on purpose. Checks what their replica decides meanwhile:
// - a stopped acceptor promises nothing and votes for nothing, does not say that it has promised
//   something, and nothing is written to its log;
// - a stopped proposer asks nobody for a promise or a vote;
// - a stopped learner has nothing applied, and tells no chosen value.
class Roles {
 public:
  // `violation` must outlive the object.
  explicit Roles(Violation& violation) : violation_(violation) {}

  // All roles of a replica run.
  void process_started(ReplicaId replica) { stopped_[replica].clear(); }
  void stopped(ReplicaId replica, std::string_view role) { stopped_[replica].emplace(role); }
  void started(ReplicaId replica, std::string_view role);
  // What a replica has decided to do.
  void decides(ReplicaId replica, const protocol::Effect& effect);

 private:
  using Names = std::set<std::string, std::less<>>;

  void fail(ReplicaId replica, std::string_view role, const std::string& what);

  Violation& violation_;
  std::map<ReplicaId, Names> stopped_;
};

}  // namespace rkv::sim
