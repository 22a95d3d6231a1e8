#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "paxos/context.h"
#include "protocol/event.h"

namespace rkv::paxos {

// The reads that clients of this replica wait for. A read may be answered from this replica's own
// state once that has applied every write that was acknowledged before the read began: up to the
// read index, which only a leader can tell that is sure to be the leader still. One question to the
// leader is for all reads that have come until then.
class Reads {
 public:
  explicit Reads(Context& context) : context_(context) {}

  void add(protocol::ReadId read) { fresh_.emplace_back(read, context_.now); }

  // Asks this leader for the read index of all that have none yet.
  void ask(ReplicaId leader);
  void answered(Outgoing&& outgoing, const ReadIndexAnswerFields& answer);
  void ask_failed(Outgoing&& outgoing);

  // Takes all reads that have no index: this replica leads, and finds one itself.
  using Waiting = std::pair<protocol::ReadId, TimePoint>;  // and when it came
  std::deque<Waiting> take_fresh() { return std::exchange(fresh_, {}); }
  void give_back(const Waiting& read) { fresh_.push_back(read); }
  // A read may be answered when this slot is applied.
  void set_index(const Waiting& read, Slot index) { indexed_.emplace(index, read); }

  // Allows what may be answered now.
  void allow(Slot applied);
  // Ends what is too old. `reason` is why reads wait.
  void expire(const std::string& reason);
  TimePoint next_tick() const;

 private:
  Context& context_;
  std::deque<Waiting> fresh_;
  std::multimap<Slot, Waiting> indexed_;
  std::size_t in_flight_ = 0;  // questions to leaders
  TimePoint ask_again_at_;     // not before then: the last question failed
};

}  // namespace rkv::paxos
