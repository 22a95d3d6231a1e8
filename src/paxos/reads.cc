#include "paxos/reads.h"

#include <algorithm>

namespace rkv::paxos {
namespace {

// A second question may leave while the first is on its way; reads that come meanwhile wait for the
// one after.
constexpr std::size_t kQuestionsMax = 2;

}  // namespace

void Reads::ask(ReplicaId leader) {
  if (fresh_.empty() || in_flight_ >= kQuestionsMax || context_.now < ask_again_at_) return;
  Outgoing outgoing{kReadIndex, leader, {}, context_.now, 0, 0, {}, {}};
  outgoing.reads.assign(fresh_.begin(), fresh_.end());
  fresh_.clear();
  ++in_flight_;
  context_.send(std::make_shared<ReadIndex>(ReadIndexFields{}), std::move(outgoing));
}

void Reads::answered(Outgoing&& outgoing, const ReadIndexAnswerFields& answer) {
  if (!answer.granted) {
    ask_failed(std::move(outgoing));
    return;
  }
  --in_flight_;
  for (const Waiting& read : outgoing.reads) set_index(read, answer.slot);
}

void Reads::ask_failed(Outgoing&& outgoing) {
  --in_flight_;
  fresh_.insert(fresh_.begin(), outgoing.reads.begin(), outgoing.reads.end());
  ask_again_at_ = context_.now + context_.options.heartbeat;
}

void Reads::allow(Slot applied) {
  while (!indexed_.empty() && indexed_.begin()->first <= applied) {
    context_.effects->emplace_back(protocol::AllowRead{indexed_.begin()->second.first});
    indexed_.erase(indexed_.begin());
  }
}

void Reads::expire(const std::string& reason) {
  const TimePoint oldest = TimePoint{context_.now.ns - context_.options.request_timeout.ns};
  const auto refuse_if_old = [this, oldest, &reason](const Waiting& read) {
    if (read.second > oldest) return false;
    context_.effects->emplace_back(protocol::RefuseRead{read.first, Status::unavailable(reason)});
    return true;
  };
  std::erase_if(fresh_, refuse_if_old);
  std::erase_if(indexed_, [&](const auto& entry) { return refuse_if_old(entry.second); });
}

TimePoint Reads::next_tick() const {
  TimePoint next = kNever;
  if (!fresh_.empty()) {
    next = fresh_.front().second + context_.options.request_timeout;
    if (ask_again_at_ > context_.now) next = std::min(next, ask_again_at_);
  }
  for (const auto& [slot, read] : indexed_) {
    next = std::min(next, read.second + context_.options.request_timeout);
    break;  // about the oldest: they are asked for in the order of coming
  }
  return next;
}

}  // namespace rkv::paxos
