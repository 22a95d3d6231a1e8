#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/random.h"
#include "base/time.h"
#include "paxos/context.h"
#include "paxos/proposer.h"

namespace rkv::paxos {

// Decides when this replica tries to become the leader, and does so: "Paxos Made Simple" (section
// 2.4) wants a distinguished proposer and leaves its election open, because safety does not rest on
// it. Here a replica that has heard of no leader for a random time asks all others whether they
// would promise it a ballot (pre-vote); only if a majority would, it makes one and begins phase 1.
// So a replica that was cut off, or is the only one not to hear of the leader, disturbs nobody.
class Elector {
 public:
  Elector(Context& context, std::uint64_t seed) : context_(context), random_(seed) {}

  // Takes up after a start, of the process or of the proposer: nobody leads, as far as this replica
  // knows. It promises itself a ballot above all that its acceptor has promised, so it never has
  // one again that it had before.
  void start();
  // Ends, until start(): this replica does not stand, but hears who leads.
  void stop();

  // A leader's message was taken.
  void heard_from_leader(const Ballot& ballot);
  // The leader is said to be gone. The time to stand comes as soon as it may.
  void leader_is_gone();
  // This replica has led, and does not any more. If it was outbid it stands again at once: some
  // acceptor has promised a ballot that came to nothing, perhaps, and follows only a higher one.
  void has_yielded(bool was_outbid);
  // Nobody, or who led when last heard of.
  ReplicaId leader() const { return leader_ballot_.replica; }
  const Ballot& leader_ballot() const { return leader_ballot_; }

  // A ballot was seen: the next one of this replica will be higher.
  void saw(const Ballot& ballot);
  // Whether this replica is in the middle of an election of its own.
  bool is_standing() const { return stage_ != Stage::kFollowing; }
  // Gives it up.
  void stand_down();

  // Begins an election if it is time.
  void tick();
  TimePoint next_tick() const { return stand_at_; }

  void answered(const Outgoing& outgoing, const PreVoteAnswerFields& answer);
  void answered(const Outgoing& outgoing, const PromiseFields& answer);
  // What was persisted up to there is durable: this replica's own promise, perhaps.
  void persisted(protocol::SyncPoint sync);
  // The proposer that has a majority of promises, once; null as long as there is none.
  std::unique_ptr<Proposer> take_won();

  // Whether this replica could not lead, because it has missed what nobody keeps any more.
  bool is_behind() const { return is_behind_; }

 private:
  enum class Stage { kFollowing, kAsking, kPreparing };

  bool may_stand() const { return !is_stopped_ && context_.learner.is_running(); }
  void wait_again();
  void ask();
  void prepare();
  void add_own_promise();

  Context& context_;
  Random random_;
  Stage stage_ = Stage::kFollowing;
  Ballot leader_ballot_;  // of the leader last heard of; none: nobody
  Ballot highest_;        // seen
  TimePoint stand_at_ = kNever;
  bool is_stopped_ = false;

  // Of the election in progress.
  Ballot ballot_;
  protocol::Votes pre_votes_;
  Slot best_chosen_ = 0;  // of those who would promise, the one who has learned most:
  Slot best_cut_ = 0;     // up to where it cannot tell
  std::unique_ptr<Proposer> proposer_;
  std::optional<protocol::SyncPoint> own_promise_sync_;
  bool is_behind_ = false;
};

}  // namespace rkv::paxos
