#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "twopc/context.h"
#include "twopc/participant.h"
#include "twopc/recovery.h"
#include "twopc/view.h"

namespace rkv::twopc {

// The coordinator of two-phase commit, for the writes of this replica's clients, or of all
// replicas' where all go through one. A write locks its keys here, then at all the others, and is
// committed when each has voted yes and the decision is on disk; anything else aborts it. One that
// met an older write is tried again.
class Coordinator {
 public:
  Coordinator(Context& context, Participant& participant)
      : context_(context), participant_(participant) {}

  // Takes up again the decisions that not every participant has on disk.
  void recover(const LogContents& contents);
  // Ends until the next recover(): what is not decided is aborted, and said to be.
  void stop();
  bool is_running() const { return is_running_; }

  // A write of a client of `origin`. What becomes of it is told there.
  void add(const Origin& origin, Submission submission);
  // Writes of another replica's clients. Those of a message that came before are not taken twice.
  void add_submitted(ReplicaId from, const TxnSubmit& message);
  // Whether the state knows the operation of a write already. False if that was not asked here.
  bool checked(const protocol::Checked& checked);

  void answered(const Outgoing& outgoing, const TxnPrepared& answer);
  void answered(const Outgoing& outgoing, const TxnDecided& answer);
  void failed(const Outgoing& outgoing, const std::string& reason);
  void late_votes(ReplicaId from, const TxnVotes& message);
  void peer_is_up(ReplicaId peer);
  void peer_is_down(ReplicaId peer, const std::string& reason);
  // The participant of this replica has stopped: nothing that is not decided can go on.
  void participant_stopped();

  // A decision is durable, and applied.
  void decided(const TransactionPtr& transaction);
  // What became of a transaction of this coordinator: one that is neither open nor written down as
  // committed was aborted.
  Knowledge tell(const TxnId& id) const;

  // A write that waited holds its locks now. `claim` is one of this coordinator.
  void granted(const Claim& claim);
  // Claims of whomever that have got their locks or died, since the last call, by what this
  // coordinator did.
  LockTable::Woken take_woken() { return std::exchange(woken_, {}); }

  void tick();
  TimePoint next_tick() const;
  // Sends what is to be sent.
  void flush();

  void describe(View& view) const;

 private:
  using Serial = std::uint64_t;  // of a write, in the order in which they came
  struct Write {
    enum class State {
      kHeldBack,  // until fewer are open
      kWaiting,   // for its locks here
      kVoting,
      kDeciding,  // committed when that is on disk
      kResting,   // before it is tried again
    };
    State state = State::kHeldBack;
    Origin origin;
    Submission submission;
    Timestamp timestamp;
    TimePoint came_at;
    int conflicts = 0;
    // Of the try that is under way:
    TransactionPtr transaction;
    TimePoint began_at;
    std::uint32_t sent = 0;  // to which members, as bits
    std::uint32_t yes = 0;   // who has voted so
    std::uint32_t no = 0;
    bool is_checked = false;
  };
  using Writes = std::map<Serial, Write>;
  // A commit that not every participant has on disk.
  struct Unfinished {
    std::uint64_t number = 0;  // of its record, which is pinned
    bool is_durable = false;
    std::uint32_t missing = 0;  // members, as bits
  };
  // Which messages of a member with its clients' writes have come.
  struct Inbox {
    Incarnation incarnation = 0;
    std::uint64_t ended_below = 1;
    std::set<std::uint64_t> seen;  // not below that: no more than may be under way
  };
  // What a member is to be sent.
  struct Outbox {
    std::deque<TransactionPtr> prepares;
    std::deque<OutcomeOf> outcomes;
    std::size_t prepares_in_flight = 0;
    std::size_t decides_in_flight = 0;
    TimePoint outcomes_again_at = kLongAgo;
  };

  Claim claim_of(Serial serial, const Write& write) const {
    return {write.timestamp, {context_.options.self, context_.incarnation, serial}};
  }
  std::size_t index_of(ReplicaId member) const;
  std::uint32_t bit_of(ReplicaId member) const { return 1U << index_of(member); }
  std::uint32_t all_members() const { return (1U << context_.members.size()) - 1; }
  Status why_not() const;
  void try_to_lock(Serial serial, Write& write);
  void begin_voting(Serial serial, Write& write);
  void vote(ReplicaId from, const TxnId& id, Vote vote, const std::string& reason);
  void decide_if_all_agree(Writes::iterator found);
  void abort(Serial serial, Write& write);
  void rest(Writes::iterator found);
  bool is_locked_by_another(const Write& write) const;
  // A write ends without being made; or it was made before.
  void end(Writes::iterator found, const Status& status, bool is_repeated);
  void erase(Writes::iterator found);
  void tell_origin_committed(const Write& write);
  void tell_origin(const Origin& origin, const Status& status, bool is_repeated);
  void end_all_undecided(const Status& status);
  void acknowledged(ReplicaId from, const TxnId& id);
  void finish(std::map<TxnId, Unfinished>::iterator found);
  void say_again(const Outgoing& outgoing);
  Outbox& outbox_of(ReplicaId member) { return outboxes_[index_of(member)]; }
  Writes::iterator oldest_undecided();
  std::string who_has_not_voted(const Write& write) const;
  std::string why_waiting(const Write& write) const;
  TxnMark finished_below() const;
  void send_outcomes(std::size_t member);
  void send_prepares(std::size_t member);
  void send_ends();

  Context& context_;
  Participant& participant_;
  bool is_running_ = true;
  Writes writes_;
  std::size_t writes_bytes_ = 0;
  std::map<std::uint64_t, Serial>
      open_;  // by the number of its transaction: what is being voted on
  std::map<std::uint64_t, Serial> deciding_;  // the same, what waits for the disk
  std::map<TxnId, Unfinished> unfinished_;
  std::deque<Serial> held_back_;
  std::multimap<TimePoint, Serial> resting_;
  std::map<protocol::CallId, std::pair<Serial, std::uint64_t>>
      checks_;                    // and the transaction's number
  std::vector<Outbox> outboxes_;  // by member
  std::vector<Inbox> inboxes_;    // the same
  // For other origins, and which start of them.
  std::map<std::pair<ReplicaId, Incarnation>, std::vector<SubmissionEnd>> ends_;
  std::vector<std::uint64_t> pins_of_stopped_;
  LockTable::Woken woken_;
  Serial next_serial_ = 1;
  std::uint64_t next_number_ = 1;  // goes on over a stop of the role
  std::uint64_t conflicts_ = 0;
  std::uint64_t aborted_ = 0;
};

}  // namespace rkv::twopc
