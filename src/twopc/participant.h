#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "twopc/context.h"
#include "twopc/recovery.h"
#include "twopc/view.h"

namespace rkv::twopc {

// The participant of two-phase commit: votes on the transactions that other replicas coordinate,
// holds their locks until it knows their outcome, and asks for that when nobody tells. Reads of
// this replica go by it: they wait for whatever may be committed already.
class Participant {
 public:
  explicit Participant(Context& context) : context_(context) {}

  // Takes up again what the log says that it has voted for, and what it knows the outcome of.
  void recover(const LogContents& contents);
  // Ends until the next recover(): everything that is not on disk is forgotten. Reads wait.
  void stop();
  bool is_running() const { return is_running_; }

  // ---- What coordinators say ----

  // Votes: the answer's sync is the ledger's.
  TxnPreparedFields prepare(ReplicaId from, const TxnPrepare& message);
  // Takes outcomes in. What woke up by that is in woken().
  TxnDecidedFields decide(ReplicaId from, const TxnDecide& message);
  void decided(const TxnId& id, Decision decision);

  // ---- In doubt ----

  // What this participant knows of a transaction that another replica coordinates. Of one that it
  // has not voted for it refuses to, for ever: then the ledger's sync comes before the answer.
  Knowledge tell(const TxnId& id);
  void answered(const Outgoing& outgoing, const TxnOutcome& answer);
  void not_answered(const Outgoing& outgoing);
  void peer_is_up(ReplicaId peer);

  // ---- Locks, reads, time ----

  // A transaction that waited holds its locks now, or is not to have them.
  void granted(const TxnId& id);
  void died(const TxnId& id);
  // Transactions of this replica's own clients that have got their locks, or lost their place,
  // since the last call, by what happened here.
  LockTable::Woken take_woken() { return std::exchange(woken_, {}); }

  void add_read(protocol::ReadId read, const std::string& key);
  // A commit is applied: who waited for it reads.
  void applied(const TransactionPtr& transaction);
  // Asks the state (protocol::Check) whether it knows an operation, when every commit of the key
  // that is known here is applied, and none is in doubt.
  void add_check(protocol::CallId check, const OperationId& operation,
                 protocol::ProposalId proposal, const std::string& key);

  void tick();
  TimePoint next_tick() const;
  // Sends late votes and questions.
  void flush();

  void describe(View& view) const;
  std::size_t in_doubt() const { return in_doubt_; }

 private:
  // Who waits for a transaction's end: a read, or a look at the state.
  struct Reader {
    std::string key;
    TimePoint came_at;
    protocol::ReadId read = 0;  // 0: a look
    protocol::Check check;
  };
  using ReaderId = std::uint64_t;
  struct Entry {
    enum class State {
      kWaiting,   // for its locks
      kPrepared,  // it has voted yes
      kEnding,    // committed, and not applied yet
    };
    State state = State::kWaiting;
    TransactionPtr transaction;
    std::uint64_t prepared = 0;  // its record
    TimePoint since;             // when it voted
    TimePoint ask_at;            // when it asks
    bool is_in_doubt = false;    // it has asked
    std::vector<ReaderId> readers;
  };
  using Entries = std::map<TxnId, Entry>;
  struct Outcome {
    Record::Type type = Record::Type::kCommitted;  // or kAborted, kRefused
    std::uint64_t pinned = 0;                      // its record; 0: none
  };

  static Claim claim_of(const Transaction& transaction) {
    return {transaction.timestamp, transaction.id};
  }
  Vote vote(const TransactionPtr& transaction, std::string* reason);
  void write_prepared(Entry& entry);
  void commit(Entries::iterator found);
  void abort(Entries::iterator found);
  void release(const Transaction& transaction);
  void remember(const TxnId& id, Record::Type type, std::uint64_t pinned);
  void saw_mark(ReplicaId coordinator, const TxnMark& mark);
  bool is_finished(const TxnId& id) const;
  void ask_later(const TxnId& id, Entry& entry);
  void ask_now(const TxnId& id, Entry& entry);
  bool asks_at(TimePoint at, const TxnId& id) const;
  void not_in_doubt(Entry& entry);
  bool is_overdue(const Entry& entry) const;
  void add_reader(Reader reader);
  // The same, with nobody to wait for but commits that are not applied yet.
  void add_reader_behind(Reader reader);
  Entry* blocking(const std::string& key);
  void serve(Reader& reader);
  void send_votes();
  void send_questions();

  Context& context_;
  bool is_running_ = true;
  Entries entries_;
  std::size_t entries_bytes_ = 0;
  std::size_t in_doubt_ = 0;  // of the entries
  std::map<TxnId, Outcome> outcomes_;
  std::map<ReplicaId, TxnMark> finished_below_;
  std::map<std::string, TxnId> unapplied_;  // by key: the last commit that is not applied yet
  // When each asks next, in that order; one that does not ask then any more may still be here.
  std::deque<std::pair<TimePoint, TxnId>> asking_;
  std::set<ReplicaId> asked_;  // and has not answered
  std::map<ReplicaId, std::vector<LateVote>> late_votes_;
  std::map<ReaderId, Reader> readers_;  // in the order in which they came
  ReaderId next_reader_ = 1;
  std::vector<ReaderId> readers_of_stopped_;
  std::vector<std::uint64_t> pins_of_stopped_;
  LockTable::Woken woken_;
};

}  // namespace rkv::twopc
