#include "twopc/submitter.h"

#include <memory>
#include <utility>
#include <vector>

namespace rkv::twopc {

void Submitter::add(Submission submission) {
  const Options& options = context_.options;
  const Member& coordinator = context_.member(options.coordinator);
  if (!coordinator.up) {
    context_.finish(submission.proposal,
                    Status::unavailable(coordinator.reason + "; all writes go through it"));
    return;
  }
  const std::size_t size = submission.command->size();
  if (waiting_.size() >= options.waiting_max || outbox_bytes_ + size > options.waiting_bytes_max) {
    context_.finish(submission.proposal,
                    Status(StatusCode::kBusy, "too many writes wait for the coordinator"));
    return;
  }
  waiting_[submission.proposal] = {context_.now, submission.keys.front(), submission.operation,
                                   false};
  outbox_bytes_ += size;
  outbox_.push_back(std::move(submission));
}

void Submitter::end(protocol::ProposalId proposal, Status status) {
  if (waiting_.erase(proposal) != 0) context_.finish(proposal, std::move(status));
}

void Submitter::applied(protocol::ProposalId proposal) { end(proposal, Status()); }

void Submitter::answered(const Outgoing& outgoing, const TxnSubmitted& answer) {
  in_flight_.erase(outgoing.number);
  for (std::size_t i = answer.taken; i < outgoing.proposals.size(); ++i) {
    end(outgoing.proposals[i], Status(StatusCode::kBusy, answer.reason));
  }
}

void Submitter::failed(const Outgoing& outgoing, bool delivered_possible,
                       const std::string& reason) {
  in_flight_.erase(outgoing.number);
  const std::string why =
      Context::name(outgoing.to) + ", through which all writes go, has not answered: " + reason;
  for (const protocol::ProposalId proposal : outgoing.proposals) {
    end(proposal,
        delivered_possible ? Status(StatusCode::kUnknown, why) : Status::unavailable(why));
  }
}

void Submitter::ended(const TxnEnded& message) {
  if (message.incarnation != context_.incarnation) return;
  for (const SubmissionEnd& each : message.ends) {
    const auto found = waiting_.find(each.proposal);
    if (found == waiting_.end()) continue;
    switch (each.what) {
      case SubmissionEnd::What::kRepeated: {
        // The first one was voted for here: behind it, the state has its reply.
        const protocol::CallId check = context_.next_check();
        checks_[check] = each.proposal;
        participant_.add_check(check, found->second.operation, each.proposal, found->second.key);
        break;
      }
      case SubmissionEnd::What::kNotAvailable:
        end(each.proposal, Status::unavailable(each.reason));
        break;
      case SubmissionEnd::What::kBusy:
        end(each.proposal, Status(StatusCode::kBusy, each.reason));
        break;
    }
  }
}

bool Submitter::checked(const protocol::Checked& checked) {
  const auto found = checks_.find(checked.check);
  if (found == checks_.end()) return false;
  const protocol::ProposalId proposal = found->second;
  checks_.erase(found);
  if (checked.is_known) {
    end(proposal, Status());
  } else {
    end(proposal,
        Status(StatusCode::kUnknown, "the coordinator knows this write, and " +
                                         context_.own_name() + " does not remember its reply"));
  }
  return true;
}

void Submitter::coordinator_is_down(const std::string& reason) {
  outbox_.clear();
  outbox_bytes_ = 0;
  for (const auto& [proposal, waiting] : std::exchange(waiting_, {})) {
    context_.finish(proposal, waiting.was_sent ? Status(StatusCode::kUnknown, reason)
                                               : Status::unavailable(reason));
  }
}

void Submitter::tick() {
  // The coordinator gives up sooner, and says so; this is for when that is not heard.
  const Duration timeout = context_.options.request_timeout * 2;
  while (!waiting_.empty() && waiting_.begin()->second.came_at + timeout <= context_.now) {
    end(waiting_.begin()->first,
        Status(StatusCode::kUnknown,
               Context::name(context_.options.coordinator) + ", the coordinator, has not told"));
  }
}

TimePoint Submitter::next_tick() const {
  if (waiting_.empty()) return kNever;
  return waiting_.begin()->second.came_at + context_.options.request_timeout * 2;
}

void Submitter::flush() {
  const Options& options = context_.options;
  while (!outbox_.empty() && in_flight_.size() < options.messages_in_flight_max) {
    TxnSubmitFields fields{context_.clock(), context_.incarnation, {}};
    std::vector<protocol::ProposalId> proposals;
    std::size_t bytes = 0;
    while (!outbox_.empty() && proposals.size() < options.message_transactions_max) {
      Submission& next = outbox_.front();
      bytes += next.command->size();
      if (!proposals.empty() && bytes > options.message_bytes_max) break;
      outbox_bytes_ -= next.command->size();
      const auto waiting = waiting_.find(next.proposal);
      if (waiting != waiting_.end()) {
        waiting->second.was_sent = true;
        proposals.push_back(next.proposal);
        fields.submissions.push_back(std::move(next));
      }
      outbox_.pop_front();
    }
    if (proposals.empty()) return;
    fields.number = next_number_++;
    in_flight_.insert(fields.number);
    fields.ended_below = *in_flight_.begin();
    Outgoing outgoing{kTxnSubmit, options.coordinator, {}, {}, std::move(proposals), fields.number};
    context_.send(std::make_shared<TxnSubmit>(std::move(fields)), std::move(outgoing));
  }
}

}  // namespace rkv::twopc
