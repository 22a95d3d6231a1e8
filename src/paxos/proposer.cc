#include "paxos/proposer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace rkv::paxos {

void Proposer::add_promise(ReplicaId from, Slot chosen,
                           const std::vector<AcceptedValue>& accepted) {
  RKV_CHECK(!leading_, "promises are for phase 1");
  promises_.add(quorum_.index_of(from));
  if (most_learned_ == ReplicaId{} || chosen > chosen_) {
    chosen_ = chosen;
    most_learned_ = from;
  }
  for (const AcceptedValue& vote : accepted) {
    const auto [it, is_new] = highest_.try_emplace(vote.slot, vote);
    if (!is_new && it->second.ballot < vote.ballot) it->second = vote;
  }
}

void Proposer::begin_phase_two() {
  RKV_CHECK(has_majority() && !leading_, "phase 2 follows phase 1, once");
  leading_ = true;
  base_ = chosen_;
  inherited_ = chosen_;
  if (!highest_.empty()) inherited_ = std::max(inherited_, highest_.rbegin()->first);
  for (Slot slot = chosen_ + 1; slot <= inherited_; ++slot) {
    const auto voted = highest_.find(slot);
    propose(voted == highest_.end() ? Value() : std::move(voted->second.value));
  }
  highest_.clear();
}

bool Proposer::has_room(std::size_t bytes) const {
  const Slot open = next() - 1 - chosen_;
  if (open == 0) return true;
  return open < options_.window_slots_max && open_bytes_ + bytes <= options_.window_bytes_max;
}

void Proposer::propose(Value value) {
  open_bytes_ += value.size();
  instances_.push_back({std::move(value), {}});
}

void Proposer::add_votes(ReplicaId from, Slot first, std::size_t count) {
  const std::size_t member = quorum_.index_of(from);
  const Slot end = std::min(first + count, next());
  for (Slot slot = std::max(first, chosen_ + 1); slot < end; ++slot) {
    instances_[slot - base_ - 1].votes.add(member);
  }
  advance_chosen();
}

void Proposer::advance_chosen() {
  while (chosen_ + 1 < next()) {
    const Instance& instance = instances_[chosen_ - base_];
    if (instance.votes.count() < quorum_.majority()) return;
    choose_next();
  }
}

void Proposer::choose_next() {
  open_bytes_ -= instances_[chosen_ - base_].value.size();
  ++chosen_;
}

bool Proposer::has_vote(Slot slot, ReplicaId from) const {
  return instances_[slot - base_ - 1].votes.has(quorum_.index_of(from));
}

void Proposer::learned(Slot slot) {
  while (chosen_ < slot && chosen_ + 1 < next()) choose_next();
  while (!instances_.empty() && base_ < std::min(slot, chosen_)) {
    instances_.pop_front();
    ++base_;
  }
}

}  // namespace rkv::paxos
