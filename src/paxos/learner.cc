#include "paxos/learner.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace rkv::paxos {

void Learner::recover(Slot learned, std::deque<Value> kept) {
  is_running_ = true;
  learned_ = learned;
  known_chosen_ = learned;
  taken_ = learned;
  kept_ = std::move(kept);
  kept_bytes_ = 0;
  for (const Value& value : kept_) kept_bytes_ += value.size();
  RKV_CHECK(kept_.size() <= learned_, "there is a slot for every value that is kept");
}

void Learner::stop() {
  RKV_CHECK(is_running_ && taken_ == learned_, "what was learned is taken in the same turn");
  cut_at_stop_ = cut();
  is_running_ = false;
  known_chosen_ = learned_;
  kept_.clear();
  kept_bytes_ = 0;
}

Slot Learner::told_chosen(Slot chosen, const Ballot& ballot, const Acceptor& acceptor) {
  if (!is_running_) return learned_;
  known_chosen_ = std::max(known_chosen_, chosen);
  while (learned_ < chosen) {
    const Acceptor::Vote* vote = acceptor.vote(learned_ + 1);
    if (vote == nullptr || vote->ballot != ballot) break;
    learn(vote->value);
  }
  return learned_;
}

void Learner::learn(Value value) {
  RKV_CHECK(is_running_, "a stopped learner learns nothing");
  kept_bytes_ += value.size();
  kept_.push_back(std::move(value));
  ++learned_;
  known_chosen_ = std::max(known_chosen_, learned_);
}

const Value& Learner::value(Slot slot) const {
  RKV_CHECK(is_running_ && slot > cut() && slot <= learned_, "the value of this slot is kept");
  return kept_[slot - cut() - 1];
}

bool Learner::may_be_chosen(Slot slot, const Value& candidate) const {
  if (slot > learned_ || slot <= cut()) return true;
  return is_running_ && value(slot) == candidate;
}

bool Learner::cut_kept() {
  if (!is_running_) return false;
  const Slot before = cut();
  const Slot allowed = std::min(saved_, taken_);
  while (cut() < allowed &&
         (kept_.size() > options_.kept_slots || kept_bytes_ > options_.kept_bytes)) {
    kept_bytes_ -= kept_.front().size();
    kept_.pop_front();
  }
  return cut() > before;
}

}  // namespace rkv::paxos
