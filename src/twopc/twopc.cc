#include "twopc/twopc.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "twopc/context.h"
#include "twopc/coordinator.h"
#include "twopc/participant.h"
#include "twopc/recovery.h"
#include "twopc/submitter.h"

namespace rkv::twopc {
namespace {

constexpr std::string_view kCoordinator = "coordinator";
constexpr std::string_view kParticipant = "participant";

}  // namespace

// What a replica consists of, and who of it is told what.
class TwoPc::Parts {
 public:
  explicit Parts(const Options& options_given)
      : options(options_given),
        context(options),
        participant(context),
        coordinator(context, participant),
        submitter(context, participant) {}

  void on(protocol::Propose&& propose);
  void on(const protocol::Read& read) { participant.add_read(read.read, std::string(read.key)); }
  void on(const protocol::Checked& checked);
  void on(const protocol::Request& request);
  void on(const protocol::Answer& answer);
  void on(const protocol::SendFailed& failed);
  void on(const protocol::PeerUp& up);
  void on(const protocol::PeerDown& down);
  void on(const protocol::Persisted& persisted);
  void on(const protocol::StateSaved& saved) { context.ledger.saved(saved.position); }
  void on(const protocol::LogRoom& room) { context.log_has_room = room.has_room; }

  void on_submit(const protocol::Request& request);
  void on_query(const protocol::Request& request);
  void apply(Position position, const TransactionPtr& transaction);
  // Whoever got locks by what has happened goes on with them.
  void settle();
  bool is_submitting() const {
    return options.coordinator != ReplicaId{} && options.coordinator != options.self;
  }

  const Options options;
  Context context;
  Participant participant;
  Coordinator coordinator;
  Submitter submitter;
};

TwoPc::TwoPc(const Options& options) : parts_(std::make_unique<Parts>(options)) {}

TwoPc::~TwoPc() = default;

void TwoPc::recover(protocol::Recovery recovery, TimePoint now, protocol::Effects& effects) {
  RKV_CHECK(!recovery.log.lost_up_to, "a damaged log is not recovered from");
  Context& context = parts_->context;
  context.now = now;
  context.effects = &effects;
  context.incarnation = recovery.incarnation;
  const LogContents contents = read_log(recovery.log);
  context.saw_clock(contents.standing.clock);
  context.ledger.recover(contents.standing, recovery.applied);
  for (const LogContents::Commit& commit : contents.commits) {
    if (!context.ledger.replay(commit.position, commit.prepared, commit.number)) continue;
    RKV_CHECK(commit.transaction != nullptr, "what the state lacks was not cut");
    parts_->apply(commit.position, commit.transaction);
  }
  parts_->participant.recover(contents);
  parts_->coordinator.recover(contents);
}

void TwoPc::step(protocol::Event event, TimePoint now, protocol::Effects& effects) {
  parts_->context.now = now;
  parts_->context.effects = &effects;
  std::visit([this](auto& it) { parts_->on(std::move(it)); }, event);
  parts_->settle();
}

void TwoPc::tick(TimePoint now, protocol::Effects& effects) {
  parts_->context.now = now;
  parts_->context.effects = &effects;
  parts_->coordinator.tick();
  parts_->participant.tick();
  parts_->submitter.tick();
  parts_->settle();
}

TimePoint TwoPc::next_tick() const {
  return std::min({parts_->coordinator.next_tick(), parts_->participant.next_tick(),
                   parts_->submitter.next_tick(), parts_->context.ledger.next_tick()});
}

void TwoPc::flush(TimePoint now, protocol::Effects& effects) {
  Context& context = parts_->context;
  context.now = now;
  context.effects = &effects;
  parts_->submitter.flush();
  parts_->coordinator.flush();
  parts_->settle();
  parts_->participant.flush();
  context.ledger.flush(now, context.clock(), effects);
}

void TwoPc::Parts::settle() {
  while (true) {
    LockTable::Woken woken = participant.take_woken();
    LockTable::Woken more = coordinator.take_woken();
    woken.granted.insert(woken.granted.end(), more.granted.begin(), more.granted.end());
    woken.died.insert(woken.died.end(), more.died.begin(), more.died.end());
    if (woken.granted.empty() && woken.died.empty()) return;
    for (const Claim& each : woken.died) participant.died(each.id);
    for (const Claim& each : woken.granted) {
      if (each.id.coordinator == options.self) {
        coordinator.granted(each);
      } else {
        participant.granted(each.id);
      }
    }
  }
}

void TwoPc::Parts::apply(Position position, const TransactionPtr& transaction) {
  const Origin& origin = transaction->origin;
  const bool is_own = origin.replica == options.self && origin.incarnation == context.incarnation;
  context.effects->emplace_back(
      protocol::Apply{position, transaction->command, is_own ? origin.proposal : 0});
}

// ---- What happens to this replica ---------------------------------------------------------------

void TwoPc::Parts::on(protocol::Propose&& propose) {
  Submission submission{propose.proposal, propose.operation, std::move(propose.keys),
                        std::move(propose.command)};
  if (is_submitting()) {
    submitter.add(std::move(submission));
  } else {
    const Origin origin{options.self, context.incarnation, propose.proposal};
    coordinator.add(origin, std::move(submission));
  }
}

void TwoPc::Parts::on(const protocol::Checked& checked) {
  if (!coordinator.checked(checked)) submitter.checked(checked);
}

void TwoPc::Parts::on(const protocol::PeerUp& up) {
  Member& member = context.member(up.peer);
  member.up = true;
  member.reason.clear();
  coordinator.peer_is_up(up.peer);
  participant.peer_is_up(up.peer);
}

void TwoPc::Parts::on(const protocol::PeerDown& down) {
  Member& member = context.member(down.peer);
  member.up = false;
  member.reason = down.reason;
  coordinator.peer_is_down(down.peer, down.reason);
  if (is_submitting() && down.peer == options.coordinator) {
    submitter.coordinator_is_down(down.reason + "; all writes go through it");
  }
}

void TwoPc::Parts::on(const protocol::Persisted& persisted) {
  for (const Ledger::Durable& durable : context.ledger.persisted(persisted.sync)) {
    apply(durable.position, durable.transaction);
    if (durable.type == Record::Type::kDecided) {
      coordinator.decided(durable.transaction);
    } else {
      participant.applied(durable.transaction);
    }
    const Origin& origin = durable.transaction->origin;
    if (origin.replica == options.self && origin.incarnation == context.incarnation) {
      submitter.applied(origin.proposal);
    }
  }
}

void TwoPc::Parts::on(const protocol::Request& request) {
  const protocol::Message& message = *request.message;
  switch (message.tag()) {
    case kTxnPrepare: {
      const auto& prepare = as<TxnPrepare>(message);
      context.saw_clock(prepare.clock);
      auto answer = std::make_shared<TxnPrepared>(participant.prepare(request.from, prepare));
      context.respond(request.call, std::move(answer), context.ledger.sync());
      break;
    }
    case kTxnVotes: {
      const auto& votes = as<TxnVotes>(message);
      context.saw_clock(votes.clock);
      coordinator.late_votes(request.from, votes);
      context.respond(request.call, std::make_shared<TxnNoted>(TxnNotedFields{context.clock()}));
      break;
    }
    case kTxnDecide: {
      const auto& decide = as<TxnDecide>(message);
      context.saw_clock(decide.clock);
      auto answer = std::make_shared<TxnDecided>(participant.decide(request.from, decide));
      context.respond(request.call, std::move(answer), context.ledger.sync());
      break;
    }
    case kTxnQuery:
      on_query(request);
      break;
    case kTxnSubmit:
      on_submit(request);
      break;
    case kTxnEnded: {
      const auto& ended = as<TxnEnded>(message);
      context.saw_clock(ended.clock);
      submitter.ended(ended);
      context.respond(request.call, std::make_shared<TxnNoted>(TxnNotedFields{context.clock()}));
      break;
    }
    default:
      RKV_CHECK(false, "a request of another protocol does not get here");
  }
}

void TwoPc::Parts::on_query(const protocol::Request& request) {
  const auto& query = as<TxnQuery>(*request.message);
  context.saw_clock(query.clock);
  TxnOutcomeFields answer;
  for (const TxnId& id : query.ids) {
    const bool is_own = id.coordinator == options.self;
    answer.outcomes.push_back(is_own ? coordinator.tell(id) : participant.tell(id));
  }
  answer.clock = context.clock();
  context.respond(request.call, std::make_shared<TxnOutcome>(std::move(answer)),
                  context.ledger.sync());
}

void TwoPc::Parts::on_submit(const protocol::Request& request) {
  const auto& submit = as<TxnSubmit>(*request.message);
  context.saw_clock(submit.clock);
  TxnSubmittedFields answer;
  if (options.coordinator != options.self) {
    answer.reason = "writes do not go through " + context.own_name();
  } else {
    coordinator.add_submitted(request.from, submit);
    answer.taken = static_cast<std::uint32_t>(submit.submissions.size());
  }
  answer.clock = context.clock();
  context.respond(request.call, std::make_shared<TxnSubmitted>(std::move(answer)));
}

void TwoPc::Parts::on(const protocol::Answer& answer) {
  const Outgoing outgoing = context.take_outgoing(answer.call);
  const protocol::Message& message = *answer.message;
  switch (outgoing.tag) {
    case kTxnPrepare:
      context.saw_clock(as<TxnPrepared>(message).clock);
      coordinator.answered(outgoing, as<TxnPrepared>(message));
      break;
    case kTxnDecide:
      context.saw_clock(as<TxnDecided>(message).clock);
      coordinator.answered(outgoing, as<TxnDecided>(message));
      break;
    case kTxnQuery:
      context.saw_clock(as<TxnOutcome>(message).clock);
      participant.answered(outgoing, as<TxnOutcome>(message));
      break;
    case kTxnSubmit:
      context.saw_clock(as<TxnSubmitted>(message).clock);
      submitter.answered(outgoing, as<TxnSubmitted>(message));
      break;
    case kTxnVotes:
    case kTxnEnded:
      context.saw_clock(as<TxnNoted>(message).clock);
      break;
    default:
      RKV_CHECK(false, "every message that is sent is of this protocol");
  }
}

void TwoPc::Parts::on(const protocol::SendFailed& failed) {
  const Outgoing outgoing = context.take_outgoing(failed.call);
  switch (outgoing.tag) {
    case kTxnPrepare:
    case kTxnDecide:
      coordinator.failed(outgoing, failed.reason);
      break;
    case kTxnQuery:
      participant.not_answered(outgoing);
      break;
    case kTxnSubmit:
      submitter.failed(outgoing, failed.delivered_possible, failed.reason);
      break;
    default:
      // A vote that is not heard counts as none: the coordinator gives up, and is asked about it.
      // Who waits for the end of a submitted write waits for as long as that may take.
      break;
  }
}

// ---- Roles --------------------------------------------------------------------------------------

std::vector<std::string_view> TwoPc::roles() const { return {kCoordinator, kParticipant}; }

void TwoPc::stop_role(std::string_view role, TimePoint now, protocol::Effects& effects) {
  parts_->context.now = now;
  parts_->context.effects = &effects;
  if (role == kCoordinator) {
    parts_->coordinator.stop();
  } else {
    RKV_CHECK(role == kParticipant, "it is a role of roles()");
    parts_->context.participant_is_running = false;
    parts_->coordinator.participant_stopped();
    parts_->settle();
    parts_->participant.stop();
  }
  parts_->context.ledger.hurry(now);
  parts_->settle();
}

void TwoPc::start_role(std::string_view role, protocol::Recovery&& recovery, TimePoint now,
                       protocol::Effects& effects) {
  parts_->context.now = now;
  parts_->context.effects = &effects;
  const LogContents contents = read_log(recovery.log);
  if (role == kCoordinator) {
    parts_->coordinator.recover(contents);
  } else {
    RKV_CHECK(role == kParticipant, "it is a role of roles()");
    parts_->context.participant_is_running = true;
    parts_->participant.recover(contents);
  }
  parts_->settle();
}

// ---- What this replica says of itself -----------------------------------------------------------

protocol::Role TwoPc::role() const {
  const Options& options = parts_->options;
  const bool is_coordinator = options.coordinator == options.self;
  protocol::Role role{is_coordinator ? "coordinator" : "replica", options.coordinator, {}};
  if (const std::size_t in_doubt = parts_->participant.in_doubt(); in_doubt != 0) {
    role.trouble = in_doubt == 1
                       ? "1 transaction is in doubt: its keys are"
                       : std::to_string(in_doubt) + " transactions are in doubt: their keys are";
    role.trouble +=
        " locked until the coordinator, or another replica that knows, tells the outcome";
  } else if (!parts_->context.log_has_room) {
    role.trouble = "the disk of the log is nearly full; writes are refused";
  }
  return role;
}

View TwoPc::view() const {
  View view;
  view.coordinator = parts_->options.coordinator;
  parts_->coordinator.describe(view);
  parts_->participant.describe(view);
  parts_->submitter.describe(view);
  return view;
}

}  // namespace rkv::twopc
