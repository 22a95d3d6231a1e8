#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "protocol/effect.h"
#include "protocol/protocol.h"
#include "twopc/records.h"

namespace rkv::twopc {

// What one replica writes down, and the order in which it applies.
//
// A commit gets its position when its record is appended, and is applied when that is durable: so
// the records, in their order, say what the state at any position stands for. A record is kept as
// long as it is pinned; the log is cut below the first one that is.
class Ledger {
 public:
  // A commit that is durable, and the next one to be applied.
  struct Durable {
    Record::Type type = Record::Type::kDecided;  // or kCommitted
    std::uint64_t number = 0;                    // of the record
    Position position = 0;
    TransactionPtr transaction;
  };

  // Takes up again: behind what the log says, with everything up to `applied` in the state. What is
  // needed of the log must be pinned before the next cut.
  void recover(const Standing& standing, Position applied);
  // A commit that the log held at the start, and the state may not. In the order of the records.
  // Returns true if it is to be applied now.
  bool replay(Position position, std::uint64_t prepared, std::uint64_t number);

  // Appends a record to the batch of this turn, and returns its number.
  std::uint64_t append(Record::Type type, const TxnId& id, TransactionPtr transaction = nullptr);
  // The same for one that nobody waits for: it goes with the next batch.
  void append_lazily(Record::Type type, const TxnId& id);
  // What was appended lazily goes with this turn: the log is about to be read.
  void hurry(TimePoint now) { lazy_due_ = lazy_.empty() ? kNever : now; }
  // Appends that a transaction is committed: applied when that is durable. The records from
  // `prepared` (0: there is none but this one) on are needed until the state that holds it is
  // saved.
  std::uint64_t append_commit(Record::Type type, TransactionPtr transaction,
                              std::uint64_t prepared);

  // The Persist after which everything that was appended so far is durable.
  protocol::SyncPoint sync() const { return batch_.empty() ? syncs_ : syncs_ + 1; }
  // What this Persist has made durable, in the order of the positions.
  std::vector<Durable> persisted(protocol::SyncPoint sync);
  // The state on disk stands for everything up to this position.
  void saved(Position position);

  // Keeps a record in the log until unpin(). Counted.
  void pin(std::uint64_t number);
  void unpin(std::uint64_t number);

  // Ends a turn: writes what was appended, and cuts the log.
  void flush(TimePoint now, std::uint64_t clock, protocol::Effects& effects);
  TimePoint next_tick() const { return lazy_due_; }

  Position applied() const { return applied_; }  // the last position handed out to be applied

 private:
  struct Waiting {
    protocol::SyncPoint sync = 0;
    Durable commit;
  };
  struct Unsaved {
    Position position = 0;
    std::uint64_t prepared = 0;  // a record, or 0
    std::uint64_t committed = 0;
  };
  std::uint64_t encode(Record record);
  std::uint64_t cut() const { return pins_base_ - 1; }

  std::uint64_t last_number_ = 0;
  Position last_position_ = 0;  // of the last commit appended
  Position applied_ = 0;
  protocol::SyncPoint syncs_ = 0;
  std::vector<LogRecord> batch_;    // of this turn
  std::vector<Record> lazy_;        // for the next batch
  TimePoint lazy_due_ = kNever;     // when they are written without one
  std::deque<Waiting> waiting_;     // to become durable
  std::deque<Unsaved> unsaved_;     // applied or about to be, and not in the state on disk
  std::deque<std::uint16_t> pins_;  // of the records from pins_base_ on
  std::uint64_t pins_base_ = 1;
  // The cut that the standing of a Persist says: told to the log when that is durable, so that no
  // start takes what is left of a cut part for the whole.
  std::deque<std::pair<protocol::SyncPoint, std::uint64_t>> cuts_;
  std::uint64_t cut_written_ = 0;
  std::uint64_t cut_allowed_ = 0;
  std::uint64_t cut_told_ = 0;
};

}  // namespace rkv::twopc
