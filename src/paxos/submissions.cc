#include "paxos/submissions.h"

#include <utility>

#include "base/check.h"

namespace rkv::paxos {

void Submissions::add(protocol::Propose&& propose) {
  const Options& options = context_.options;
  if (pending_.size() >= options.waiting_max || pending_bytes_ >= options.waiting_bytes_max) {
    const Status busy(StatusCode::kBusy, "too many writes are waiting at this replica");
    context_.effects->emplace_back(protocol::Finish{propose.proposal, busy, {}, 0});
    return;
  }
  pending_bytes_ += propose.command->size();
  Pending& pending = pending_[propose.proposal];
  pending.value = {options.self, incarnation_, propose.proposal, std::move(propose.command)};
  pending.deadline = context_.now + options.request_timeout;
  waiting_.insert(propose.proposal);
}

Value Submissions::give_next(const Ballot& ballot) {
  Pending& pending = pending_.at(*waiting_.begin());
  waiting_.erase(waiting_.begin());
  pending.given_to = ballot;
  pending.may_have_run = true;
  return pending.value;
}

void Submissions::submit(ReplicaId leader, const Ballot& ballot) {
  const Options& options = context_.options;
  while (!waiting_.empty() && in_flight_ < options.messages_in_flight_max &&
         context_.now >= submit_again_at_) {
    SubmitFields fields;
    Outgoing outgoing{kSubmit, leader, ballot, context_.now, 0, 0, {}, {}};
    std::size_t bytes = 0;
    while (!waiting_.empty() && fields.values.size() < options.message_values_max &&
           (bytes == 0 || bytes + next_waiting().size() <= options.message_bytes_max)) {
      const protocol::ProposalId proposal = *waiting_.begin();
      Pending& pending = pending_.at(proposal);
      waiting_.erase(waiting_.begin());
      pending.given_to = ballot;
      bytes += pending.value.size();
      fields.values.push_back(pending.value);
      outgoing.proposals.push_back(proposal);
    }
    ++in_flight_;
    context_.send(std::make_shared<Submit>(std::move(fields)), std::move(outgoing));
  }
}

void Submissions::submitted(const Outgoing& outgoing, const SubmittedFields& answer) {
  --in_flight_;
  for (std::size_t i = 0; i < outgoing.proposals.size(); ++i) {
    const auto found = pending_.find(outgoing.proposals[i]);
    if (found == pending_.end()) continue;
    Pending& pending = found->second;
    if (i < answer.taken) {
      pending.may_have_run = true;
    } else if (pending.given_to == outgoing.ballot) {
      wait_again(found->first, pending.may_have_run);
    }
  }
  if (answer.taken < outgoing.proposals.size()) {
    submit_again_at_ = context_.now + context_.options.heartbeat;
  }
  refusal_ = answer.reason;
}

void Submissions::submit_failed(const Outgoing& outgoing, bool may_have_arrived) {
  --in_flight_;
  for (const protocol::ProposalId proposal : outgoing.proposals) {
    const auto found = pending_.find(proposal);
    if (found == pending_.end()) continue;
    Pending& pending = found->second;
    pending.may_have_run = pending.may_have_run || may_have_arrived;
    if (pending.given_to == outgoing.ballot) wait_again(proposal, pending.may_have_run);
  }
  submit_again_at_ = context_.now + context_.options.heartbeat;
}

void Submissions::wait_again(protocol::ProposalId proposal, bool may_have_run) {
  Pending& pending = pending_.at(proposal);
  pending.given_to = Ballot{};
  pending.may_have_run = may_have_run;
  waiting_.insert(proposal);
}

void Submissions::take_back_from_all_but(const Ballot& ballot) {
  for (const auto& [proposal, pending] : pending_) {
    if (pending.given_to == Ballot{} || pending.given_to == ballot) continue;
    // On its way to the old leader, or there already: that one may yet have proposed it.
    wait_again(proposal, true);
  }
}

protocol::ProposalId Submissions::applied(const Value& value) {
  if (value.origin != context_.options.self || value.incarnation != incarnation_) return 0;
  const auto found = pending_.find(value.proposal);
  if (found == pending_.end()) return 0;
  pending_bytes_ -= found->second.value.size();
  waiting_.erase(found->first);
  pending_.erase(found);
  return value.proposal;
}

void Submissions::finish(Iterator pending, Status status) {
  context_.effects->emplace_back(protocol::Finish{pending->first, std::move(status), {}, 0});
  pending_bytes_ -= pending->second.value.size();
  waiting_.erase(pending->first);
  pending_.erase(pending);
}

void Submissions::expire(const std::string& why) {
  const std::string reason = refusal_.empty() ? why : why + " (" + refusal_ + ")";
  while (!pending_.empty() && pending_.begin()->second.deadline <= context_.now) {
    const auto oldest = pending_.begin();
    // Given to somebody and not answered: it may be on its way.
    if (oldest->second.may_have_run || oldest->second.given_to != Ballot{}) {
      finish(oldest, Status(StatusCode::kUnknown,
                            "the write was sent to a leader, and what became of it is not known: " +
                                reason));
    } else {
      finish(oldest, Status::unavailable(reason));
    }
  }
}

void Submissions::refuse_waiting(const std::string& reason) {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const auto pending = pending_.find(*it++);
    if (!pending->second.may_have_run) finish(pending, Status::unavailable(reason));
  }
}

TimePoint Submissions::next_tick() const {
  TimePoint next = pending_.empty() ? kNever : pending_.begin()->second.deadline;
  if (!waiting_.empty() && submit_again_at_ > context_.now) {
    next = std::min(next, submit_again_at_);
  }
  return next;
}

}  // namespace rkv::paxos
