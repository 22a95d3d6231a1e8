#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "paxos/ballot.h"
#include "paxos/context.h"
#include "paxos/value.h"
#include "protocol/event.h"

namespace rkv::paxos {

// The writes that clients of this replica wait for: first for a leader to take them, then for their
// turn in the sequence of chosen values. While there is no leader they wait; when there is a new
// one, what the old one had goes to the new one again. A value may be chosen twice by that: the
// state machine knows it by its operation id.
//
// A write ends when its value is applied here. When it is too old it ends as "not available" if
// nobody ever got it, and as "unknown" otherwise.
class Submissions {
 public:
  explicit Submissions(Context& context) : context_(context) {}
  // Which start of this replica it is: what was submitted before it is nobody's any more.
  void set_incarnation(Incarnation incarnation) { incarnation_ = incarnation; }

  // Takes a client's write in, or ends it at once: there are too many.
  void add(protocol::Propose&& propose);

  // The oldest write that no leader has.
  bool has_waiting() const { return !waiting_.empty(); }
  const Value& next_waiting() const { return pending_.at(*waiting_.begin()).value; }
  // Gives it to the leader of this ballot.
  Value give_next(const Ballot& ballot);

  // Gives as many as fit to another replica, the leader of this ballot, as one message.
  void submit(ReplicaId leader, const Ballot& ballot);
  // How that ended.
  void submitted(const Outgoing& outgoing, const SubmittedFields& answer);
  void submit_failed(const Outgoing& outgoing, bool may_have_arrived);

  // From now on only the leader of this ballot has writes; what others had waits again.
  void take_back_from_all_but(const Ballot& ballot);

  // A value is being applied. Returns whose it is here, or 0 if nobody here waits for it.
  protocol::ProposalId applied(const Value& value);

  // Ends what is too old. `why` is why writes wait.
  void expire(const std::string& why);
  // Refuses what waits and has never been given to anybody.
  void refuse_waiting(const std::string& reason);
  // When the oldest one is too old, or what was refused may be tried again.
  TimePoint next_tick() const;

 private:
  struct Pending {
    Value value;
    TimePoint deadline;
    Ballot given_to;            // no ballot: it waits
    bool may_have_run = false;  // some leader may have proposed it
  };
  using Iterator = std::map<protocol::ProposalId, Pending>::iterator;

  void wait_again(protocol::ProposalId proposal, bool may_have_run);
  void finish(Iterator pending, Status status);

  Context& context_;
  Incarnation incarnation_ = 0;
  std::map<protocol::ProposalId, Pending> pending_;  // in the order of coming, so of deadlines
  std::size_t pending_bytes_ = 0;
  std::set<protocol::ProposalId> waiting_;
  std::size_t in_flight_ = 0;  // messages to leaders
  TimePoint submit_again_at_;  // not before then: the last try was refused
  std::string refusal_;        // why, as the leader has said
};

}  // namespace rkv::paxos
