#include "service/twopc_codec.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "kv/command.h"
#include "service/wire.h"
#include "twopc/message.h"
#include "twopc/transaction.h"

namespace rkv::service {

static_assert(kTxnKeysMax == KV_TXN_KEYS_MAX);
static_assert(twopc::kDecisionsMax == KV_DECISIONS_MAX);
static_assert(twopc::kQueriesMax == KV_QUERIES_MAX);

namespace {

using twopc::Decision;
using twopc::Knowledge;
using twopc::Vote;
using What = twopc::SubmissionEnd::What;

// The enums of the protocol go over the wire by their numbers.
static_assert(static_cast<int>(Vote::kYes) == KV_TXN_VOTE_YES);
static_assert(static_cast<int>(Vote::kConflict) == KV_TXN_VOTE_CONFLICT);
static_assert(static_cast<int>(Vote::kWaits) == KV_TXN_VOTE_WAITS);
static_assert(static_cast<int>(Vote::kRefused) == KV_TXN_VOTE_REFUSED);
static_assert(static_cast<int>(Decision::kCommit) == KV_TXN_COMMIT);
static_assert(static_cast<int>(Decision::kAbort) == KV_TXN_ABORT);
static_assert(static_cast<int>(Knowledge::kCommitted) == KV_TXN_COMMITTED);
static_assert(static_cast<int>(Knowledge::kAborted) == KV_TXN_ABORTED);
static_assert(static_cast<int>(Knowledge::kUnknown) == KV_TXN_UNKNOWN);
static_assert(static_cast<int>(What::kRepeated) == KV_TXN_END_REPEATED);
static_assert(static_cast<int>(What::kNotAvailable) == KV_TXN_END_UNAVAILABLE);
static_assert(static_cast<int>(What::kBusy) == KV_TXN_END_BUSY);

// No cluster gets there; what is counted on from such a number stays within 64 bits.
constexpr std::uint64_t kNumberMax = std::uint64_t{1} << 62;

// ---- out ----------------------------------------------------------------------------------------

kv_txn_id to_wire(const twopc::TxnId& id) {
  return {id.coordinator.value, id.incarnation, id.number};
}

kv_txn_mark to_wire(const twopc::TxnMark& mark) { return {mark.incarnation, mark.number}; }

kv_operation_id to_wire(const OperationId& operation) {
  return {operation.client, operation.sequence, operation.first_outstanding};
}

kv_command to_wire(const SharedBytes& command) {
  return {static_cast<u_int>(command->size()), const_cast<char*>(command->data())};
}

// `parts.keys` must have room for them: what refers to it is not to move.
kv_txn_keys put_keys(const std::vector<std::string>& keys, TwoPcWireParts& parts) {
  const std::size_t first = parts.keys.size();
  for (const std::string& key : keys) {
    parts.keys.push_back({static_cast<u_int>(key.size()), const_cast<char*>(key.data())});
  }
  return {static_cast<u_int>(keys.size()), parts.keys.data() + first};
}

// `parts.reasons` must have room for it.
char* put_reason(const std::string& reason, TwoPcWireParts& parts) {
  return string_to_wire(parts.reasons.emplace_back(reason.substr(0, kReasonSizeMax)));
}

void put_prepare(const twopc::TxnPrepare& prepare, TwoPcWireParts& parts, kv_txn_prepare& wire) {
  std::size_t keys = 0;
  for (const twopc::TransactionPtr& each : prepare.transactions) keys += each->keys.size();
  parts.keys.reserve(keys);
  parts.transactions.reserve(prepare.transactions.size());
  for (const twopc::TransactionPtr& each : prepare.transactions) {
    parts.transactions.push_back(
        {to_wire(each->id),
         {each->timestamp.clock, each->timestamp.replica.value},
         {each->origin.replica.value, each->origin.incarnation, each->origin.proposal},
         to_wire(each->operation),
         put_keys(each->keys, parts),
         to_wire(each->command)});
  }
  wire.clock = prepare.clock;
  wire.finished_below = to_wire(prepare.finished_below);
  wire.transactions.transactions_len = static_cast<u_int>(parts.transactions.size());
  wire.transactions.transactions_val = parts.transactions.data();
}

void put_votes(const twopc::TxnVotes& votes, TwoPcWireParts& parts, kv_txn_votes& wire) {
  parts.late_votes.reserve(votes.votes.size());
  for (const twopc::LateVote& each : votes.votes) {
    parts.late_votes.push_back({to_wire(each.id), static_cast<kv_txn_vote>(each.vote)});
  }
  wire.clock = votes.clock;
  wire.votes.votes_len = static_cast<u_int>(parts.late_votes.size());
  wire.votes.votes_val = parts.late_votes.data();
  wire.reason = put_reason(votes.reason, parts);
}

void put_decide(const twopc::TxnDecide& decide, TwoPcWireParts& parts, kv_txn_decide& wire) {
  parts.decisions.reserve(decide.outcomes.size());
  for (const twopc::OutcomeOf& each : decide.outcomes) {
    parts.decisions.push_back({to_wire(each.id), static_cast<kv_txn_decision>(each.decision)});
  }
  wire.clock = decide.clock;
  wire.finished_below = to_wire(decide.finished_below);
  wire.outcomes.outcomes_len = static_cast<u_int>(parts.decisions.size());
  wire.outcomes.outcomes_val = parts.decisions.data();
}

void put_query(const twopc::TxnQuery& query, TwoPcWireParts& parts, kv_txn_query& wire) {
  parts.ids.reserve(query.ids.size());
  for (const twopc::TxnId& id : query.ids) parts.ids.push_back(to_wire(id));
  wire.clock = query.clock;
  wire.ids.ids_len = static_cast<u_int>(parts.ids.size());
  wire.ids.ids_val = parts.ids.data();
}

void put_submit(const twopc::TxnSubmit& submit, TwoPcWireParts& parts, kv_txn_submit& wire) {
  std::size_t keys = 0;
  for (const twopc::Submission& each : submit.submissions) keys += each.keys.size();
  parts.keys.reserve(keys);
  parts.submissions.reserve(submit.submissions.size());
  for (const twopc::Submission& each : submit.submissions) {
    parts.submissions.push_back({each.proposal, to_wire(each.operation), put_keys(each.keys, parts),
                                 to_wire(each.command)});
  }
  wire.clock = submit.clock;
  wire.incarnation = submit.incarnation;
  wire.number = submit.number;
  wire.ended_below = submit.ended_below;
  wire.submissions.submissions_len = static_cast<u_int>(parts.submissions.size());
  wire.submissions.submissions_val = parts.submissions.data();
}

void put_ended(const twopc::TxnEnded& ended, TwoPcWireParts& parts, kv_txn_ended& wire) {
  parts.reasons.reserve(ended.ends.size());
  parts.ends.reserve(ended.ends.size());
  for (const twopc::SubmissionEnd& each : ended.ends) {
    parts.ends.push_back(
        {each.proposal, static_cast<kv_txn_end>(each.what), put_reason(each.reason, parts)});
  }
  wire.clock = ended.clock;
  wire.incarnation = ended.incarnation;
  wire.ends.ends_len = static_cast<u_int>(parts.ends.size());
  wire.ends.ends_val = parts.ends.data();
}

void put_prepared(const twopc::TxnPrepared& prepared, TwoPcWireParts& parts,
                  kv_txn_prepared& wire) {
  parts.votes.reserve(prepared.votes.size());
  for (const Vote vote : prepared.votes) parts.votes.push_back(static_cast<kv_txn_vote>(vote));
  wire.clock = prepared.clock;
  wire.votes.votes_len = static_cast<u_int>(parts.votes.size());
  wire.votes.votes_val = parts.votes.data();
  wire.reason = put_reason(prepared.reason, parts);
}

void put_outcome(const twopc::TxnOutcome& outcome, TwoPcWireParts& parts, kv_txn_outcome& wire) {
  parts.knowledge.reserve(outcome.outcomes.size());
  for (const Knowledge each : outcome.outcomes) {
    parts.knowledge.push_back(static_cast<kv_txn_knowledge>(each));
  }
  wire.clock = outcome.clock;
  wire.outcomes.outcomes_len = static_cast<u_int>(parts.knowledge.size());
  wire.outcomes.outcomes_val = parts.knowledge.data();
}

// ---- in -----------------------------------------------------------------------------------------

twopc::TxnId id_from_wire(const kv_txn_id& wire) {
  return {ReplicaId{wire.coordinator}, wire.incarnation, wire.number};
}

twopc::TxnMark mark_from_wire(const kv_txn_mark& wire) { return {wire.incarnation, wire.number}; }

std::string text_of(const char* wire) { return wire == nullptr ? "" : wire; }

// The value of the protocol's enum, if the number is from 1 to that of the last one.
template <typename Enum, typename WireEnum>
std::optional<Enum> enum_from_wire(const WireEnum& wire, Enum last) {
  const int number = number_of(wire);
  if (number < 1 || number > static_cast<int>(last)) return std::nullopt;
  return static_cast<Enum>(number);
}

Status check_bound(std::uint64_t number) {
  if (number > kNumberMax) return Status::invalid("a number beyond every bound");
  return {};
}

// A number that is counted from 1.
Status check_number(std::uint64_t number) {
  if (number == 0) return Status::invalid("a number that is 0 and is counted from 1");
  return check_bound(number);
}

Status check_mark(const kv_txn_mark& mark) {
  const Status status = check_bound(mark.incarnation);
  return status.ok() ? check_bound(mark.number) : status;
}

Status check_id(const kv_txn_id& id) {
  if (id.coordinator == 0) return Status::invalid("a transaction of nobody");
  const Status status = check_number(id.incarnation);
  return status.ok() ? check_number(id.number) : status;
}

// The transactions that a coordinator tells of are its own.
Status check_own(const kv_txn_id& id, ReplicaId sender) {
  if (id.coordinator != sender.value) return Status::invalid("a transaction of another replica");
  return check_id(id);
}

// What a command locks, and the command.
struct Change {
  std::vector<std::string> keys;
  SharedBytes command;
};

// What is locked is what the command is about, in the one order that there is for it.
Result<Change> change_from_wire(const kv_txn_keys& wire_keys, const kv_command& wire_command) {
  const std::span keys(wire_keys.kv_txn_keys_val, wire_keys.kv_txn_keys_len);
  if (keys.empty()) return Status::invalid("a transaction without keys");
  const std::string_view command = view_of(wire_command);
  Result<std::vector<std::string>> wanted = kv::keys_of_command(command);
  if (!wanted.ok()) return wanted.status();
  const bool are_those =
      std::equal(keys.begin(), keys.end(), wanted.value().begin(), wanted.value().end(),
                 [](const kv_key& one, const std::string& other) { return view_of(one) == other; });
  if (!are_those) {
    return Status::invalid("a transaction whose keys are not those of its command");
  }
  return Change{std::move(wanted).value(), std::make_shared<const std::string>(command)};
}

Result<twopc::TransactionPtr> transaction_from_wire(const kv_txn& wire, ReplicaId sender) {
  Status status = check_own(wire.id, sender);
  if (status.ok()) status = check_bound(wire.timestamp.clock);
  if (status.ok() && wire.timestamp.replica == 0) status = Status::invalid("a timestamp of nobody");
  if (status.ok() && wire.origin.replica == 0) status = Status::invalid("a write of nobody");
  if (status.ok()) status = check_number(wire.origin.incarnation);
  if (!status.ok()) return status;
  Result<Change> change = change_from_wire(wire.keys, wire.command);
  if (!change.ok()) return change.status();
  twopc::Transaction made;
  made.id = id_from_wire(wire.id);
  made.timestamp = {wire.timestamp.clock, ReplicaId{wire.timestamp.replica}};
  made.origin = {ReplicaId{wire.origin.replica}, wire.origin.incarnation, wire.origin.proposal};
  made.operation = from_wire(wire.operation);
  made.keys = std::move(change.value().keys);
  made.command = std::move(change.value().command);
  return twopc::TransactionPtr(std::make_shared<const twopc::Transaction>(std::move(made)));
}

Result<protocol::MessagePtr> prepare_from_wire(const kv_txn_prepare& wire, ReplicaId sender) {
  Status status = check_bound(wire.clock);
  if (status.ok()) status = check_mark(wire.finished_below);
  if (!status.ok()) return status;
  twopc::TxnPrepareFields fields{wire.clock, mark_from_wire(wire.finished_below), {}};
  const auto& array = wire.transactions;
  fields.transactions.reserve(array.transactions_len);
  for (const kv_txn& each : std::span(array.transactions_val, array.transactions_len)) {
    Result<twopc::TransactionPtr> made = transaction_from_wire(each, sender);
    if (!made.ok()) return made.status();
    fields.transactions.push_back(std::move(made).value());
  }
  return protocol::MessagePtr(std::make_shared<twopc::TxnPrepare>(std::move(fields)));
}

Result<protocol::MessagePtr> votes_from_wire(const kv_txn_votes& wire) {
  Status status = check_bound(wire.clock);
  twopc::TxnVotesFields fields{wire.clock, {}, text_of(wire.reason)};
  fields.votes.reserve(wire.votes.votes_len);
  for (const kv_txn_late_vote& each : std::span(wire.votes.votes_val, wire.votes.votes_len)) {
    if (status.ok()) status = check_id(each.id);
    if (!status.ok()) return status;
    const std::optional<Vote> vote = enum_from_wire(each.vote, Vote::kRefused);
    if (!vote) return Status::invalid("a vote that there is not");
    if (*vote == Vote::kWaits) return Status::invalid("a late vote that is none yet");
    fields.votes.push_back({id_from_wire(each.id), *vote});
  }
  if (!status.ok()) return status;
  return protocol::MessagePtr(std::make_shared<twopc::TxnVotes>(std::move(fields)));
}

Result<protocol::MessagePtr> decide_from_wire(const kv_txn_decide& wire, ReplicaId sender) {
  Status status = check_bound(wire.clock);
  if (status.ok()) status = check_mark(wire.finished_below);
  if (!status.ok()) return status;
  twopc::TxnDecideFields fields{wire.clock, mark_from_wire(wire.finished_below), {}};
  const auto& array = wire.outcomes;
  fields.outcomes.reserve(array.outcomes_len);
  for (const kv_txn_outcome_of& each : std::span(array.outcomes_val, array.outcomes_len)) {
    status = check_own(each.id, sender);
    if (!status.ok()) return status;
    const std::optional<Decision> decision = enum_from_wire(each.decision, Decision::kAbort);
    if (!decision) return Status::invalid("a decision that there is not");
    fields.outcomes.push_back({id_from_wire(each.id), *decision});
  }
  return protocol::MessagePtr(std::make_shared<twopc::TxnDecide>(std::move(fields)));
}

Result<protocol::MessagePtr> query_from_wire(const kv_txn_query& wire) {
  Status status = check_bound(wire.clock);
  twopc::TxnQueryFields fields{wire.clock, {}};
  fields.ids.reserve(wire.ids.ids_len);
  for (const kv_txn_id& id : std::span(wire.ids.ids_val, wire.ids.ids_len)) {
    if (status.ok()) status = check_id(id);
    if (!status.ok()) return status;
    fields.ids.push_back(id_from_wire(id));
  }
  if (!status.ok()) return status;
  return protocol::MessagePtr(std::make_shared<twopc::TxnQuery>(std::move(fields)));
}

Result<protocol::MessagePtr> submit_from_wire(const kv_txn_submit& wire) {
  Status status = check_bound(wire.clock);
  if (status.ok()) status = check_number(wire.incarnation);
  if (status.ok()) status = check_number(wire.number);
  if (!status.ok()) return status;
  twopc::TxnSubmitFields fields{wire.clock, wire.incarnation, {}, wire.number, wire.ended_below};
  const auto& array = wire.submissions;
  fields.submissions.reserve(array.submissions_len);
  for (const kv_txn_submission& each : std::span(array.submissions_val, array.submissions_len)) {
    status = check_number(each.proposal);
    if (!status.ok()) return status;
    Result<Change> change = change_from_wire(each.keys, each.command);
    if (!change.ok()) return change.status();
    fields.submissions.push_back({each.proposal, from_wire(each.operation),
                                  std::move(change.value().keys),
                                  std::move(change.value().command)});
  }
  return protocol::MessagePtr(std::make_shared<twopc::TxnSubmit>(std::move(fields)));
}

Result<protocol::MessagePtr> ended_from_wire(const kv_txn_ended& wire) {
  Status status = check_bound(wire.clock);
  if (status.ok()) status = check_number(wire.incarnation);
  if (!status.ok()) return status;
  twopc::TxnEndedFields fields{wire.clock, wire.incarnation, {}};
  fields.ends.reserve(wire.ends.ends_len);
  for (const kv_txn_submission_end& each : std::span(wire.ends.ends_val, wire.ends.ends_len)) {
    status = check_number(each.proposal);
    if (!status.ok()) return status;
    const std::optional<What> what = enum_from_wire(each.what, What::kBusy);
    if (!what) return Status::invalid("an end of a write that there is not");
    fields.ends.push_back({each.proposal, *what, text_of(each.reason)});
  }
  return protocol::MessagePtr(std::make_shared<twopc::TxnEnded>(std::move(fields)));
}

Result<protocol::MessagePtr> prepared_from_wire(const kv_txn_prepared& wire) {
  const Status status = check_bound(wire.clock);
  if (!status.ok()) return status;
  twopc::TxnPreparedFields fields{wire.clock, {}, text_of(wire.reason)};
  fields.votes.reserve(wire.votes.votes_len);
  for (const kv_txn_vote& each : std::span(wire.votes.votes_val, wire.votes.votes_len)) {
    const std::optional<Vote> vote = enum_from_wire(each, Vote::kRefused);
    if (!vote) return Status::invalid("a vote that there is not");
    fields.votes.push_back(*vote);
  }
  return protocol::MessagePtr(std::make_shared<twopc::TxnPrepared>(std::move(fields)));
}

Result<protocol::MessagePtr> outcome_from_wire(const kv_txn_outcome& wire) {
  const Status status = check_bound(wire.clock);
  if (!status.ok()) return status;
  twopc::TxnOutcomeFields fields{wire.clock, {}};
  const auto& array = wire.outcomes;
  fields.outcomes.reserve(array.outcomes_len);
  for (const kv_txn_knowledge& each : std::span(array.outcomes_val, array.outcomes_len)) {
    const std::optional<Knowledge> known = enum_from_wire(each, Knowledge::kUnknown);
    if (!known) return Status::invalid("an outcome that there is not");
    fields.outcomes.push_back(*known);
  }
  return protocol::MessagePtr(std::make_shared<twopc::TxnOutcome>(std::move(fields)));
}

Result<protocol::MessagePtr> noted_from_wire(const kv_txn_noted& wire) {
  const Status status = check_bound(wire.clock);
  if (!status.ok()) return status;
  return protocol::MessagePtr(std::make_shared<twopc::TxnNoted>(twopc::TxnNotedFields{wire.clock}));
}

}  // namespace

void twopc_message_to_wire(const protocol::Message& message, TwoPcWireParts& parts,
                           kv_peer_message& wire) {
  auto& arms = wire.kv_peer_message_u;
  parts.reasons.reserve(1);
  switch (message.tag()) {
    case twopc::kTxnPrepare:
      wire.phase = KV_PHASE_TXN_PREPARE;
      put_prepare(twopc::as<twopc::TxnPrepare>(message), parts, arms.txn_prepare);
      return;
    case twopc::kTxnVotes:
      wire.phase = KV_PHASE_TXN_VOTES;
      put_votes(twopc::as<twopc::TxnVotes>(message), parts, arms.txn_votes);
      return;
    case twopc::kTxnDecide:
      wire.phase = KV_PHASE_TXN_DECIDE;
      put_decide(twopc::as<twopc::TxnDecide>(message), parts, arms.txn_decide);
      return;
    case twopc::kTxnQuery:
      wire.phase = KV_PHASE_TXN_QUERY;
      put_query(twopc::as<twopc::TxnQuery>(message), parts, arms.txn_query);
      return;
    case twopc::kTxnSubmit:
      wire.phase = KV_PHASE_TXN_SUBMIT;
      put_submit(twopc::as<twopc::TxnSubmit>(message), parts, arms.txn_submit);
      return;
    case twopc::kTxnEnded:
      wire.phase = KV_PHASE_TXN_ENDED;
      put_ended(twopc::as<twopc::TxnEnded>(message), parts, arms.txn_ended);
      return;
    default:
      RKV_CHECK(false, "a request of another protocol does not get here");
  }
}

void twopc_answer_to_wire(kv_phase request, const protocol::Message& answer, TwoPcWireParts& parts,
                          kv_peer_answer& wire) {
  auto& arms = wire.kv_peer_answer_u;
  parts.reasons.reserve(1);
  switch (answer.tag()) {
    case twopc::kTxnPrepared:
      wire.phase = KV_PHASE_TXN_PREPARE;
      put_prepared(twopc::as<twopc::TxnPrepared>(answer), parts, arms.txn_prepared);
      return;
    case twopc::kTxnDecided: {
      const auto& it = twopc::as<twopc::TxnDecided>(answer);
      wire.phase = KV_PHASE_TXN_DECIDE;
      arms.txn_decided = {it.clock, put_reason(it.refused, parts)};
      return;
    }
    case twopc::kTxnOutcome:
      wire.phase = KV_PHASE_TXN_QUERY;
      put_outcome(twopc::as<twopc::TxnOutcome>(answer), parts, arms.txn_outcome);
      return;
    case twopc::kTxnSubmitted: {
      const auto& it = twopc::as<twopc::TxnSubmitted>(answer);
      wire.phase = KV_PHASE_TXN_SUBMIT;
      arms.txn_submitted = {it.clock, it.taken, put_reason(it.reason, parts)};
      return;
    }
    case twopc::kTxnNoted: {
      const kv_txn_noted noted{twopc::as<twopc::TxnNoted>(answer).clock};
      wire.phase = request;
      (request == KV_PHASE_TXN_VOTES ? arms.txn_votes_noted : arms.txn_ended_noted) = noted;
      return;
    }
    default:
      RKV_CHECK(false, "an answer of another protocol does not get here");
  }
}

Result<protocol::MessagePtr> twopc_message_from_wire(const kv_peer_message& wire,
                                                     ReplicaId sender) {
  const auto& arms = wire.kv_peer_message_u;
  switch (wire.phase) {
    case KV_PHASE_TXN_PREPARE:
      return prepare_from_wire(arms.txn_prepare, sender);
    case KV_PHASE_TXN_VOTES:
      return votes_from_wire(arms.txn_votes);
    case KV_PHASE_TXN_DECIDE:
      return decide_from_wire(arms.txn_decide, sender);
    case KV_PHASE_TXN_QUERY:
      return query_from_wire(arms.txn_query);
    case KV_PHASE_TXN_SUBMIT:
      return submit_from_wire(arms.txn_submit);
    case KV_PHASE_TXN_ENDED:
      return ended_from_wire(arms.txn_ended);
    default:
      RKV_CHECK(false, "a message of another protocol does not get here");
  }
}

Result<protocol::MessagePtr> twopc_answer_from_wire(const kv_peer_answer& wire) {
  const auto& arms = wire.kv_peer_answer_u;
  switch (wire.phase) {
    case KV_PHASE_TXN_PREPARE:
      return prepared_from_wire(arms.txn_prepared);
    case KV_PHASE_TXN_VOTES:
      return noted_from_wire(arms.txn_votes_noted);
    case KV_PHASE_TXN_DECIDE: {
      const kv_txn_decided& it = arms.txn_decided;
      const Status status = check_bound(it.clock);
      if (!status.ok()) return status;
      return protocol::MessagePtr(std::make_shared<twopc::TxnDecided>(
          twopc::TxnDecidedFields{it.clock, text_of(it.refused)}));
    }
    case KV_PHASE_TXN_QUERY:
      return outcome_from_wire(arms.txn_outcome);
    case KV_PHASE_TXN_SUBMIT: {
      const kv_txn_submitted& it = arms.txn_submitted;
      const Status status = check_bound(it.clock);
      if (!status.ok()) return status;
      return protocol::MessagePtr(std::make_shared<twopc::TxnSubmitted>(
          twopc::TxnSubmittedFields{it.clock, it.taken, text_of(it.reason)}));
    }
    case KV_PHASE_TXN_ENDED:
      return noted_from_wire(arms.txn_ended_noted);
    default:
      RKV_CHECK(false, "an answer of another protocol does not get here");
  }
}

}  // namespace rkv::service
