#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/log_record.h"
#include "sim/violation.h"
#include "twopc/records.h"
#include "twopc/transaction.h"

namespace rkv::sim {

// What every replica has written of every transaction, over all crashes, and so what became of it,
// which no replica needs to know. Checks that
// - a transaction id names one transaction for ever, and is given by its coordinator, in the
//   incarnation that it says; a write that is tried again keeps its timestamp;
// - all that decide a transaction decide the same, and nobody takes it back (AC1, AC2);
// - commit is decided only when every other replica has durably prepared it (AC3), and not of a
//   write whose client was told that nothing has happened;
// - who has refused a transaction does not prepare it, and who has prepared it does not refuse it;
// - a replica has one transaction at a time prepared for a key, until it has written down that it
//   is committed or was told that it was aborted, or decided, until it has applied it; also over
//   restarts;
// - what is said to be finished is committed everywhere, or nowhere;
// - an operation is committed once;
// - what is needed of a log is there after restarts and cuts.
class Transactions {
 public:
  using IncarnationOf = std::function<Incarnation(ReplicaId replica)>;
  // What a replica has of a transaction. The coordinator's decision is its kCommitted.
  enum class Has : std::uint8_t { kNothing, kPrepared, kRefused, kAborted, kCommitted };

  // `violation` must outlive the object.
  Transactions(std::size_t replicas, IncarnationOf incarnation_of, Violation& violation)
      : incarnation_of_(std::move(incarnation_of)), violation_(violation), replicas_(replicas) {}

  // A replica speaks of a transaction, or writes of it.
  void named(ReplicaId by, const twopc::Transaction& transaction);
  // Its coordinator begins it, or goes on to.
  void begun(ReplicaId by, const twopc::Transaction& transaction);
  // A replica has given this to its log.
  void written(ReplicaId replica, const LogRecord& record);
  // It would survive a crash now.
  void durable(ReplicaId replica, const LogRecord& record);
  // A replica has started with this in its log, and with the state of position `saved`.
  void recovered(ReplicaId replica, const RecoveredLog& log, Position saved);
  // A running replica has read this from its log, with its state on disk at position `saved`.
  void read_again(ReplicaId replica, const RecoveredLog& log, Position saved);
  // A replica's log may forget the records up to this number.
  void cut(ReplicaId replica, Position number, Position saved);
  // A replica says that a transaction was aborted.
  void aborted(ReplicaId by, const twopc::TxnId& id);
  // A running replica was told so.
  void told_aborted(ReplicaId replica, const twopc::TxnId& id);
  bool was_told_aborted(ReplicaId replica, const twopc::TxnId& id) const;
  // A coordinator says that all before this are finished: committed everywhere, or aborted.
  void finished_below(ReplicaId coordinator, const twopc::TxnMark& mark);
  // A client was told that nothing has come of its write, nor will.
  void nothing_happened(ReplicaId by, const twopc::Origin& origin);
  // The same, of all tries of its write.
  void refused(const OperationId& operation);
  // A replica applies what it has at a position: the locks are free. Null if nothing durable says
  // what that is.
  const twopc::TxnId* applies(ReplicaId replica, Position position);

  // What a replica would have after a crash.
  Has has(ReplicaId replica, const twopc::TxnId& id) const;
  // What it has, or is about to.
  Has has_written(ReplicaId replica, const twopc::TxnId& id) const;
  // Whether all have a transaction, so that only questions which are late are still asked.
  bool is_finished(const twopc::TxnId& id) const;
  bool is_committed(const twopc::TxnId& id) const {
    return has(id.coordinator, id) == Has::kCommitted;
  }
  // The transaction that has committed an operation; null if none has.
  const twopc::TxnId* committed(const OperationId& operation) const;
  // Writes of other replicas, about this key and not applied here, that have durably been voted
  // for: they may be committed elsewhere.
  std::vector<twopc::TxnId> in_doubt(ReplicaId replica, std::string_view key) const;
  // Whether there is one that may still come to that.
  bool is_held(ReplicaId replica, std::string_view key) const;
  // Whether one is not applied, and not known to be aborted.
  bool is_open(ReplicaId replica, const twopc::TxnId& id) const;
  // Whether one is before another in age, of those that were begun.
  bool is_older(const twopc::TxnId& id, const twopc::TxnId& other) const;
  // Transactions of other replicas that this one has voted for or is about to, and does not know
  // the outcome of, about this key; and the last commit that is not applied.
  std::vector<twopc::TxnId> holders(ReplicaId replica, std::string_view key) const;
  std::uint64_t command_of(const twopc::TxnId& id) const { return find(id)->command; }  // hash
  const std::vector<std::string>& keys_of(const twopc::TxnId& id) const { return find(id)->keys; }

  // What a replica does not know the outcome of; nothing if it does of all.
  std::optional<twopc::TxnId> undecided(ReplicaId replica) const;
  std::uint64_t begun_count() const { return begun_; }
  std::uint64_t committed_count() const { return committed_; }
  std::uint64_t aborted_count() const { return aborted_; }

 private:
  using Number = std::uint64_t;  // of a record; 0: there is none
  struct Copy {
    Has written = Has::kNothing;
    Has durable = Has::kNothing;
    Number transaction_at = 0;  // the durable records, if they are
    Number outcome_at = 0;
    Position position = 0;      // where it is applied
    bool finished = false;      // the coordinator's: all have it
    bool told_aborted = false;  // its process was
  };
  struct Entry {
    bool named = false;
    bool begun = false;
    bool aborted = false;
    twopc::Timestamp timestamp;
    twopc::Origin origin;
    OperationId operation;
    std::vector<std::string> keys;
    std::uint64_t command = 0;  // hash of it
    std::vector<Copy> copies;   // of each replica
  };
  using Keys = std::map<std::string, twopc::TxnId, std::less<>>;
  struct Replica {
    Keys locks;
    Keys unapplied;                 // the last commit of another replica that is not applied
    std::set<twopc::TxnId> needed;  // of which records may be needed
    std::map<Position, twopc::TxnId> positions;
  };
  using OriginKey = std::tuple<ReplicaId, Incarnation, std::uint64_t>;
  static OriginKey key_of(const twopc::Origin& it) {
    return {it.replica, it.incarnation, it.proposal};
  }

  Entry& at(const twopc::TxnId& id);
  const Entry* find(const twopc::TxnId& id) const;
  Replica& of(ReplicaId replica) { return replicas_[replica.value - 1]; }
  static Copy& copy(Entry& entry, ReplicaId replica) { return entry.copies[replica.value - 1]; }
  static const Copy& copy(const Entry& entry, ReplicaId replica) {
    return entry.copies[replica.value - 1];
  }
  std::optional<twopc::Record> decode(ReplicaId replica, const LogRecord& record);
  void lock(ReplicaId replica, const twopc::TxnId& id, const Entry& entry);
  static void forget(Keys& keys, const twopc::TxnId& id, const Entry& entry);
  void prepares(ReplicaId replica, const twopc::Record& record);
  void decides(ReplicaId replica, const twopc::Record& record);
  void learns(ReplicaId replica, const twopc::Record& record);
  void finishes(ReplicaId replica, const twopc::Record& record);
  void becomes(ReplicaId replica, const twopc::Record& record, Has has);
  void commits(const twopc::TxnId& id, const Entry& entry);
  bool is_needed(const twopc::TxnId& id, const Copy& copy, Position saved, ReplicaId replica) const;
  void check_kept(ReplicaId replica, const RecoveredLog& log, Position saved);
  void take_up(ReplicaId replica, Position saved);
  void fail(std::string_view invariant, ReplicaId replica, const twopc::TxnId& id,
            const std::string& what);

  const IncarnationOf incarnation_of_;
  Violation& violation_;
  std::vector<Replica> replicas_;
  std::map<twopc::TxnId, Entry> entries_;
  std::map<OriginKey, twopc::TxnId> first_tries_;
  // By coordinators' incarnations: after a restart what has the same one is over.
  std::map<std::pair<twopc::Timestamp, Incarnation>, OriginKey> timestamps_;
  std::set<OriginKey> dead_;  // of which nothing comes
  std::map<OriginKey, twopc::TxnId> committed_origins_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, twopc::TxnId> operations_;  // client, sequence
  std::set<std::pair<std::uint64_t, std::uint64_t>> refused_;  // the same, that never happen
  std::map<ReplicaId, twopc::TxnMark> marks_;                  // the highest of each coordinator
  std::uint64_t begun_ = 0;
  std::uint64_t committed_ = 0;
  std::uint64_t aborted_ = 0;
};

std::string_view to_string(Transactions::Has has);

}  // namespace rkv::sim
