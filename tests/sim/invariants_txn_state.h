#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "kv/command.h"
#include "kv/store.h"
#include "sim/invariants_txn_records.h"
#include "sim/key_state.h"
#include "sim/violation.h"

namespace rkv::sim {

// What the state of each replica must be, by a model that applies the transactions of each key in
// the order in which the first replica did. Checks that
// - replicas apply at each position what their log durably says to be there, and nothing else;
// - the transactions of a key are applied in one order everywhere, and change the state as they do
//   the model's: each of them takes effect;
// - a write is acknowledged when it is durably decided, with what it did;
// - a read returns what was there at its position.
class TxnStates {
 public:
  // What is passed must outlive the object.
  TxnStates(std::size_t replicas, Transactions& transactions, Violation& violation)
      : transactions_(transactions), violation_(violation), replicas_(replicas) {}

  // A replica starts with the state of this position.
  void started(ReplicaId replica, Position position);
  // Its protocol says to apply this command.
  void applies(ReplicaId replica, Position position, const SharedBytes& command);
  // Its store is told to change.
  void changes(ReplicaId replica, Position position, const std::vector<kv::Change>& changes);
  // It tells a client that its write has succeeded, or what a key is.
  void acknowledges(ReplicaId replica, const OperationId& operation, const kv::Applied& result);
  void tells(ReplicaId replica, std::string_view key, const kv::Entry* entry, Position position);

 private:
  struct Replica {
    std::vector<twopc::TxnId> applied;                                 // at position i + 1
    std::map<std::string, std::vector<Position>, std::less<>> places;  // of each key's
  };
  struct Key {
    std::vector<twopc::TxnId> order;
    std::vector<KeyState> states;  // after each of them
  };

  Replica& of(ReplicaId replica) { return replicas_[replica.value - 1]; }
  void apply_to_model(const twopc::TxnId& id, const SharedBytes& command);
  void fail(std::string_view invariant, ReplicaId replica, Position position,
            const std::string& what);

  Transactions& transactions_;
  Violation& violation_;
  std::vector<Replica> replicas_;
  std::map<std::string, Key, std::less<>> keys_;
  std::map<twopc::TxnId, KeyChange> effects_;
};

}  // namespace rkv::sim
