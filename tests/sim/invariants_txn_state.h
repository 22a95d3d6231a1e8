#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "kv/command.h"
#include "kv/scan.h"
#include "kv/session_table.h"
#include "kv/store.h"
#include "sim/invariants_txn_records.h"
#include "sim/model.h"
#include "sim/read_promise.h"
#include "sim/violation.h"

namespace rkv::sim {

// What the state of each replica must be, by a model that applies the transactions of each key in
// the order in which the first replica did. Checks that
// - replicas apply at each position what their log durably says to be there, and nothing else;
// - the transactions of a key are applied in one order everywhere, and change the state as they do
//   the model's: each of them takes effect;
// - a write is answered when it is durably decided, with what it did, the first time and again;
// - a write is called expired only when its epoch may be over or to come, or its client has said
// that
//   it is done with it, or has so many later ones that its answer need not be kept;
// - a read returns what was there at its position, of several keys and of a page at one, and not
//   less than it was promised.
class TxnStates {
 public:
  // What is passed must outlive the object.
  TxnStates(std::size_t replicas, Transactions& transactions, const kv::SessionLimits& sessions,
            Violation& violation)
      : transactions_(transactions),
        limits_(sessions),
        violation_(violation),
        replicas_(replicas) {}

  // A replica starts with the state of this position.
  void started(ReplicaId replica, Position position);
  // Its protocol says to apply this command.
  void applies(ReplicaId replica, Position position, const SharedBytes& command);
  // Its store is told to change.
  void changes(ReplicaId replica, Position position, const std::vector<kv::Change>& changes);
  // It answers a client's write, or what it has read.
  void answers(ReplicaId replica, const kv::Command& command, const kv::Applied& result);
  void tells(ReplicaId replica, std::string_view key, const kv::Entry* entry, Position position);
  void tells(ReplicaId replica, const kv::Transaction& transaction, const kv::Applied& applied);
  void tells(ReplicaId replica, const kv::Scan& scan, const kv::ScanPage& page);
  // What it has read of these keys was to be as new as that.
  void promised(ReplicaId replica, const std::vector<std::string>& keys, Position position,
                const ReadPromise& promise);
  // A client was told now that its write of these keys has succeeded.
  void acknowledged(const OperationId& operation, const std::vector<std::string>& keys,
                    TimePoint now);

 private:
  struct Replica {
    std::vector<twopc::TxnId> applied;                                 // at position i + 1
    std::map<std::string, std::vector<Position>, std::less<>> places;  // of each key's
  };
  struct Acknowledged {
    TimePoint at;
    std::size_t behind = 0;  // how many of the key's transactions must be seen since
  };
  struct Key {
    std::vector<twopc::TxnId> order;
    std::vector<KeyState> states;            // after each of them
    std::vector<Acknowledged> acknowledged;  // in the order of time
  };

  // What a client has done, anywhere.
  struct Session {
    std::uint64_t first_outstanding = 0;  // the highest one told
    std::set<std::uint64_t> sequences;
  };

  Replica& of(ReplicaId replica) { return replicas_[replica.value - 1]; }
  bool is_next(const Replica& replica, const twopc::TxnId& id) const;
  void apply_to_model(const twopc::TxnId& id, const SharedBytes& command);
  void remember(const kv::Command& command);
  bool may_be_expired(const OperationId& operation) const;
  // How many of a key's transactions are in a replica's state of a position.
  std::size_t count_at(const Replica& replica, std::string_view key, Position position) const;
  KeyState state_at(const Replica& replica, std::string_view key, Position position) const;
  void fail(std::string_view invariant, ReplicaId replica, Position position,
            const std::string& what);

  Transactions& transactions_;
  const kv::SessionLimits limits_;
  Violation& violation_;
  std::vector<Replica> replicas_;
  std::map<std::uint64_t, Session> sessions_;  // by client
  std::uint64_t epoch_ = 0;                    // the highest one that any replica has begun
  std::map<std::string, Key, std::less<>> keys_;
  std::map<twopc::TxnId, Effect> effects_;
};

}  // namespace rkv::sim
