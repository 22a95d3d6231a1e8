#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "paxos/ballot.h"
#include "paxos/message.h"
#include "paxos/options.h"
#include "paxos/records.h"
#include "paxos/value.h"

namespace rkv::paxos {

// The acceptor of "Paxos Made Simple", for all slots at once: one promise covers every slot. Votes
// are kept for slots that this replica has not learned yet; what it has learned is chosen, and its
// learner knows the value.
//
// It also stands behind leases: whose message it has taken gets its word that nobody else is
// promised anything for a while. The word is not on disk; therefore an acceptor promises nothing
// for one full lease after each start, whatever it may have said before.
//
// It changes memory only. What changed since take_records() must be durable before it is spoken of.
class Acceptor {
 public:
  struct Vote {
    Ballot ballot;
    Value value;
  };

  explicit Acceptor(const Options& options) : options_(options) {}

  // Takes up again after a start, of the process or of this role. `votes`: those above what the
  // learner has learned. With `lost_up_to`, votes for slots up to there may be missing from them.
  void recover(const Ballot& promised, std::map<Slot, Vote> votes, std::optional<Slot> lost_up_to,
               TimePoint now);

  // Ends, until recover(), with everything written down that has changed: it knows nothing,
  // promises nothing, not even that it has promised something, and votes for nothing.
  void stop();
  bool is_running() const { return is_running_; }

  // Whether prepare() would promise. If not, `why` says what is against it.
  bool would_promise(const Ballot& ballot, TimePoint now, std::string* why) const;
  // Phase 1 (b): promises to accept nothing below this ballot.
  bool prepare(const Ballot& ballot, TimePoint now);

  // Whether a message of this ballot's leader is to be listened to: nothing higher is promised. If
  // so, its ballot counts as promised, and the leader has this replica's word for one lease.
  bool follow(const Ballot& ballot, TimePoint now);
  // Phase 2 (b), after follow(): accepts a value. False if this acceptor cannot vote: it lags too
  // far behind, or may have lost a vote for this slot.
  bool accept(const Ballot& ballot, Slot slot, const Value& value, Slot learned);

  // The learner has learned everything up to this slot: votes for it are history.
  void forget(Slot learned);

  const Ballot& promised() const { return promised_; }
  const std::map<Slot, Vote>& votes() const { return votes_; }
  const Vote* vote(Slot slot) const;
  // Set while votes that were durable once may be missing: see recover().
  std::optional<Slot> lost_up_to() const { return lost_up_to_; }
  // Until when nobody but the leader it follows can be promised anything.
  TimePoint bound_until() const { return bound_until_; }

  // Whether something changed since then that must become durable before it is spoken of.
  bool has_changed() const { return promise_changed_ || !new_records_.empty(); }
  // Whether what is promised did.
  bool promise_has_changed() const { return promise_changed_; }
  // The votes since the last call. What changed counts as written down from then on.
  std::vector<LogRecord> take_records();
  // All votes, as records.
  std::vector<LogRecord> live_records() const;

 private:
  const Options& options_;
  Ballot promised_;
  std::map<Slot, Vote> votes_;
  std::size_t vote_bytes_ = 0;
  std::optional<Slot> lost_up_to_;
  bool is_running_ = true;

  TimePoint silent_until_;  // after a start: for one lease
  ReplicaId bound_to_;
  TimePoint bound_until_;

  bool promise_changed_ = false;
  std::vector<LogRecord> new_records_;
};

}  // namespace rkv::paxos
