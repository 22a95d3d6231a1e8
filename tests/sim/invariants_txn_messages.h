#pragma once

#include <string>

#include "base/ids.h"
#include "sim/invariants_txn_records.h"
#include "sim/network.h"
#include "sim/violation.h"
#include "twopc/message.h"

namespace rkv::sim {

// Looks at every message of two-phase commit when it is given to the network, and checks that what
// it says is durable by then:
// - who votes yes has prepared the transaction;
// - who tells a decision to commit has it, and only the coordinator decides;
// - "aborted" comes from the coordinator, of what it has not decided, or from a replica that has
//   refused the transaction, or was told so itself; of what is finished anything may be said;
// - who acknowledges a decision to commit has written it down.
class TxnMessages final : public MessageWatcher {
 public:
  // What is passed must outlive the object.
  TxnMessages(Transactions& transactions, Violation& violation)
      : transactions_(transactions), violation_(violation) {}

  void sending(ReplicaId from, ReplicaId to, const protocol::Message& message) override;
  void answering(ReplicaId from, ReplicaId to, const protocol::Message& request,
                 const protocol::Message& answer) override;

 private:
  void check_prepared(ReplicaId from, const twopc::TxnPrepare& request,
                      const twopc::TxnPrepared& answer);
  void check_yes(ReplicaId from, const twopc::TxnId& id);
  void check_decide(ReplicaId from, const twopc::TxnDecide& message);
  void check_decided(ReplicaId from, const twopc::TxnDecide& request,
                     const twopc::TxnDecided& answer);
  void check_outcome(ReplicaId from, const twopc::TxnId& id, twopc::Knowledge knowledge);
  void check_ended(ReplicaId from, ReplicaId to, const twopc::TxnEnded& message);
  void fail(std::string_view invariant, ReplicaId from, const twopc::TxnId& id,
            const std::string& what);

  Transactions& transactions_;
  Violation& violation_;
};

}  // namespace rkv::sim
