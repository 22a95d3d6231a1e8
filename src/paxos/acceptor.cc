#include "paxos/acceptor.h"

#include <utility>

#include "base/check.h"

namespace rkv::paxos {

void Acceptor::recover(const Ballot& promised, std::map<Slot, Vote> votes,
                       std::optional<Slot> lost_up_to, TimePoint now) {
  is_running_ = true;
  promised_ = promised;
  votes_ = std::move(votes);
  vote_bytes_ = 0;
  for (const auto& [slot, vote] : votes_) vote_bytes_ += vote.value.size();
  lost_up_to_ = lost_up_to;
  silent_until_ = now + options_.lease;
}

void Acceptor::stop() {
  RKV_CHECK(is_running_ && !has_changed(), "who ends owes the log nothing");
  is_running_ = false;
  promised_ = Ballot{};
  votes_.clear();
  vote_bytes_ = 0;
  lost_up_to_.reset();
  silent_until_ = TimePoint{};
  bound_to_ = ReplicaId{};
  bound_until_ = TimePoint{};
}

bool Acceptor::would_promise(const Ballot& ballot, TimePoint now, std::string* why) const {
  if (!is_running_) {
    *why = "the acceptor is stopped";
  } else if (ballot <= promised_) {
    *why = "another ballot was promised";
  } else if (now < silent_until_) {
    *why = "a lease from before the start may still hold";
  } else if (now < bound_until_ && bound_to_ != ballot.replica) {
    *why = "the leader, replica " + std::to_string(bound_to_.value) + ", has a lease";
  } else if (lost_up_to_) {
    *why = "votes are damaged, and not yet replaced by what was chosen";
  } else {
    return true;
  }
  return false;
}

bool Acceptor::prepare(const Ballot& ballot, TimePoint now) {
  std::string why;
  if (!would_promise(ballot, now, &why)) return false;
  promised_ = ballot;
  promise_changed_ = true;
  return true;
}

bool Acceptor::follow(const Ballot& ballot, TimePoint now) {
  if (!is_running_ || ballot < promised_) return false;
  if (ballot > promised_) {
    promised_ = ballot;
    promise_changed_ = true;
  }
  bound_to_ = ballot.replica;
  bound_until_ = now + options_.lease;
  return true;
}

bool Acceptor::accept(const Ballot& ballot, Slot slot, const Value& value, Slot learned) {
  RKV_CHECK(is_running_ && ballot == promised_, "who accepts has promised that ballot");
  // Chosen is chosen: a majority that counts this one has a real vote for the same value.
  if (slot <= learned) return true;
  if (lost_up_to_ && slot <= *lost_up_to_) return false;
  // Twice what a leader may have open: that much can come together when leaders change.
  if (slot > learned + 2 * options_.window_slots_max) return false;
  const auto [it, is_new] = votes_.try_emplace(slot);
  Vote& vote = it->second;
  if (!is_new && vote.ballot == ballot) return true;  // the message came twice
  if (vote_bytes_ - vote.value.size() + value.size() > 2 * options_.window_bytes_max) {
    if (is_new) votes_.erase(it);
    return false;
  }
  vote_bytes_ += value.size() - vote.value.size();
  vote = {ballot, value};
  new_records_.push_back(encode_record({SlotRecord::Type::kAccepted, slot, ballot, value}));
  return true;
}

void Acceptor::forget(Slot learned) {
  while (!votes_.empty() && votes_.begin()->first <= learned) {
    vote_bytes_ -= votes_.begin()->second.value.size();
    votes_.erase(votes_.begin());
  }
  if (lost_up_to_ && learned >= *lost_up_to_) lost_up_to_.reset();
}

const Acceptor::Vote* Acceptor::vote(Slot slot) const {
  const auto found = votes_.find(slot);
  return found == votes_.end() ? nullptr : &found->second;
}

std::vector<LogRecord> Acceptor::take_records() {
  promise_changed_ = false;
  return std::exchange(new_records_, {});
}

std::vector<LogRecord> Acceptor::live_records() const {
  std::vector<LogRecord> records;
  records.reserve(votes_.size());
  for (const auto& [slot, vote] : votes_) {
    records.push_back(encode_record({SlotRecord::Type::kAccepted, slot, vote.ballot, vote.value}));
  }
  return records;
}

}  // namespace rkv::paxos
