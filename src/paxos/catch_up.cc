#include "paxos/catch_up.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace rkv::paxos {

void CatchUp::flush() {
  const Learner& learner = context_.learner;
  if (in_flight_ || context_.now < ask_again_at_) return;
  if (learner.learned() >= learner.known_chosen() || context_.quorum.size() == 1) return;
  if (context_.is_unwritten_full() || context_.is_unsaved_full()) return;
  if (source_ == ReplicaId{} || source_ == context_.options.self) try_next();
  in_flight_ = true;
  const Slot first = learner.learned() + 1;
  context_.send(std::make_shared<Fetch>(FetchFields{first}),
                {kFetch, source_, {}, context_.now, first, 0, {}, {}});
}

void CatchUp::answered(const Outgoing& outgoing, const FetchedFields& answer) {
  Learner& learner = context_.learner;
  if (!learner.is_running()) {
    failed(outgoing);
    return;
  }
  // Knowing how far it goes on, the next question follows by itself; its own votes cannot help.
  learner.told_chosen(answer.chosen, Ballot{}, context_.acceptor);
  if (answer.cut >= outgoing.first) refused_.add(context_.quorum.index_of(outgoing.to));
  if (answer.values.empty()) {
    failed(outgoing);
    return;
  }
  in_flight_ = false;
  asked_in_vain_ = {};
  refused_ = {};
  Slot slot = answer.first;
  for (const Value& value : answer.values) {
    // Learned by other ways meanwhile: then this one is the same.
    if (slot == learner.learned() + 1) context_.learn_and_record(value);
    ++slot;
  }
}

void CatchUp::failed(const Outgoing& outgoing) {
  in_flight_ = false;
  asked_in_vain_.add(context_.quorum.index_of(outgoing.to));
  if (asked_in_vain_.count() == context_.quorum.size() - 1) asked_in_vain_ = {};
  if (source_ == outgoing.to) try_next();
  ask_again_at_ = context_.now + context_.options.heartbeat;
}

// The next one that was not asked in vain.
void CatchUp::try_next() {
  const std::vector<ReplicaId>& members = context_.quorum.members();
  do {
    auto next = std::upper_bound(members.begin(), members.end(), source_);
    source_ = next == members.end() ? members.front() : *next;
  } while (source_ == context_.options.self ||
           asked_in_vain_.has(context_.quorum.index_of(source_)));
}

TimePoint CatchUp::next_tick() const {
  const bool wants = context_.learner.learned() < context_.learner.known_chosen();
  return wants && !in_flight_ && ask_again_at_ > context_.now ? ask_again_at_ : kNever;
}

FetchedFields CatchUp::values_from(Slot first) const {
  const Learner& learner = context_.learner;
  FetchedFields answer{first, {}, learner.learned(), learner.cut()};
  // A stopped one cannot tell now, and will be able to.
  if (first <= learner.cut() || !learner.is_running()) return answer;
  std::size_t bytes = 0;
  for (Slot slot = first; slot <= learner.learned(); ++slot) {
    const Value& value = learner.value(slot);
    bytes += value.size();
    if (!answer.values.empty() && (answer.values.size() >= context_.options.fetched_values_max ||
                                   bytes > context_.options.message_bytes_max)) {
      break;
    }
    answer.values.push_back(value);
  }
  return answer;
}

}  // namespace rkv::paxos
