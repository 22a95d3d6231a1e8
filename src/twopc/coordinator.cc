#include "twopc/coordinator.h"

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/limits.h"

namespace rkv::twopc {

void Coordinator::recover(const LogContents& contents) {
  is_running_ = true;
  outboxes_.resize(context_.members.size());
  inboxes_.resize(context_.members.size());
  for (const LogContents::Commit& commit : contents.commits) {
    if (commit.type != Record::Type::kDecided || commit.is_finished) continue;
    if (context_.members.empty()) continue;
    context_.ledger.pin(commit.number);
    const bool is_durable = commit.position <= context_.ledger.applied();
    unfinished_[commit.id] = {commit.number, is_durable, all_members()};
    if (!is_durable) continue;
    for (Outbox& outbox : outboxes_) outbox.outcomes.push_back({commit.id, Decision::kCommit});
  }
  for (const std::uint64_t pin : std::exchange(pins_of_stopped_, {})) context_.ledger.unpin(pin);
}

// Decisions that are on their way to the disk end as they would have: the clients may be told.
void Coordinator::stop() {
  end_all_undecided(
      Status::unavailable("the coordinator of " + context_.own_name() + " is stopped"));
  send_ends();
  is_running_ = false;
  for (const auto& [id, unfinished] : unfinished_) pins_of_stopped_.push_back(unfinished.number);
  unfinished_.clear();
  for (Outbox& outbox : outboxes_) {
    outbox.prepares.clear();
    outbox.outcomes.clear();
  }
}

std::size_t Coordinator::index_of(ReplicaId member) const {
  std::size_t index = 0;
  while (index < context_.members.size() && context_.members[index].id != member) ++index;
  RKV_CHECK(index < context_.members.size(), "who is spoken of is another member");
  return index;
}

// ---- A write begins -----------------------------------------------------------------------------

Status Coordinator::why_not() const {
  if (!is_running_) {
    return Status::unavailable("the coordinator of " + context_.own_name() + " is stopped");
  }
  if (!context_.participant_is_running) {
    return Status::unavailable("the participant of " + context_.own_name() + " is stopped");
  }
  std::string reason = context_.why_full();
  if (reason.empty()) reason = context_.who_is_down();
  if (!reason.empty()) return Status::unavailable(std::move(reason));
  return Status();
}

void Coordinator::add(const Origin& origin, Submission submission) {
  Status status = why_not();
  const Options& options = context_.options;
  const std::size_t size = submission.command->size();
  if (status.ok() &&
      (writes_.size() >= options.waiting_max || unfinished_.size() >= options.unfinished_max ||
       writes_bytes_ + size > options.waiting_bytes_max)) {
    status = Status(StatusCode::kBusy, "too many writes wait at " + context_.own_name());
  }
  if (!status.ok()) {
    tell_origin(origin, status, false);
    return;
  }
  const Serial serial = next_serial_++;
  Write& write = writes_[serial];
  write.origin = origin;
  write.submission = std::move(submission);
  write.timestamp = {context_.tick_clock(), options.self};
  write.came_at = context_.now;
  writes_bytes_ += size;
  try_to_lock(serial, write);
}

void Coordinator::add_submitted(ReplicaId from, const TxnSubmit& message) {
  Inbox& inbox = inboxes_[index_of(from)];
  if (message.incarnation < inbox.incarnation) return;
  if (message.incarnation > inbox.incarnation) inbox = {message.incarnation, 1, {}};
  inbox.ended_below = std::max(inbox.ended_below, message.ended_below);
  inbox.seen.erase(inbox.seen.begin(), inbox.seen.lower_bound(inbox.ended_below));
  if (message.number < inbox.ended_below || !inbox.seen.insert(message.number).second) return;
  for (const Submission& each : message.submissions) {
    add({from, message.incarnation, each.proposal}, each);
  }
}

void Coordinator::try_to_lock(Serial serial, Write& write) {
  // Before it has any lock: one that has must not wait for who may be waiting for it.
  if (open_.size() >= context_.options.voting_max) {
    write.state = Write::State::kHeldBack;
    held_back_.push_back(serial);
    return;
  }
  write.state = Write::State::kWaiting;
  const auto result =
      context_.locks.acquire(claim_of(serial, write), write.submission.keys, true, woken_);
  RKV_CHECK(result != LockTable::Result::kDies, "who holds nothing may wait for anybody");
  if (result == LockTable::Result::kGranted) begin_voting(serial, write);
}

void Coordinator::granted(const Claim& claim) {
  const auto found = writes_.find(claim.id.number);
  if (found == writes_.end()) return;  // it has ended since
  RKV_CHECK(found->second.state == Write::State::kWaiting, "who is granted locks has waited");
  begin_voting(found->first, found->second);
}

void Coordinator::begin_voting(Serial serial, Write& write) {
  const Submission& submission = write.submission;
  auto transaction = std::make_shared<Transaction>();
  transaction->id = {context_.options.self, context_.incarnation, next_number_++};
  transaction->timestamp = write.timestamp;
  transaction->origin = write.origin;
  transaction->operation = submission.operation;
  transaction->keys = submission.keys;
  transaction->command = submission.command;
  write.state = Write::State::kVoting;
  write.transaction = std::move(transaction);
  write.began_at = context_.now;
  write.sent = write.yes = write.no = 0;
  open_[write.transaction->id.number] = serial;
  for (Outbox& outbox : outboxes_) outbox.prepares.push_back(write.transaction);
  // Every commit of these keys that this replica has voted for is known here, since it held the
  // lock until then: nobody else can have made the same write unseen.
  write.is_checked = submission.operation.client == 0;
  if (!write.is_checked) {
    const protocol::CallId check = context_.next_check();
    checks_[check] = {serial, write.transaction->id.number};
    const bool is_own = write.origin.replica == context_.options.self;
    participant_.add_check(check, submission.operation, is_own ? submission.proposal : 0,
                           submission.keys.front());
  }
  decide_if_all_agree(writes_.find(serial));
}

bool Coordinator::checked(const protocol::Checked& checked) {
  const auto check = checks_.find(checked.check);
  if (check == checks_.end()) return false;
  const auto [serial, number] = check->second;
  checks_.erase(check);
  const auto found = writes_.find(serial);
  if (found == writes_.end()) return true;
  Write& write = found->second;
  // It may have been for an earlier try.
  if (write.state != Write::State::kVoting || write.transaction->id.number != number) return true;
  if (checked.is_full) {
    end(found, Status(StatusCode::kBusy, "there is no room to remember another write for retries"),
        false);
    return true;
  }
  if (!checked.is_known) {
    write.is_checked = true;
    decide_if_all_agree(found);
    return true;
  }
  end(found, Status(), true);
  return true;
}

// ---- Votes and the decision ---------------------------------------------------------------------

void Coordinator::answered(const Outgoing& outgoing, const TxnPrepared& answer) {
  Outbox& outbox = outbox_of(outgoing.to);
  --outbox.prepares_in_flight;
  for (std::size_t i = 0; i < outgoing.ids.size(); ++i) {
    const Vote given = i < answer.votes.size() ? answer.votes[i] : Vote::kRefused;
    vote(outgoing.to, outgoing.ids[i], given, answer.reason);
  }
}

void Coordinator::late_votes(ReplicaId from, const TxnVotes& message) {
  for (const LateVote& late : message.votes) vote(from, late.id, late.vote, message.reason);
}

void Coordinator::vote(ReplicaId from, const TxnId& id, Vote vote, const std::string& reason) {
  if (id.coordinator != context_.options.self || id.incarnation != context_.incarnation) return;
  const auto open = open_.find(id.number);
  if (open == open_.end()) return;  // it is decided
  const auto found = writes_.find(open->second);
  Write& write = found->second;
  switch (vote) {
    case Vote::kYes:
      write.yes |= bit_of(from);
      decide_if_all_agree(found);
      break;
    case Vote::kWaits:
      break;
    case Vote::kConflict:
      write.no |= bit_of(from);
      rest(found);
      break;
    case Vote::kRefused:
      write.no |= bit_of(from);
      end(found, Status::unavailable(reason), false);
      break;
  }
}

void Coordinator::decide_if_all_agree(Writes::iterator found) {
  Write& write = found->second;
  if (write.yes != all_members() || !write.is_checked) return;
  const TxnId& id = write.transaction->id;
  write.state = Write::State::kDeciding;
  open_.erase(id.number);
  deciding_[id.number] = found->first;
  RKV_FAILPOINT(twopc_before_decision);
  const std::uint64_t number =
      context_.ledger.append_commit(Record::Type::kDecided, write.transaction, 0);
  context_.ledger.pin(number);
  unfinished_[id] = {number, false, all_members()};
  context_.locks.is_ending(claim_of(found->first, write));
}

void Coordinator::decided(const TransactionPtr& transaction) {
  const TxnId& id = transaction->id;
  RKV_FAILPOINT(twopc_after_decision);
  if (const auto deciding = deciding_.find(id.number);
      deciding != deciding_.end() && id.incarnation == context_.incarnation) {
    const auto found = writes_.find(deciding->second);
    deciding_.erase(deciding);
    tell_origin_committed(found->second);
    context_.locks.release(claim_of(found->first, found->second), woken_);
    erase(found);
  }
  const auto unfinished = unfinished_.find(id);
  if (unfinished == unfinished_.end()) return;  // the role has stopped since
  unfinished->second.is_durable = true;
  for (Outbox& outbox : outboxes_) outbox.outcomes.push_back({id, Decision::kCommit});
  if (unfinished->second.missing == 0) finish(unfinished);
}

// ---- A try that comes to nothing ----------------------------------------------------------------

// Those that have voted yes, or may have, are told; who does not hear it will ask.
void Coordinator::abort(Serial serial, Write& write) {
  const TxnId& id = write.transaction->id;
  open_.erase(id.number);
  for (std::size_t i = 0; i < outboxes_.size(); ++i) {
    const std::uint32_t bit = 1U << i;
    if ((write.sent & bit) != 0 && (write.no & bit) == 0 && context_.members[i].up) {
      outboxes_[i].outcomes.push_back({id, Decision::kAbort});
    }
  }
  context_.locks.release(claim_of(serial, write), woken_);
}

void Coordinator::rest(Writes::iterator found) {
  Write& write = found->second;
  ++conflicts_;
  abort(found->first, write);
  // The older one may have got the lock here by that: then its end is waited for, and no longer.
  if (is_locked_by_another(write)) {
    try_to_lock(found->first, write);
    return;
  }
  const Options& options = context_.options;
  constexpr int kDoublingsMax = 10;
  const Duration rest = options.retry_min * (1 << std::min(write.conflicts++, kDoublingsMax));
  write.state = Write::State::kResting;
  resting_.emplace(context_.now + std::min(rest, options.retry_max), found->first);
}

bool Coordinator::is_locked_by_another(const Write& write) const {
  const std::vector<std::string>& keys = write.submission.keys;
  return std::any_of(keys.begin(), keys.end(), [this](const std::string& key) {
    const Claim* const holder = context_.locks.holder(key);
    return holder != nullptr && holder->id.coordinator != context_.options.self;
  });
}

void Coordinator::end(Writes::iterator found, const Status& status, bool is_repeated) {
  Write& write = found->second;
  switch (write.state) {
    case Write::State::kVoting:
      if (!is_repeated) ++aborted_;
      abort(found->first, write);
      break;
    case Write::State::kWaiting:
      context_.locks.release(claim_of(found->first, write), woken_);
      break;
    case Write::State::kHeldBack:
    case Write::State::kResting:
      break;
    case Write::State::kDeciding:
      RKV_CHECK(false, "what is decided is made");
  }
  tell_origin(write.origin, status, is_repeated);
  erase(found);
}

// What still names it elsewhere finds nothing there.
void Coordinator::erase(Writes::iterator found) {
  writes_bytes_ -= found->second.submission.command->size();
  writes_.erase(found);
}

void Coordinator::end_all_undecided(const Status& status) {
  std::vector<Serial> undecided;
  for (const auto& [serial, write] : writes_) {
    if (write.state != Write::State::kDeciding) undecided.push_back(serial);
  }
  for (const Serial serial : undecided) {
    if (const auto found = writes_.find(serial); found != writes_.end()) end(found, status, false);
  }
}

void Coordinator::tell_origin_committed(const Write& write) {
  // Another origin hears of it as a participant.
  if (write.origin.replica == context_.options.self) {
    context_.finish(write.origin.proposal, Status());
  }
}

void Coordinator::tell_origin(const Origin& origin, const Status& status, bool is_repeated) {
  if (origin.replica == context_.options.self) {
    context_.finish(origin.proposal, status);
    return;
  }
  SubmissionEnd end{origin.proposal, SubmissionEnd::What::kNotAvailable, status.reason()};
  if (is_repeated) end.what = SubmissionEnd::What::kRepeated;
  if (status.code() == StatusCode::kBusy) end.what = SubmissionEnd::What::kBusy;
  ends_[{origin.replica, origin.incarnation}].push_back(std::move(end));
}

// ---- Everybody knows ----------------------------------------------------------------------------

void Coordinator::answered(const Outgoing& outgoing, const TxnDecided& answer) {
  Outbox& outbox = outbox_of(outgoing.to);
  --outbox.decides_in_flight;
  if (!answer.refused.empty()) {
    say_again(outgoing);
    return;
  }
  for (const OutcomeOf& each : outgoing.outcomes) {
    if (each.decision == Decision::kCommit) acknowledged(outgoing.to, each.id);
  }
}

void Coordinator::acknowledged(ReplicaId from, const TxnId& id) {
  const auto found = unfinished_.find(id);
  if (found == unfinished_.end()) return;
  found->second.missing &= ~bit_of(from);
  if (found->second.missing == 0) finish(found);
}

void Coordinator::finish(std::map<TxnId, Unfinished>::iterator found) {
  RKV_FAILPOINT(twopc_before_finish);
  context_.ledger.append_lazily(Record::Type::kFinished, found->first);
  context_.ledger.unpin(found->second.number);
  unfinished_.erase(found);
}

void Coordinator::say_again(const Outgoing& outgoing) {
  if (!is_running_ || !context_.member(outgoing.to).up) return;
  Outbox& outbox = outbox_of(outgoing.to);
  outbox.outcomes.insert(outbox.outcomes.begin(), outgoing.outcomes.begin(),
                         outgoing.outcomes.end());
  outbox.outcomes_again_at = context_.now + context_.options.resend_after;
}

// ---- Messages that fail, members that go and come -----------------------------------------------

void Coordinator::failed(const Outgoing& outgoing, const std::string& reason) {
  Outbox& outbox = outbox_of(outgoing.to);
  if (outgoing.tag == kTxnDecide) {
    --outbox.decides_in_flight;
    say_again(outgoing);
    return;
  }
  --outbox.prepares_in_flight;
  for (const TxnId& id : outgoing.ids) {
    if (id.incarnation != context_.incarnation) continue;
    const auto open = open_.find(id.number);
    if (open == open_.end()) continue;
    end(writes_.find(open->second),
        Status::unavailable(Context::name(outgoing.to) + " has not voted: " + reason), false);
  }
}

void Coordinator::peer_is_down(ReplicaId peer, const std::string& reason) {
  end_all_undecided(Status::unavailable(reason));
  Outbox& outbox = outbox_of(peer);
  outbox.prepares.clear();
  outbox.outcomes.clear();
}

// What it has not acknowledged it may not have heard.
void Coordinator::peer_is_up(ReplicaId peer) {
  Outbox& outbox = outbox_of(peer);
  outbox.outcomes.clear();
  outbox.outcomes_again_at = context_.now;
  for (const auto& [id, unfinished] : unfinished_) {
    if (unfinished.is_durable && (unfinished.missing & bit_of(peer)) != 0) {
      outbox.outcomes.push_back({id, Decision::kCommit});
    }
  }
}

void Coordinator::participant_stopped() {
  end_all_undecided(
      Status::unavailable("the participant of " + context_.own_name() + " is stopped"));
}

Knowledge Coordinator::tell(const TxnId& id) const {
  if (!is_running_ || id.incarnation > context_.incarnation) return Knowledge::kUnknown;
  const auto unfinished = unfinished_.find(id);
  if (unfinished != unfinished_.end()) {
    return unfinished->second.is_durable ? Knowledge::kCommitted : Knowledge::kUnknown;
  }
  const bool is_open = id.incarnation == context_.incarnation &&
                       (open_.contains(id.number) || deciding_.contains(id.number));
  return is_open ? Knowledge::kUnknown : Knowledge::kAborted;
}

// ---- Time ---------------------------------------------------------------------------------------

std::string Coordinator::who_has_not_voted(const Write& write) const {
  for (std::size_t i = 0; i < context_.members.size(); ++i) {
    if ((write.yes & (1U << i)) == 0) {
      return Context::name(context_.members[i].id) + " has not voted within " +
             std::to_string(context_.options.vote_timeout.ms()) + " ms";
    }
  }
  return "the state has not told in time whether the write was made before";
}

std::string Coordinator::why_waiting(const Write& write) const {
  for (const std::string& key : write.submission.keys) {
    const Claim* const holder = context_.locks.holder(key);
    if (holder == nullptr || holder->id.coordinator == context_.options.self) continue;
    return "its key is locked by a transaction that " + Context::name(holder->id.coordinator) +
           " coordinates";
  }
  return "older writes of its key have taken too long";
}

void Coordinator::tick() {
  const Options& options = context_.options;
  while (!open_.empty()) {
    const auto found = writes_.find(open_.begin()->second);
    if (found->second.began_at + options.vote_timeout > context_.now) break;
    end(found, Status::unavailable(who_has_not_voted(found->second)), false);
  }
  while (true) {
    const auto oldest = oldest_undecided();
    if (oldest == writes_.end()) break;
    if (oldest->second.came_at + options.request_timeout > context_.now) break;
    end(oldest, Status::unavailable(why_waiting(oldest->second)), false);
  }
  while (!resting_.empty() && resting_.begin()->first <= context_.now) {
    const Serial serial = resting_.begin()->second;
    resting_.erase(resting_.begin());
    const auto found = writes_.find(serial);
    if (found != writes_.end()) try_to_lock(serial, found->second);
  }
}

Coordinator::Writes::iterator Coordinator::oldest_undecided() {
  return std::find_if(writes_.begin(), writes_.end(), [](const auto& each) {
    return each.second.state != Write::State::kDeciding;
  });
}

TimePoint Coordinator::next_tick() const {
  const Options& options = context_.options;
  TimePoint next = resting_.empty() ? kNever : resting_.begin()->first;
  if (!open_.empty()) {
    next = std::min(next, writes_.at(open_.begin()->second).began_at + options.vote_timeout);
  }
  const auto oldest = const_cast<Coordinator*>(this)->oldest_undecided();
  if (oldest != writes_.end()) {
    next = std::min(next, oldest->second.came_at + options.request_timeout);
  }
  for (const Outbox& outbox : outboxes_) {
    if (!outbox.outcomes.empty() && outbox.outcomes_again_at > context_.now) {
      next = std::min(next, outbox.outcomes_again_at);
    }
  }
  return next;
}

// ---- Sending ------------------------------------------------------------------------------------

// Whatever is behind this is finished: committed everywhere, or aborted for good.
TxnMark Coordinator::finished_below() const {
  TxnMark mark{context_.incarnation, next_number_};
  if (!open_.empty()) mark.number = open_.begin()->first;
  if (!unfinished_.empty()) {
    const TxnId& first = unfinished_.begin()->first;
    mark = std::min(mark, TxnMark{first.incarnation, first.number});
  }
  return mark;
}

void Coordinator::flush() {
  send_ends();
  if (!is_running_) return;
  while (!held_back_.empty() && open_.size() < context_.options.voting_max) {
    const Serial serial = held_back_.front();
    held_back_.pop_front();
    const auto found = writes_.find(serial);
    if (found != writes_.end()) try_to_lock(serial, found->second);
  }
  for (std::size_t member = 0; member < outboxes_.size(); ++member) {
    if (!context_.members[member].up) continue;
    send_outcomes(member);
    send_prepares(member);
  }
}

void Coordinator::send_outcomes(std::size_t member) {
  Outbox& outbox = outboxes_[member];
  const Options& options = context_.options;
  if (context_.now < outbox.outcomes_again_at) return;
  while (!outbox.outcomes.empty() && outbox.decides_in_flight < options.messages_in_flight_max) {
    const std::size_t count = std::min(outbox.outcomes.size(), kDecisionsMax);
    const auto end = outbox.outcomes.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<OutcomeOf> outcomes(outbox.outcomes.begin(), end);
    outbox.outcomes.erase(outbox.outcomes.begin(), end);
    ++outbox.decides_in_flight;
    auto message =
        std::make_shared<TxnDecide>(TxnDecideFields{context_.clock(), finished_below(), outcomes});
    context_.send(std::move(message),
                  {kTxnDecide, context_.members[member].id, {}, std::move(outcomes), {}});
  }
}

void Coordinator::send_prepares(std::size_t member) {
  Outbox& outbox = outboxes_[member];
  const Options& options = context_.options;
  while (!outbox.prepares.empty() && outbox.prepares_in_flight < options.messages_in_flight_max) {
    TxnPrepareFields fields{context_.clock(), finished_below(), {}};
    std::vector<TxnId> ids;
    std::size_t bytes = 0;
    while (!outbox.prepares.empty() && ids.size() < options.message_transactions_max) {
      TransactionPtr& next = outbox.prepares.front();
      const auto open = open_.find(next->id.number);
      if (open != open_.end()) {  // it was not given up meanwhile
        bytes += next->command->size();
        if (!ids.empty() && bytes > options.message_bytes_max) break;
        writes_.at(open->second).sent |= 1U << member;
        ids.push_back(next->id);
        fields.transactions.push_back(std::move(next));
      }
      outbox.prepares.pop_front();
    }
    if (ids.empty()) return;
    ++outbox.prepares_in_flight;
    context_.send(std::make_shared<TxnPrepare>(std::move(fields)),
                  {kTxnPrepare, context_.members[member].id, std::move(ids), {}, {}});
  }
}

void Coordinator::send_ends() {
  for (auto& [to, ends] : std::exchange(ends_, {})) {
    for (std::size_t first = 0; first < ends.size(); first += kBatchCommandsMax) {
      const std::size_t last = std::min(ends.size(), first + kBatchCommandsMax);
      TxnEndedFields fields{context_.clock(), to.second, {}};
      fields.ends.assign(ends.begin() + static_cast<std::ptrdiff_t>(first),
                         ends.begin() + static_cast<std::ptrdiff_t>(last));
      context_.send(std::make_shared<TxnEnded>(std::move(fields)),
                    {kTxnEnded, to.first, {}, {}, {}});
    }
  }
}

void Coordinator::describe(View& view) const {
  view.voting = open_.size() + deciding_.size();
  view.waiting = writes_.size() - view.voting;
  view.unfinished = unfinished_.size();
  view.conflicts = conflicts_;
  view.aborted = aborted_;
}

}  // namespace rkv::twopc
