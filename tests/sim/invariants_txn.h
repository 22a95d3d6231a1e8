#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/invariants.h"
#include "sim/invariants_txn_conduct.h"
#include "sim/invariants_txn_messages.h"
#include "sim/invariants_txn_records.h"
#include "sim/invariants_txn_state.h"
#include "sim/violation.h"

namespace rkv::sim {

// Everything that must hold of two-phase commit.
class TxnInvariants final : public Invariants {
 public:
  TxnInvariants(std::size_t replicas, const Facts& facts, Violation& violation)
      : transactions(replicas, facts.incarnation_of, violation),
        messages(transactions, violation),
        states(replicas, transactions, facts.sessions, violation),
        conduct(replicas, transactions, states, facts.incarnation_of, violation) {}

  void sending(ReplicaId from, ReplicaId to, const protocol::Message& message) override {
    messages.sending(from, to, message);
  }
  void answering(ReplicaId from, ReplicaId to, const protocol::Message& request,
                 const protocol::Message& answer) override {
    messages.answering(from, to, request, answer);
  }
  void process_started(ReplicaId replica, Position saved) override {
    states.started(replica, saved);
    conduct.process_started(replica);
  }
  void recovered(ReplicaId replica, const RecoveredLog& log, Position saved) override {
    transactions.recovered(replica, log, saved);
  }
  void read_again(ReplicaId replica, const RecoveredLog& log, Position saved) override {
    transactions.read_again(replica, log, saved);
  }
  void durable(ReplicaId replica, const LogBatch& batch) override {
    for (const LogRecord& record : batch.records) transactions.durable(replica, record);
  }
  void cut(ReplicaId replica, Position number, Position saved) override {
    transactions.cut(replica, number, saved);
  }
  void happens(ReplicaId replica, const protocol::Event& event, TimePoint now) override {
    conduct.happens(replica, event, now);
  }
  void decides(ReplicaId replica, const protocol::Effect& effect, TimePoint now) override {
    conduct.decides(replica, effect, now);
  }
  void role_stopped(ReplicaId replica, std::string_view role) override {
    conduct.role_stopped(replica, role);
  }
  void role_started(ReplicaId replica, std::string_view role) override {
    conduct.role_started(replica, role);
  }
  void changes(ReplicaId replica, Position position,
               const std::vector<kv::Change>& changes) override {
    states.changes(replica, position, changes);
  }
  void write_answered(ReplicaId replica, const kv::Command& command,
                      const replica::WriteResult& result) override {
    if (result.status.ok()) states.answers(replica, command, result.applied);
  }
  void read_answered(ReplicaId replica, std::string_view key, const kv::Entry* entry,
                     Position position) override {
    states.tells(replica, key, entry, position);
  }
  void transaction_read(ReplicaId replica, const kv::Transaction& transaction,
                        const kv::Applied& applied) override {
    states.tells(replica, transaction, applied);
  }
  void page_answered(ReplicaId replica, const kv::Scan& scan, const kv::ScanPage& page) override {
    states.tells(replica, scan, page);
  }
  void promised(ReplicaId replica, const std::vector<std::string>& keys, Position position,
                const ReadPromise& promise) override {
    states.promised(replica, keys, position, promise);
  }
  void acknowledged(const OperationId& operation, const std::vector<std::string>& keys,
                    const kv::Applied& /*result*/, Position /*seen_before*/,
                    TimePoint now) override {
    states.acknowledged(operation, keys, now);
  }
  void refused(const OperationId& operation) override { transactions.refused(operation); }
  std::string lacks(ReplicaId replica, Position applied) const override;
  void count(Counters& counters) const override;

  Transactions transactions;
  TxnMessages messages;
  TxnStates states;
  TxnConduct conduct;
};

}  // namespace rkv::sim
