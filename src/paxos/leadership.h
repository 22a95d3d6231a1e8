#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "paxos/context.h"
#include "paxos/lease.h"
#include "paxos/proposer.h"
#include "paxos/reads.h"
#include "paxos/submissions.h"

namespace rkv::paxos {

// What a replica does while it leads: phase 2 for all slots, pipelined; heartbeats; the lease; read
// indexes. Made when phase 1 is done, and gone with the ballot.
class Leadership {
 public:
  Leadership(Context& context, std::unique_ptr<Proposer> proposer, Submissions& submissions,
             Reads& reads);

  const Ballot& ballot() const { return proposer_->ballot(); }
  Slot chosen() const { return proposer_->chosen(); }
  ReplicaId most_learned() const { return proposer_->most_learned(); }
  // Whether everything that earlier leaders may have told clients is chosen and applied here.
  // Before that nothing new is taken, and no read answered.
  bool is_serving() const { return context_.learner.learned() >= proposer_->inherited(); }
  // Until when no other replica can become leader.
  TimePoint lease_until() const { return lease_.holds_until(); }

  // Values of another replica's clients, to be proposed.
  SubmittedFields take(const SubmitFields& fields);
  // Another replica asks for a read index. Answered at once or later.
  void ask_read_index(protocol::CallId call);

  void answered(const Outgoing& outgoing, const AcceptedFields& answer);
  void failed(const Outgoing& outgoing);
  void persisted(protocol::SyncPoint sync);
  void peer_is_up(ReplicaId peer, bool up);

  // Somebody else leads at a higher ballot.
  void outbid() { is_outbid_ = true; }
  // This replica's acceptor is back: has it vote for what is open. Without it, a majority of the
  // others votes and gives its word.
  void acceptor_is_back();

  // Gives the learner what is chosen.
  void learn();
  // Proposes what waits, finds read indexes, and sends what there is to send.
  void flush();
  TimePoint next_tick() const;

  // This replica's acceptor is one of the leader's followers, and gives its word like the others.
  // False if it has promised a higher ballot.
  bool follow_self();
  // Why this replica must not go on leading; empty: it may.
  std::string must_yield() const;
  // Whether an acceptor has promised somebody else a higher ballot, and will not follow this one.
  bool is_outbid() const { return is_outbid_; }
  // The end: answers who waits for an answer of the leader.
  void yield();

 private:
  // What another replica is sent.
  struct Follower {
    ReplicaId id;
    bool up = true;
    Slot next = 0;         // the first slot not sent yet
    Slot told_chosen = 0;  // how far it was told all is chosen
    // Messages not answered yet. Those with values wait for the follower's disk, and must not keep
    // it from hearing that there is a leader.
    std::size_t values_in_flight = 0;
    std::size_t heartbeats_in_flight = 0;
    TimePoint sent_at = kLongAgo;          // when it was last sent something
    TimePoint heartbeat_at = kLongAgo;     // when it must be sent something at the latest
    TimePoint values_again_at = kLongAgo;  // not before then: it could not vote
    Slot learned = 0;                      // what it has said of itself
    TimePoint learned_at = kLongAgo;       // when it last had learned more

    std::size_t& in_flight(const Outgoing& message) {
      return message.count > 0 ? values_in_flight : heartbeats_in_flight;
    }
  };
  // Votes of this replica's own acceptor, to be counted when they are durable.
  struct OwnVotes {
    protocol::SyncPoint sync = 0;
    Slot first = 0;
    std::size_t count = 0;
    TimePoint since;
  };
  // Somebody waits for a read index.
  struct ReadWaiting {
    TimePoint came_at;
    Slot index = 0;
    protocol::CallId call = 0;  // of another replica; 0: a client's read here
    Reads::Waiting read;
  };

  Slot read_index() const;
  Follower& follower(ReplicaId id);
  void vote_for_own(Slot slot, const Value& value);
  bool must_wait_for_slow() const;
  void propose_waiting();
  void find_read_indexes();
  void send_to(Follower& follower);
  std::size_t values_to_send(const Follower& follower, Slot* first) const;
  protocol::MessagePtr accept_message(Slot first, std::size_t count);
  void note_progress();

  Context& context_;
  const std::unique_ptr<Proposer> proposer_;
  Submissions& submissions_;
  Reads& reads_;
  LeaderLease lease_;
  const TimePoint began_at_;

  std::vector<Follower> followers_;
  std::deque<OwnVotes> own_votes_;
  std::deque<Value> taken_;  // of other replicas, not proposed yet
  std::size_t taken_bytes_ = 0;
  std::deque<ReadWaiting> reads_waiting_;
  TimePoint round_wanted_at_ = kLongAgo;  // every follower is to be asked once more, after this

  bool is_outbid_ = false;
  // Progress towards serving.
  Slot progress_ = 0;
  TimePoint progress_at_;

  // The last Accept made in this flush: followers that are level get the same one.
  protocol::MessagePtr last_message_;
  Slot last_first_ = 0;
  std::size_t last_count_ = 0;
};

}  // namespace rkv::paxos
