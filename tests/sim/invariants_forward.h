#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "sim/invariants.h"
#include "sim/model.h"
#include "sim/violation.h"

namespace rkv::sim {

// Everything that must hold of forward, which is little: there is no order among the writes, and
// replicas may differ. Checks that
// - a replica applies what clients asked for, once for each time that it is told to, in a row of
//   its own, and changes its state as that says;
// - it tells others of a write when it has applied it, durably;
// - "ok" is said of a write that every replica has applied, durably; "partly applied" of one that
//   every replica has which is not listed, and who is listed has not answered; "nothing happened"
//   of one that was not applied;
// - a read returns the last write of the key that this replica has applied, and that is durable.
//
// A try of a write is known by the place of its bytes in memory, which the replicas of a simulation
// share.
class ForwardInvariants final : public Invariants {
 public:
  using SavedOf = std::function<Position(ReplicaId replica)>;

  ForwardInvariants(std::size_t replicas, SavedOf saved_of, Violation& violation)
      : saved_of_(std::move(saved_of)), violation_(violation), replicas_(replicas) {}

  void sending(ReplicaId from, ReplicaId to, const protocol::Message& message) override;
  void process_started(ReplicaId replica, Position saved) override;
  void happens(ReplicaId replica, const protocol::Event& event, TimePoint now) override;
  void decides(ReplicaId replica, const protocol::Effect& effect, TimePoint now) override;
  void changes(ReplicaId replica, Position position,
               const std::vector<kv::Change>& changes) override;
  void write_answered(ReplicaId replica, const kv::Command& command,
                      const replica::WriteResult& result) override;
  void read_answered(ReplicaId replica, std::string_view key, const kv::Entry* entry,
                     Position position) override;

 private:
  using Try = const std::string*;
  struct Applied {
    SharedBytes command;
    Effect effect;
  };
  struct KeyAt {
    Position position = 0;
    KeyState state;
  };
  struct Replica {
    std::vector<Applied> applied;  // at position i + 1
    std::map<std::string, std::vector<KeyAt>, std::less<>> keys;
    std::map<Try, Position> first;  // where a try was applied first
    // Of its process:
    std::map<protocol::ProposalId, SharedBytes> proposals;
    std::map<protocol::CallId, protocol::MessagePtr> calls;
    std::map<Try, std::set<ReplicaId>> answered;  // who has, of what was sent
    std::deque<SharedBytes> told;  // to be applied, by the event that is being stepped
  };

  Replica& of(ReplicaId replica) { return replicas_[replica.value - 1]; }
  void applies(ReplicaId replica, const protocol::Apply& apply);
  void finishes(ReplicaId replica, const protocol::Finish& finish);
  void check_held(ReplicaId by, Try tried, const std::vector<ReplicaId>& missing);
  bool holds(ReplicaId replica, Try tried) const;
  void fail(std::string_view invariant, ReplicaId replica, const std::string& what);

  const SavedOf saved_of_;
  Violation& violation_;
  std::vector<Replica> replicas_;
  // What clients want. Kept, so that no other command comes to the same place in memory.
  std::set<SharedBytes> asked_;
};

}  // namespace rkv::sim
