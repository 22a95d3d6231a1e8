#include "paxos/paxos.h"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "base/check.h"
#include "paxos/recovery.h"

namespace rkv::paxos {
namespace {

// How far all is chosen is written down with the next thing that must be, or after this time: a
// restart then has less to ask others.
constexpr Duration kStandingDelay = seconds(1);

}  // namespace

Paxos::Paxos(const Options& options)
    : options_(options),
      acceptor_(options_),
      learner_(options_),
      context_(options_, acceptor_, learner_),
      elector_(context_, options_.seed),
      catch_up_(context_),
      submissions_(context_),
      reads_(context_) {
  RKV_CHECK(context_.quorum.contains(options_.self), "this replica is one of the cluster's");
  RKV_CHECK(options_.lease <= options_.election_min, "nobody stands while a lease may hold");
}

void Paxos::recover(protocol::Recovery recovery, TimePoint now, protocol::Effects& effects) {
  context_.now = now;
  context_.effects = &effects;
  submissions_.set_incarnation(recovery.incarnation);
  RecoveredRoles roles = recover_roles(recovery);
  standing_chosen_ = roles.standing.chosen;
  learner_.recover(recovery.applied, std::move(roles.kept));
  learner_.saved(recovery.applied);
  for (Value& value : roles.to_apply) learner_.learn(std::move(value));
  learner_.told_chosen(roles.standing.chosen, Ballot{}, acceptor_);
  acceptor_.recover(roles.standing.promised, std::move(roles.votes), roles.lost_up_to, now);
  acceptor_.forget(learner_.learned());
  synced_ = acceptor_.votes().empty() ? learner_.learned() : acceptor_.votes().rbegin()->first;
  elector_.start();
  apply_learned();
}

void Paxos::step(protocol::Event event, TimePoint now, protocol::Effects& effects) {
  context_.now = now;
  context_.effects = &effects;
  std::visit([this](auto& it) { on(std::move(it)); }, event);
  after_event();
}

void Paxos::tick(TimePoint now, protocol::Effects& effects) {
  context_.now = now;
  context_.effects = &effects;
  if (leadership_ == nullptr) elector_.tick();
  submissions_.expire(why_waiting());
  reads_.expire(why_waiting());
  after_event();
}

TimePoint Paxos::next_tick() const {
  TimePoint next = leadership_ != nullptr ? leadership_->next_tick() : elector_.next_tick();
  next = std::min({next, submissions_.next_tick(), reads_.next_tick(), catch_up_.next_tick()});
  // While the acceptor is stopped nothing is written down.
  return acceptor_.is_running() ? std::min(next, standing_due_) : next;
}

// What follows from any event, before the next one: an election won, an office lost, values
// learned.
void Paxos::after_event() {
  if (leadership_ != nullptr) leadership_->follow_self();
  yield_if_must();
  if (leadership_ == nullptr) begin_to_lead();
  if (leadership_ != nullptr) leadership_->learn();
  yield_if_must();
  apply_learned();
}

void Paxos::begin_to_lead() {
  std::unique_ptr<Proposer> won = elector_.take_won();
  if (won == nullptr) return;
  leadership_ = std::make_unique<Leadership>(context_, std::move(won), submissions_, reads_);
  note_leader(leadership_->ballot());
  catch_up_.ask_from_now_on(leadership_->most_learned());
  submissions_.take_back_from_all_but(leadership_->ballot());
}

void Paxos::yield_if_must() {
  if (leadership_ == nullptr) return;
  std::string reason = leadership_->must_yield();
  if (!reason.empty()) yield(std::move(reason));
}

void Paxos::yield(std::string reason) {
  yielded_because_ = std::move(reason);
  const bool is_outbid = leadership_->is_outbid();
  leadership_->yield();
  leadership_.reset();
  submissions_.take_back_from_all_but(Ballot{});
  elector_.has_yielded(is_outbid);
}

void Paxos::apply_learned() {
  acceptor_.forget(learner_.learned());
  learner_.take_learned([this](Slot slot, const Value& value) {
    const protocol::ProposalId proposal = submissions_.applied(value);
    context_.effects->emplace_back(protocol::Apply{slot, value.command, proposal});
    // Chosen means durable at a majority, so nothing is waited for.
    if (proposal != 0) context_.effects->emplace_back(protocol::Finish{proposal, {}, {}, 0});
  });
}

void Paxos::flush(TimePoint now, protocol::Effects& effects) {
  context_.now = now;
  context_.effects = &effects;
  if (leadership_ != nullptr) {
    leadership_->flush();
  } else if (elector_.leader() != ReplicaId{} && elector_.leader() != options_.self) {
    submissions_.submit(elector_.leader(), elector_.leader_ballot());
    reads_.ask(elector_.leader());
  }
  reads_.allow(learner_.learned());
  catch_up_.flush();
  persist();
  if (acceptor_.is_running() && learner_.cut_kept())
    effects.emplace_back(protocol::CutLog{learner_.cut()});
}

void Paxos::note_leader(const Ballot& ballot) {
  if (ballot == last_leader_) return;
  last_leader_ = ballot;
  ++elections_;
  elected_at_ = context_.now;
}

// Writes nothing while the acceptor is stopped: what it finds when it starts is what it has left.
void Paxos::persist() {
  if (!acceptor_.is_running()) return;
  const bool acceptor_changed = acceptor_.has_changed();
  const bool promise_changed = acceptor_.promise_has_changed();
  const bool has_chosen = !context_.chosen_records.empty();
  const bool writes_chosen = has_chosen && learner_.is_running();
  const bool is_standing_old = learner_.learned() > standing_chosen_;
  if (is_standing_old && standing_due_ == kNever) standing_due_ = context_.now + kStandingDelay;
  if (!acceptor_changed && !writes_chosen && context_.now < standing_due_) return;
  LogBatch batch;
  batch.records = acceptor_.take_records();
  if (writes_chosen) {
    for (LogRecord& record : context_.take_chosen_records()) {
      batch.records.push_back(std::move(record));
    }
  }
  // The log does not hold yet what still waits.
  if (writes_chosen || !has_chosen) standing_chosen_ = learner_.learned();
  batch.standing = encode_standing({acceptor_.promised(), standing_chosen_, learner_.log_cut(),
                                    acceptor_.lost_up_to().value_or(0)});
  standing_due_ = kNever;
  const auto& votes = acceptor_.votes();
  const Slot highest = votes.empty() ? learner_.learned() : votes.rbegin()->first;
  syncing_.emplace_back(context_.this_sync(), highest);
  context_.effects->emplace_back(protocol::Persist{std::move(batch)});
  context_.persisted(acceptor_changed, promise_changed);
}

// Every batch so far: the votes that values were learned from may be in any of them.
std::optional<protocol::SyncPoint> Paxos::applied_sync() const {
  if (!context_.chosen_records.empty()) return std::nullopt;
  return context_.last_sync();
}

// ---- what happens to this replica ---------------------------------------------------------------

void Paxos::on(protocol::Propose&& propose) { submissions_.add(std::move(propose)); }

void Paxos::on(const protocol::Read& read) { reads_.add(read.read); }

void Paxos::on(const protocol::PeerUp& up) {
  if (leadership_ != nullptr) leadership_->peer_is_up(up.peer, true);
}

void Paxos::on(const protocol::PeerDown& down) {
  if (leadership_ != nullptr) {
    leadership_->peer_is_up(down.peer, false);
  } else if (elector_.leader() == down.peer) {
    elector_.leader_is_gone();
  }
}

void Paxos::on(const protocol::Persisted& persisted) {
  while (!syncing_.empty() && syncing_.front().first <= persisted.sync) {
    synced_ = std::max(synced_, syncing_.front().second);
    syncing_.pop_front();
  }
  elector_.persisted(persisted.sync);
  if (leadership_ != nullptr) leadership_->persisted(persisted.sync);
}

void Paxos::on(const protocol::StateSaved& saved) { learner_.saved(saved.position); }

void Paxos::on(const protocol::LogRoom& room) { context_.log_has_room = room.has_room; }

void Paxos::on(const protocol::Request& request) {
  const protocol::Message& message = *request.message;
  switch (message.tag()) {
    case kPreVote:
      on_pre_vote(request.call, as<PreVote>(message));
      break;
    case kPrepare:
      on_prepare(request.call, as<Prepare>(message));
      break;
    case kAccept:
      on_accept(request.from, request.call, as<Accept>(message));
      break;
    case kFetch:
      context_.respond(request.call,
                       std::make_shared<Fetched>(catch_up_.values_from(as<Fetch>(message).first)));
      break;
    case kSubmit:
      on_submit(request.call, as<Submit>(message));
      break;
    case kReadIndex:
      on_read_index(request.call);
      break;
    default:
      RKV_CHECK(false, "a request of another protocol does not get here");
  }
}

void Paxos::on(const protocol::Answer& answer) {
  Outgoing outgoing = context_.take_outgoing(answer.call);
  const protocol::Message& message = *answer.message;
  switch (outgoing.tag) {
    case kPreVote:
      elector_.answered(outgoing, as<PreVoteAnswer>(message));
      break;
    case kPrepare:
      elector_.answered(outgoing, as<Promise>(message));
      break;
    case kAccept:
      elector_.saw(as<Accepted>(message).promised);
      if (leadership_ != nullptr) leadership_->answered(outgoing, as<Accepted>(message));
      break;
    case kFetch:
      catch_up_.answered(outgoing, as<Fetched>(message));
      break;
    case kSubmit:
      submissions_.submitted(outgoing, as<Submitted>(message));
      break;
    case kReadIndex:
      reads_.answered(std::move(outgoing), as<ReadIndexAnswer>(message));
      break;
    default:
      RKV_CHECK(false, "every message that is sent is of this protocol");
  }
}

void Paxos::on(const protocol::SendFailed& failed) {
  Outgoing outgoing = context_.take_outgoing(failed.call);
  switch (outgoing.tag) {
    case kAccept:
      if (leadership_ != nullptr) leadership_->failed(outgoing);
      break;
    case kFetch:
      catch_up_.failed(outgoing);
      break;
    case kSubmit:
      submissions_.submit_failed(outgoing, failed.delivered_possible);
      break;
    case kReadIndex:
      reads_.ask_failed(std::move(outgoing));
      break;
    default:
      break;  // an election goes on without this one, or is begun anew when its time is over
  }
}

// ---- what other replicas ask --------------------------------------------------------------------

void Paxos::on_pre_vote(protocol::CallId call, const PreVote& message) {
  std::string why;
  PreVoteAnswerFields answer;
  answer.granted = acceptor_.would_promise(message.ballot, context_.now, &why);
  answer.promised = acceptor_.promised();
  answer.chosen = learner_.learned();
  answer.cut = learner_.cut();
  context_.respond(call, std::make_shared<PreVoteAnswer>(answer));
}

void Paxos::on_prepare(protocol::CallId call, const Prepare& message) {
  PromiseFields answer;
  answer.granted = acceptor_.prepare(message.ballot, context_.now);
  answer.promised = acceptor_.promised();
  answer.chosen = learner_.learned();
  answer.cut = learner_.cut();
  if (answer.granted) {
    elector_.saw(message.ballot);
    if (elector_.is_standing()) elector_.stand_down();
    for (const auto& [slot, vote] : acceptor_.votes()) {
      answer.accepted.push_back({slot, vote.ballot, vote.value});
    }
  }
  context_.respond(call, std::make_shared<Promise>(std::move(answer)), context_.acceptor_sync());
}

void Paxos::on_accept(ReplicaId from, protocol::CallId call, const Accept& message) {
  AcceptedFields answer;
  if (follow(message.ballot)) {
    const bool is_new = elector_.leader_ballot() != message.ballot;
    yield_if_must();
    elector_.heard_from_leader(message.ballot);
    note_leader(message.ballot);
    if (is_new) submissions_.take_back_from_all_but(message.ballot);
    answer.taken = accept_values(message);
    if (message.chosen > learner_.learned()) {
      learner_.told_chosen(message.chosen, message.ballot, acceptor_);
      if (learner_.learned() < message.chosen) catch_up_.ask_from_now_on(from);
    }
  }
  answer.promised = acceptor_.promised();
  answer.chosen = learner_.learned();
  // A heartbeat is answered while the votes before it are still on their way to the disk: a slow
  // disk does not make a leader look alone.
  const protocol::SyncPoint after =
      message.values.empty() ? context_.promise_sync() : context_.acceptor_sync();
  context_.respond(call, std::make_shared<Accepted>(answer), after);
}

// Whether this leader is to be listened to. A stopped acceptor does not follow; what its replica
// hears is still of use to its clients and its learner, if it is of no older leader than was heard
// before.
bool Paxos::follow(const Ballot& ballot) {
  if (acceptor_.is_running()) return acceptor_.follow(ballot, context_.now);
  if (ballot < elector_.leader_ballot()) return false;
  if (leadership_ != nullptr) leadership_->outbid();
  return true;
}

// How many of the first values this acceptor has voted for, or knows to be chosen. With the others
// it must wait; and with a value for a slot where another one is chosen, for the leader to hear of
// the higher ballot that chose it.
std::uint32_t Paxos::accept_values(const Accept& message) {
  std::uint32_t taken = 0;
  if (!context_.log_has_room || !acceptor_.is_running()) return taken;
  for (const Value& value : message.values) {
    const Slot slot = message.first + taken;
    if (!learner_.may_be_chosen(slot, value)) break;
    if (!acceptor_.accept(message.ballot, slot, value, learner_.learned())) break;
    ++taken;
  }
  return taken;
}

void Paxos::on_submit(protocol::CallId call, const Submit& message) {
  SubmittedFields answer{0, elector_.leader_ballot(), "this replica does not lead"};
  if (leadership_ != nullptr) answer = leadership_->take(message);
  context_.respond(call, std::make_shared<Submitted>(std::move(answer)));
}

void Paxos::on_read_index(protocol::CallId call) {
  if (leadership_ != nullptr) {
    leadership_->ask_read_index(call);
  } else {
    context_.respond(call, std::make_shared<ReadIndexAnswer>(ReadIndexAnswerFields{false, 0}));
  }
}

// ---- what this replica says of itself -----------------------------------------------------------

std::string Paxos::why_waiting() const {
  if (leadership_ != nullptr) {
    return leadership_->is_serving()
               ? "no majority of the replicas has answered in time"
               : "the new leader has not learned yet what was chosen before it";
  }
  if (elector_.leader() == ReplicaId{}) {
    return "there is no leader: a majority of the replicas must be reachable to elect one";
  }
  return "the leader, replica " + std::to_string(elector_.leader().value) +
         ", has not answered in time";
}

protocol::Role Paxos::role() const {
  protocol::Role role{"follower", elector_.leader(), {}};
  if (leadership_ != nullptr) role = {"leader", options_.self, {}};
  if (elector_.is_standing()) role.name = "candidate";
  const bool could_not_lead = elector_.leader() == ReplicaId{} && elector_.is_behind();
  if (catch_up_.is_behind_every_log() || could_not_lead) {
    role.trouble = "this replica has missed writes that no other one keeps in its log any more";
  } else if (acceptor_.lost_up_to()) {
    role.trouble =
        "the log is damaged; this replica does not vote until it has fetched what it lost";
  } else if (!context_.log_has_room) {
    role.trouble = "the disk of the log is nearly full; writes are refused";
  }
  return role;
}

Paxos::View Paxos::view() const {
  View view;
  view.leading = leadership_ != nullptr;
  view.serving = view.leading && leadership_->is_serving();
  view.ballot = view.leading ? leadership_->ballot() : elector_.leader_ballot();
  view.promised = acceptor_.promised();
  view.chosen = learner_.known_chosen();
  view.applied = learner_.learned();
  view.synced = synced_;
  view.cut = learner_.cut();
  view.elections = elections_;
  view.yielded_because = yielded_because_;
  view.elected_at = elected_at_;
  if (view.leading) view.lease_until = leadership_->lease_until();
  return view;
}

}  // namespace rkv::paxos
