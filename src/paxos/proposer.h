#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "paxos/ballot.h"
#include "paxos/message.h"
#include "paxos/options.h"
#include "paxos/value.h"
#include "protocol/quorum.h"

namespace rkv::paxos {

// The proposer of "Paxos Made Simple" for one ballot, and for all slots that are open at its time:
// phase 1 once for all of them, then phase 2 slot by slot. A replica makes a new one for each
// ballot.
//
// The leader of the paper is the replica whose proposer has got through phase 1.
class Proposer {
 public:
  Proposer(const Options& options, const protocol::Quorum& quorum, const Ballot& ballot)
      : options_(options), quorum_(quorum), ballot_(ballot) {}

  const Ballot& ballot() const { return ballot_; }

  // ---- Phase 1 ----

  // A member's promise: how far it knows all to be chosen, and its votes above.
  void add_promise(ReplicaId from, Slot chosen, const std::vector<AcceptedValue>& accepted);
  bool has_majority() const { return promises_.count() >= quorum_.majority(); }
  // Ends phase 1: every slot above chosen() that a member of the majority has voted in is proposed
  // again with the value of the highest ballot, and the gaps between them with no-ops. Slots at or
  // below chosen() are chosen: those are learned, never proposed.
  void begin_phase_two();
  bool is_leading() const { return leading_; }
  // Who has learned everything up to where this proposer began.
  ReplicaId most_learned() const { return most_learned_; }

  // ---- Phase 2 ----

  // Whether one more value may be proposed now.
  bool has_room(std::size_t bytes) const;
  // Proposes a value for the next slot.
  void propose(Value value);
  // A member has accepted the values of `count` slots. What is chosen by that is in chosen().
  void add_votes(ReplicaId from, Slot first, std::size_t count);
  bool has_vote(Slot slot, ReplicaId from) const;

  // Every slot up to this one is chosen, as far as this proposer knows.
  Slot chosen() const { return chosen_; }
  // The last slot inherited from earlier ballots; chosen() must have got there before this leader
  // knows what clients were told by others.
  Slot inherited() const { return inherited_; }
  // The slot that the next value gets.
  Slot next() const { return base_ + instances_.size() + 1; }
  // Whether value() may be called: the slot is open, or chosen and not yet forgotten.
  bool has_value(Slot slot) const { return slot > base_ && slot < next(); }
  const Value& value(Slot slot) const { return instances_[slot - base_ - 1].value; }
  // Everything up to this slot has been learned, from this proposer or from elsewhere: it is
  // chosen, and not needed here.
  void learned(Slot slot);

 private:
  // A slot in which a value was proposed.
  struct Instance {
    Value value;
    protocol::Votes votes;
  };

  void advance_chosen();
  void choose_next();

  const Options& options_;
  const protocol::Quorum& quorum_;
  const Ballot ballot_;

  protocol::Votes promises_;
  std::map<Slot, AcceptedValue> highest_;  // votes of the majority, of each slot the highest
  ReplicaId most_learned_;

  bool leading_ = false;
  Slot chosen_ = 0;
  Slot inherited_ = 0;
  Slot base_ = 0;                   // instances_[0] is of the slot behind it
  std::deque<Instance> instances_;  // of consecutive slots
  std::size_t open_bytes_ = 0;      // of the values above chosen_
};

}  // namespace rkv::paxos
