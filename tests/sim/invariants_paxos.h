#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/invariants.h"
#include "sim/invariants_leases.h"
#include "sim/invariants_messages.h"
#include "sim/invariants_roles.h"
#include "sim/invariants_state.h"
#include "sim/invariants_votes.h"
#include "sim/violation.h"

namespace rkv::sim {

// Everything that must hold of paxos.
class PaxosInvariants final : public Invariants {
 public:
  PaxosInvariants(std::size_t replicas, Messages::IncarnationOf incarnation_of,
                  Violation& violation)
      : votes(replicas, violation),
        messages(votes, std::move(incarnation_of), violation),
        states(replicas, votes, violation),
        leases(replicas, violation),
        roles(violation) {}

  void sending(ReplicaId from, ReplicaId to, const protocol::Message& message) override {
    messages.sending(from, to, message);
  }
  void answering(ReplicaId from, ReplicaId to, const protocol::Message& request,
                 const protocol::Message& answer) override {
    messages.answering(from, to, request, answer);
  }
  void process_started(ReplicaId replica, Position saved) override {
    states.started(replica, saved);
    roles.process_started(replica);
  }
  void believes(ReplicaId replica, TimePoint until, TimePoint now) override {
    leases.believes(replica, until, now);
  }
  void recovered(ReplicaId replica, const RecoveredLog& log, Position saved) override {
    votes.recovered(replica, log, saved);
  }
  void read_again(ReplicaId replica, const RecoveredLog& log, Position /*saved*/) override {
    votes.read_again(replica, log);
  }
  void durable(ReplicaId replica, const LogBatch& batch) override;
  void cut(ReplicaId replica, Position slot, Position saved) override {
    votes.cut(replica, slot, saved);
  }
  void decides(ReplicaId replica, const protocol::Effect& effect, TimePoint now) override;
  void role_stopped(ReplicaId replica, std::string_view role) override {
    roles.stopped(replica, role);
  }
  void role_started(ReplicaId replica, std::string_view role) override {
    roles.started(replica, role);
  }
  void changes(ReplicaId replica, Position position,
               const std::vector<kv::Change>& changes) override {
    states.changes(replica, position, changes);
  }
  Position seen() const override { return states.seen(); }
  void acknowledged(const OperationId& operation, const kv::Applied& result,
                    Position seen_before) override {
    states.acknowledged(operation, result, seen_before);
  }
  void read(std::string_view key, const kv::Entry* entry, Position position,
            Position seen_before) override {
    states.read(key, entry, position, seen_before);
  }
  std::string lacks(ReplicaId replica, Position applied) const override;
  void count(Counters& counters) const override;

  Votes votes;
  Messages messages;
  States states;
  Leases leases;
  Roles roles;
};

}  // namespace rkv::sim
