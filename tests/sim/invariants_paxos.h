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
  PaxosInvariants(std::size_t replicas, Facts facts, Violation& violation)
      : votes(replicas, std::move(facts.is_damaged), facts.kept_slots, violation),
        messages(votes, std::move(facts.incarnation_of), violation),
        states(replicas, votes, facts.sessions, violation),
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
  void saved(ReplicaId replica, Position position) override { votes.saved(replica, position); }
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
  void keeps_behind(ReplicaId replica, Position cut) override { votes.keeps_behind(replica, cut); }
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
  void write_answered(ReplicaId replica, const kv::Command& command,
                      const replica::WriteResult& result) override {
    if (result.status.ok()) states.answers(replica, command, result.applied);
  }
  void read_answered(ReplicaId /*replica*/, std::string_view key, const kv::Entry* entry,
                     Position position) override {
    states.answers_read(key, entry, position);
  }
  void transaction_read(ReplicaId /*replica*/, const kv::Transaction& transaction,
                        const kv::Applied& applied) override {
    states.answers_read(transaction, applied);
  }
  void page_answered(ReplicaId /*replica*/, const kv::Scan& scan,
                     const kv::ScanPage& page) override {
    states.answers_scan(scan, page);
  }
  void promised(ReplicaId /*replica*/, const std::vector<std::string>& /*keys*/, Position position,
                const ReadPromise& promise) override {
    states.promised(position, promise);
  }
  Position seen() const override { return states.seen(); }
  void acknowledged(const OperationId& operation, const std::vector<std::string>& /*keys*/,
                    const kv::Applied& result, Position seen_before, TimePoint now) override {
    states.acknowledged(operation, result, seen_before, now);
  }
  void seen_at(Position position) override { states.seen_at(position); }
  void refused(const OperationId& operation) override { states.refused(operation); }
  std::string lacks(ReplicaId replica, Position applied) const override;
  void count(Counters& counters) const override;

  Votes votes;
  Messages messages;
  States states;
  Leases leases;
  Roles roles;
};

}  // namespace rkv::sim
