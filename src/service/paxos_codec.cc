#include "service/paxos_codec.h"

#include <memory>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "kv/command.h"
#include "paxos/message.h"
#include "paxos/options.h"
#include "service/wire.h"

namespace rkv::service {

static_assert(kVotesMax == KV_VOTES_MAX);
static_assert(kFetchedMax == KV_FETCHED_MAX);
static_assert(kVotesMax == 2 * paxos::kWindowSlotsMax, "as many as an acceptor may hold");

namespace {

using paxos::Ballot;
using paxos::Slot;
using paxos::Value;

// No cluster gets there; sums of slots and counts stay within 64 bits.
constexpr Slot kSlotMax = Slot{1} << 62;

// ---- out ----------------------------------------------------------------------------------------

kv_ballot to_wire(const Ballot& ballot) { return {ballot.round, ballot.replica.value}; }

kv_paxos_value to_wire(const Value& value) {
  kv_paxos_value wire{};
  wire.origin = value.origin.value;
  wire.incarnation = value.incarnation;
  wire.proposal = value.proposal;
  if (!value.is_no_op()) {
    wire.command.kv_command_val = const_cast<char*>(value.command->data());
    wire.command.kv_command_len = static_cast<u_int>(value.command->size());
  }
  return wire;
}

// For each of the array types that rpcgen makes of `kv_paxos_value values<>`.
template <typename WireArray>
void put_values(const std::vector<Value>& values, PaxosWireParts& parts, WireArray& array) {
  parts.values.reserve(values.size());
  for (const Value& value : values) parts.values.push_back(to_wire(value));
  array.values_len = static_cast<u_int>(parts.values.size());
  array.values_val = parts.values.data();
}

void put_promise(const paxos::Promise& promise, PaxosWireParts& parts, kv_paxos_promise& wire) {
  wire.granted = promise.granted ? TRUE : FALSE;
  wire.promised = to_wire(promise.promised);
  wire.chosen = promise.chosen;
  wire.cut = promise.cut;
  parts.votes.reserve(promise.accepted.size());
  for (const paxos::AcceptedValue& vote : promise.accepted) {
    parts.votes.push_back({vote.slot, to_wire(vote.ballot), to_wire(vote.value)});
  }
  wire.accepted.accepted_len = static_cast<u_int>(parts.votes.size());
  wire.accepted.accepted_val = parts.votes.data();
}

// ---- in -----------------------------------------------------------------------------------------

Ballot from_wire(const kv_ballot& wire) { return {wire.round, ReplicaId{wire.replica}}; }

Status check_slots(Slot first, Slot chosen) {
  if (first > kSlotMax || chosen > kSlotMax) return Status::invalid("a slot beyond every bound");
  return {};
}

// The ballot of a request is its sender's own.
Status check_own(const kv_ballot& ballot, ReplicaId sender) {
  if (ballot.round != 0 && ballot.replica == sender.value) return {};
  return Status::invalid("a ballot that is not of the sender");
}

Result<Value> value_from_wire(const kv_paxos_value& wire) {
  Value value{ReplicaId{wire.origin}, wire.incarnation, wire.proposal, nullptr};
  const std::string_view command = view_of(wire.command);
  if (command.empty()) return value;
  const Status status = kv::validate_command(command);
  if (!status.ok()) return status;
  value.command = std::make_shared<const std::string>(command);
  return value;
}

template <typename WireArray>
Status take_values(const WireArray& array, std::vector<Value>& values) {
  values.reserve(array.values_len);
  for (u_int i = 0; i < array.values_len; ++i) {
    Result<Value> value = value_from_wire(array.values_val[i]);
    if (!value.ok()) return value.status();
    values.push_back(std::move(value).value());
  }
  return {};
}

Result<protocol::MessagePtr> accept_from_wire(const kv_paxos_accept& wire, ReplicaId sender) {
  paxos::AcceptFields fields{from_wire(wire.ballot), wire.first, {}, wire.chosen};
  Status status = check_own(wire.ballot, sender);
  if (status.ok()) status = check_slots(wire.first, wire.chosen);
  if (status.ok() && wire.first == 0) status = Status::invalid("there is no slot 0");
  if (status.ok()) status = take_values(wire.values, fields.values);
  if (!status.ok()) return status;
  return protocol::MessagePtr(std::make_shared<paxos::Accept>(std::move(fields)));
}

Result<protocol::MessagePtr> fetch_from_wire(const kv_paxos_fetch& wire) {
  Status status = check_slots(wire.first, 0);
  if (status.ok() && wire.first == 0) status = Status::invalid("there is no slot 0");
  if (!status.ok()) return status;
  return protocol::MessagePtr(std::make_shared<paxos::Fetch>(paxos::FetchFields{wire.first}));
}

Result<protocol::MessagePtr> submit_from_wire(const kv_paxos_submit& wire) {
  paxos::SubmitFields fields;
  const Status status = take_values(wire.values, fields.values);
  if (!status.ok()) return status;
  for (const Value& value : fields.values) {
    if (value.is_no_op()) return Status::invalid("a write without a command");
  }
  return protocol::MessagePtr(std::make_shared<paxos::Submit>(std::move(fields)));
}

Result<protocol::MessagePtr> promise_from_wire(const kv_paxos_promise& wire) {
  paxos::PromiseFields fields{
      wire.granted == TRUE, from_wire(wire.promised), wire.chosen, wire.cut, {}};
  const Status status = check_slots(wire.cut, wire.chosen);
  if (!status.ok()) return status;
  fields.accepted.reserve(wire.accepted.accepted_len);
  for (u_int i = 0; i < wire.accepted.accepted_len; ++i) {
    const kv_paxos_vote& vote = wire.accepted.accepted_val[i];
    if (vote.slot <= wire.chosen || vote.slot > wire.chosen + kVotesMax) {
      return Status::invalid("a vote for a slot beyond the window");
    }
    Result<Value> value = value_from_wire(vote.value);
    if (!value.ok()) return value.status();
    fields.accepted.push_back({vote.slot, from_wire(vote.ballot), std::move(value).value()});
  }
  return protocol::MessagePtr(std::make_shared<paxos::Promise>(std::move(fields)));
}

Result<protocol::MessagePtr> fetched_from_wire(const kv_paxos_fetched& wire) {
  paxos::FetchedFields fields{wire.first, {}, wire.chosen, wire.cut};
  Status status = check_slots(wire.first, wire.chosen);
  if (status.ok()) status = check_slots(wire.cut, wire.chosen);
  if (status.ok()) status = take_values(wire.values, fields.values);
  if (!status.ok()) return status;
  return protocol::MessagePtr(std::make_shared<paxos::Fetched>(std::move(fields)));
}

}  // namespace

void paxos_message_to_wire(const protocol::Message& message, PaxosWireParts& parts,
                           kv_peer_message& wire) {
  auto& arms = wire.kv_peer_message_u;
  switch (message.tag()) {
    case paxos::kPreVote:
      wire.phase = KV_PHASE_PAXOS_PRE_VOTE;
      arms.pre_vote.ballot = to_wire(paxos::as<paxos::PreVote>(message).ballot);
      return;
    case paxos::kPrepare:
      wire.phase = KV_PHASE_PAXOS_PREPARE;
      arms.prepare.ballot = to_wire(paxos::as<paxos::Prepare>(message).ballot);
      return;
    case paxos::kAccept: {
      const auto& accept = paxos::as<paxos::Accept>(message);
      wire.phase = KV_PHASE_PAXOS_ACCEPT;
      arms.accept.ballot = to_wire(accept.ballot);
      arms.accept.first = accept.first;
      arms.accept.chosen = accept.chosen;
      put_values(accept.values, parts, arms.accept.values);
      return;
    }
    case paxos::kFetch:
      wire.phase = KV_PHASE_PAXOS_FETCH;
      arms.fetch.first = paxos::as<paxos::Fetch>(message).first;
      return;
    case paxos::kSubmit:
      wire.phase = KV_PHASE_PAXOS_SUBMIT;
      put_values(paxos::as<paxos::Submit>(message).values, parts, arms.submit.values);
      return;
    case paxos::kReadIndex:
      wire.phase = KV_PHASE_PAXOS_READ_INDEX;
      return;
    default:
      RKV_CHECK(false, "a request of another protocol does not get here");
  }
}

void paxos_answer_to_wire(const protocol::Message& answer, PaxosWireParts& parts,
                          kv_peer_answer& wire) {
  auto& arms = wire.kv_peer_answer_u;
  switch (answer.tag()) {
    case paxos::kPreVoteAnswer: {
      const auto& it = paxos::as<paxos::PreVoteAnswer>(answer);
      wire.phase = KV_PHASE_PAXOS_PRE_VOTE;
      arms.pre_vote = {it.granted ? TRUE : FALSE, to_wire(it.promised), it.chosen, it.cut};
      return;
    }
    case paxos::kPromise:
      wire.phase = KV_PHASE_PAXOS_PREPARE;
      put_promise(paxos::as<paxos::Promise>(answer), parts, arms.promise);
      return;
    case paxos::kAccepted: {
      const auto& it = paxos::as<paxos::Accepted>(answer);
      wire.phase = KV_PHASE_PAXOS_ACCEPT;
      arms.accepted = {it.taken, to_wire(it.promised), it.chosen};
      return;
    }
    case paxos::kFetched: {
      const auto& it = paxos::as<paxos::Fetched>(answer);
      wire.phase = KV_PHASE_PAXOS_FETCH;
      arms.fetched.first = it.first;
      arms.fetched.chosen = it.chosen;
      arms.fetched.cut = it.cut;
      put_values(it.values, parts, arms.fetched.values);
      return;
    }
    case paxos::kSubmitted: {
      const auto& it = paxos::as<paxos::Submitted>(answer);
      wire.phase = KV_PHASE_PAXOS_SUBMIT;
      parts.reason = it.reason.substr(0, kReasonSizeMax);
      arms.submitted = {it.taken, to_wire(it.ballot), string_to_wire(parts.reason)};
      return;
    }
    case paxos::kReadIndexAnswer: {
      const auto& it = paxos::as<paxos::ReadIndexAnswer>(answer);
      wire.phase = KV_PHASE_PAXOS_READ_INDEX;
      arms.read_index = {it.granted ? TRUE : FALSE, it.slot};
      return;
    }
    default:
      RKV_CHECK(false, "an answer of another protocol does not get here");
  }
}

Result<protocol::MessagePtr> paxos_message_from_wire(const kv_peer_message& wire,
                                                     ReplicaId sender) {
  const auto& arms = wire.kv_peer_message_u;
  switch (wire.phase) {
    case KV_PHASE_PAXOS_PRE_VOTE: {
      const Status status = check_own(arms.pre_vote.ballot, sender);
      if (!status.ok()) return status;
      return protocol::MessagePtr(
          std::make_shared<paxos::PreVote>(paxos::PreVoteFields{from_wire(arms.pre_vote.ballot)}));
    }
    case KV_PHASE_PAXOS_PREPARE: {
      const Status status = check_own(arms.prepare.ballot, sender);
      if (!status.ok()) return status;
      return protocol::MessagePtr(
          std::make_shared<paxos::Prepare>(paxos::PrepareFields{from_wire(arms.prepare.ballot)}));
    }
    case KV_PHASE_PAXOS_ACCEPT:
      return accept_from_wire(arms.accept, sender);
    case KV_PHASE_PAXOS_FETCH:
      return fetch_from_wire(arms.fetch);
    case KV_PHASE_PAXOS_SUBMIT:
      return submit_from_wire(arms.submit);
    case KV_PHASE_PAXOS_READ_INDEX:
      return protocol::MessagePtr(std::make_shared<paxos::ReadIndex>(paxos::ReadIndexFields{}));
    default:
      RKV_CHECK(false, "a message of another protocol does not get here");
  }
}

Result<protocol::MessagePtr> paxos_answer_from_wire(const kv_peer_answer& wire) {
  const auto& arms = wire.kv_peer_answer_u;
  switch (wire.phase) {
    case KV_PHASE_PAXOS_PRE_VOTE: {
      const kv_paxos_pre_vote_answer& it = arms.pre_vote;
      const Status status = check_slots(it.cut, it.chosen);
      if (!status.ok()) return status;
      return protocol::MessagePtr(std::make_shared<paxos::PreVoteAnswer>(paxos::PreVoteAnswerFields{
          it.granted == TRUE, from_wire(it.promised), it.chosen, it.cut}));
    }
    case KV_PHASE_PAXOS_PREPARE:
      return promise_from_wire(arms.promise);
    case KV_PHASE_PAXOS_ACCEPT: {
      const kv_paxos_accepted& it = arms.accepted;
      const Status status = check_slots(0, it.chosen);
      if (!status.ok()) return status;
      return protocol::MessagePtr(std::make_shared<paxos::Accepted>(
          paxos::AcceptedFields{it.taken, from_wire(it.promised), it.chosen}));
    }
    case KV_PHASE_PAXOS_FETCH:
      return fetched_from_wire(arms.fetched);
    case KV_PHASE_PAXOS_SUBMIT: {
      const kv_paxos_submitted& it = arms.submitted;
      return protocol::MessagePtr(std::make_shared<paxos::Submitted>(paxos::SubmittedFields{
          it.taken, from_wire(it.ballot), it.reason == nullptr ? "" : it.reason}));
    }
    case KV_PHASE_PAXOS_READ_INDEX: {
      const kv_paxos_read_index_answer& it = arms.read_index;
      const Status status = check_slots(it.slot, 0);
      if (!status.ok()) return status;
      return protocol::MessagePtr(std::make_shared<paxos::ReadIndexAnswer>(
          paxos::ReadIndexAnswerFields{it.granted == TRUE, it.slot}));
    }
    default:
      RKV_CHECK(false, "an answer of another protocol does not get here");
  }
}

}  // namespace rkv::service
