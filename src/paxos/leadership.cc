#include "paxos/leadership.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace rkv::paxos {

Leadership::Leadership(Context& context, std::unique_ptr<Proposer> proposer,
                       Submissions& submissions, Reads& reads)
    : context_(context),
      proposer_(std::move(proposer)),
      submissions_(submissions),
      reads_(reads),
      lease_(context.options, context.quorum.size(), context.quorum.majority()),
      began_at_(context.now),
      progress_at_(context.now) {
  proposer_->begin_phase_two();
  context_.for_each_peer([this](ReplicaId peer) {
    Follower follower;
    follower.id = peer;
    follower.next = proposer_->chosen() + 1;
    followers_.push_back(follower);
  });
  // This replica's acceptor has promised the ballot, and follows it unless it has promised another.
  if (!context_.acceptor.follow(ballot(), context_.now)) return;
  for (Slot slot = proposer_->chosen() + 1; slot < proposer_->next(); ++slot) {
    vote_for_own(slot, proposer_->value(slot));
  }
}

Leadership::Follower& Leadership::follower(ReplicaId id) {
  const auto found = std::find_if(followers_.begin(), followers_.end(),
                                  [id](const Follower& each) { return each.id == id; });
  RKV_CHECK(found != followers_.end(), "a follower is another member");
  return *found;
}

void Leadership::vote_for_own(Slot slot, const Value& value) {
  Acceptor& acceptor = context_.acceptor;
  if (!acceptor.is_running()) return;
  if (!acceptor.accept(ballot(), slot, value, context_.learner.learned())) return;
  const protocol::SyncPoint sync = context_.this_sync();
  if (!own_votes_.empty() && own_votes_.back().sync == sync &&
      own_votes_.back().first + own_votes_.back().count == slot) {
    ++own_votes_.back().count;
  } else {
    own_votes_.push_back({sync, slot, 1, context_.now});
  }
}

void Leadership::acceptor_is_back() {
  if (!follow_self()) return;
  const Slot first = std::max(chosen(), context_.learner.learned()) + 1;
  for (Slot slot = first; slot < proposer_->next(); ++slot) {
    // What it had voted for before is counted already, or will be when its sync is done.
    const Acceptor::Vote* own = context_.acceptor.vote(slot);
    if (own == nullptr || own->ballot != ballot()) vote_for_own(slot, proposer_->value(slot));
  }
}

SubmittedFields Leadership::take(const SubmitFields& fields) {
  SubmittedFields answer{0, ballot(), {}};
  const Options& options = context_.options;
  if (!is_serving()) {
    answer.reason = "the leader has not learned yet what was chosen before it";
    return answer;
  }
  answer.reason = context_.why_full();
  if (!answer.reason.empty()) return answer;
  for (const Value& value : fields.values) {
    if (taken_.size() >= options.waiting_max || taken_bytes_ >= options.waiting_bytes_max) {
      answer.reason = "too many writes are waiting at the leader";
      break;
    }
    taken_bytes_ += value.size();
    taken_.push_back(value);
    ++answer.taken;
  }
  return answer;
}

void Leadership::ask_read_index(protocol::CallId call) {
  if (!is_serving()) {
    context_.respond(call, std::make_shared<ReadIndexAnswer>(ReadIndexAnswerFields{false, 0}));
    return;
  }
  reads_waiting_.push_back({context_.now, read_index(), call, {}});
}

// What this leader has learned from others may be ahead of what was chosen by its own proposals: a
// client may have been told of it.
Slot Leadership::read_index() const { return std::max(chosen(), context_.learner.learned()); }

void Leadership::answered(const Outgoing& outgoing, const AcceptedFields& answer) {
  if (outgoing.ballot != ballot()) return;
  Follower& from = follower(outgoing.to);
  --from.in_flight(outgoing);
  from.up = true;
  if (answer.chosen > from.learned) {
    from.learned = answer.chosen;
    from.learned_at = context_.now;
  }
  if (answer.promised > ballot()) {
    is_outbid_ = true;
    return;
  }
  if (answer.promised < ballot()) {
    // Its acceptor is stopped: it has given neither a vote nor its word.
    if (outgoing.count > 0) from.next = std::min(from.next, outgoing.first);
    from.values_again_at = context_.now + context_.options.heartbeat;
    return;
  }
  lease_.heard_from(context_.quorum.index_of(outgoing.to), outgoing.sent_at);
  const std::size_t taken = std::min<std::size_t>(answer.taken, outgoing.count);
  proposer_->add_votes(outgoing.to, outgoing.first, taken);
  if (taken == outgoing.count) return;
  // It takes no more for now: its log is full, or it lags.
  from.next = std::min(from.next, outgoing.first + taken);
  from.values_again_at = context_.now + context_.options.heartbeat;
}

void Leadership::failed(const Outgoing& outgoing) {
  if (outgoing.ballot != ballot()) return;
  Follower& to = follower(outgoing.to);
  --to.in_flight(outgoing);
  if (outgoing.count > 0) to.next = std::min(to.next, outgoing.first);
  to.told_chosen = 0;
  to.values_again_at = context_.now + context_.options.heartbeat;
  to.heartbeat_at = std::max(to.heartbeat_at, context_.now + context_.options.heartbeat / 2);
}

void Leadership::persisted(protocol::SyncPoint sync) {
  while (!own_votes_.empty() && own_votes_.front().sync <= sync) {
    const OwnVotes& votes = own_votes_.front();
    proposer_->add_votes(context_.options.self, votes.first, votes.count);
    own_votes_.pop_front();
  }
}

void Leadership::peer_is_up(ReplicaId peer, bool up) {
  Follower& changed = follower(peer);
  if (up && !changed.up) changed.heartbeat_at = context_.now;
  changed.up = up;
}

void Leadership::learn() {
  Learner& learner = context_.learner;
  // What was chosen at a lower ballot was proposed again at this one. So another value is that of a
  // higher ballot, and nobody may be told that at this one everything is chosen up to there.
  for (Slot slot = chosen() + 1; slot <= learner.learned() && proposer_->has_value(slot); ++slot) {
    if (slot <= learner.cut() || !(learner.value(slot) == proposer_->value(slot))) {
      is_outbid_ = true;
      return;
    }
  }
  while (learner.learned() < chosen() && proposer_->has_value(learner.learned() + 1)) {
    const Slot slot = learner.learned() + 1;
    const Acceptor::Vote* own = context_.acceptor.vote(slot);
    if (own != nullptr && own->ballot == ballot()) {
      learner.learn(own->value);
    } else {
      context_.learn_and_record(proposer_->value(slot));
    }
  }
  // Above what it has learned itself, a leader that was behind knows that more is chosen.
  learner.told_chosen(chosen(), Ballot{}, context_.acceptor);
  proposer_->learned(learner.learned());
}

bool Leadership::follow_self() {
  if (!context_.acceptor.follow(ballot(), context_.now)) return false;
  lease_.heard_from(context_.quorum.index_of(context_.options.self), context_.now);
  return true;
}

void Leadership::flush() {
  last_message_.reset();
  const bool may_propose = follow_self() || !context_.acceptor.is_running();
  if (is_serving() && may_propose) propose_waiting();
  find_read_indexes();
  for (Follower& each : followers_) send_to(each);
  note_progress();
}

// Whether a replica that learns, slowly, needs what will be cut next.
bool Leadership::must_wait_for_slow() const {
  const Options& options = context_.options;
  const Learner& learner = context_.learner;
  const Slot kept = learner.learned() - learner.cut();
  if (learner.kept_bytes() < options.kept_bytes / 2 && kept < options.kept_slots / 2) return false;
  const Slot middle = learner.cut() + kept / 2;
  return std::any_of(followers_.begin(), followers_.end(), [&](const Follower& each) {
    const bool learns = each.up && context_.now - each.learned_at < options.lag_patience;
    return learns && each.learned > learner.cut() && each.learned < middle;
  });
}

// Values of other replicas' clients and of this one's take turns.
void Leadership::propose_waiting() {
  const std::string why_full = context_.why_full();
  if (!why_full.empty()) {
    submissions_.refuse_waiting("the leader takes no writes now: " + why_full);
    return;
  }
  bool took = !must_wait_for_slow();
  while (took) {
    took = false;
    if (!taken_.empty() && proposer_->has_room(taken_.front().size())) {
      const Slot slot = proposer_->next();
      taken_bytes_ -= taken_.front().size();
      proposer_->propose(std::move(taken_.front()));
      taken_.pop_front();
      vote_for_own(slot, proposer_->value(slot));
      took = true;
    }
    if (submissions_.has_waiting() && proposer_->has_room(submissions_.next_waiting().size())) {
      const Slot slot = proposer_->next();
      proposer_->propose(submissions_.give_next(ballot()));
      vote_for_own(slot, proposer_->value(slot));
      took = true;
    }
  }
}

// A read index may be told while the lease holds, or when a majority has answered something that
// was sent after the question came: then nobody else had become leader before.
void Leadership::find_read_indexes() {
  if (is_serving()) {
    for (const Reads::Waiting& read : reads_.take_fresh()) {
      reads_waiting_.push_back({read.second, read_index(), 0, read});
    }
  }
  if (reads_waiting_.empty()) return;
  const bool has_lease = context_.now < lease_.holds_until();
  const TimePoint heard_at = lease_.majority_heard_at();
  while (!reads_waiting_.empty()) {
    const ReadWaiting& first = reads_waiting_.front();
    if (!has_lease && heard_at < first.came_at) break;
    if (first.call == 0) {
      reads_.set_index(first.read, first.index);
    } else {
      context_.respond(first.call,
                       std::make_shared<ReadIndexAnswer>(ReadIndexAnswerFields{true, first.index}));
    }
    reads_waiting_.pop_front();
  }
  if (!reads_waiting_.empty()) round_wanted_at_ = reads_waiting_.back().came_at;
}

// Which values this follower is to be sent next: consecutive ones that it has not voted for.
std::size_t Leadership::values_to_send(const Follower& to, Slot* first) const {
  const Options& options = context_.options;
  if (!to.up || context_.now < to.values_again_at) return 0;
  if (to.values_in_flight >= options.messages_in_flight_max) return 0;
  Slot slot = std::max(to.next, chosen() + 1);
  while (slot < proposer_->next() && proposer_->has_vote(slot, to.id)) ++slot;
  *first = slot;
  std::size_t bytes = 0;
  while (slot < proposer_->next() && slot - *first < options.message_values_max &&
         !proposer_->has_vote(slot, to.id)) {
    bytes += proposer_->value(slot).size();
    if (slot > *first && bytes > options.message_bytes_max) break;
    ++slot;
  }
  return slot - *first;
}

void Leadership::send_to(Follower& to) {
  const Options& options = context_.options;
  while (true) {
    Slot first = chosen() + 1;
    const std::size_t count = values_to_send(to, &first);
    if (count == 0) {
      const bool is_due = context_.now >= to.heartbeat_at || to.sent_at < round_wanted_at_;
      const bool has_news =
          to.up && context_.now >= to.values_again_at && to.told_chosen < chosen();
      if (to.heartbeats_in_flight >= options.messages_in_flight_max) return;
      if (!is_due && !has_news) return;
    }
    if (count > 0) to.next = first + count;
    to.told_chosen = chosen();
    to.sent_at = context_.now;
    to.heartbeat_at = context_.now + options.heartbeat;
    Outgoing outgoing{kAccept, to.id, ballot(), context_.now, first, count, {}, {}};
    ++to.in_flight(outgoing);
    context_.send(accept_message(first, count), std::move(outgoing));
    if (count == 0) return;
  }
}

protocol::MessagePtr Leadership::accept_message(Slot first, std::size_t count) {
  if (last_message_ != nullptr && last_first_ == first && last_count_ == count) {
    return last_message_;
  }
  AcceptFields fields{ballot(), first, {}, chosen()};
  fields.values.reserve(count);
  for (Slot slot = first; slot < first + count; ++slot) {
    fields.values.push_back(proposer_->value(slot));
  }
  last_message_ = std::make_shared<Accept>(std::move(fields));
  last_first_ = first;
  last_count_ = count;
  return last_message_;
}

void Leadership::note_progress() {
  const Slot progress = chosen() + context_.learner.learned();
  if (is_serving() || progress != progress_) {
    progress_ = progress;
    progress_at_ = context_.now;
  }
}

TimePoint Leadership::next_tick() const {
  TimePoint next = kNever;
  for (const Follower& each : followers_) {
    const bool may_send = each.heartbeats_in_flight < context_.options.messages_in_flight_max;
    // Without room for a heartbeat, the next thing to look at is whether to go on leading.
    next =
        std::min(next, may_send ? each.heartbeat_at : context_.now + context_.options.election_min);
  }
  return next;
}

std::string Leadership::must_yield() const {
  const Options& options = context_.options;
  if (is_outbid_ || context_.acceptor.promised() > ballot()) return "a higher ballot was promised";
  if (context_.now - std::max(lease_.majority_heard_at(), began_at_) > options.election_max) {
    return "no majority answers";
  }
  if (!own_votes_.empty() && context_.now - own_votes_.front().since > options.disk_stall_max) {
    return "the own disk stalls";
  }
  if (!is_serving() && context_.now - progress_at_ > options.election_max * 2) {
    return "what was chosen before cannot be learned";
  }
  return {};
}

void Leadership::yield() {
  for (const ReadWaiting& waiting : reads_waiting_) {
    if (waiting.call == 0) {
      reads_.give_back(waiting.read);
    } else {
      context_.respond(waiting.call,
                       std::make_shared<ReadIndexAnswer>(ReadIndexAnswerFields{false, 0}));
    }
  }
  reads_waiting_.clear();
}

}  // namespace rkv::paxos
