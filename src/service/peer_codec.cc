#include "service/peer_codec.h"

#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "forward/message.h"
#include "kv/command.h"
#include "service/wire.h"
#include "twopc/message.h"

namespace rkv::service {

static_assert(static_cast<int>(Replication::kForward) == KV_REPLICATION_FORWARD);
static_assert(static_cast<int>(Replication::kPaxos) == KV_REPLICATION_PAXOS);
static_assert(static_cast<int>(Replication::kTwoPc) == KV_REPLICATION_2PC);

namespace {

// Whether kv.x says of the status that nothing happened; not of one that a later release may add.
bool nothing_happened(int status) {
  switch (status) {
    case KV_NOT_FOUND:
    case KV_INVALID:
    case KV_UNAVAILABLE:
    case KV_DENIED:
    case KV_OVER_LIMIT:
    case KV_BUSY:
    case KV_WRONG_CLUSTER:
    case KV_WRONG_REPLICA:
    case KV_WRONG_REPLICATION:
    case KV_USE_TCP:
      return true;
    default:
      return false;
  }
}

// Whose messages are of this phase; nothing for a hello, and for a phase of a later release.
std::optional<Replication> protocol_of(const kv_phase& phase) {
  switch (number_of(phase)) {
    case KV_PHASE_FORWARD:
      return Replication::kForward;
    case KV_PHASE_PAXOS_PRE_VOTE:
    case KV_PHASE_PAXOS_PREPARE:
    case KV_PHASE_PAXOS_ACCEPT:
    case KV_PHASE_PAXOS_FETCH:
    case KV_PHASE_PAXOS_SUBMIT:
    case KV_PHASE_PAXOS_READ_INDEX:
      return Replication::kPaxos;
    case KV_PHASE_TXN_PREPARE:
    case KV_PHASE_TXN_VOTES:
    case KV_PHASE_TXN_DECIDE:
    case KV_PHASE_TXN_QUERY:
    case KV_PHASE_TXN_SUBMIT:
    case KV_PHASE_TXN_ENDED:
      return Replication::kTwoPc;
    default:
      return std::nullopt;
  }
}

bool is_twopc(const protocol::Message& message) {
  return message.tag() >= twopc::kTxnPrepare && message.tag() <= twopc::kTxnNoted;
}

std::string with_coordinator(ReplicaId id) {
  if (id == ReplicaId{}) return "without --coordinator";
  return "with --coordinator " + std::to_string(id.value);
}

}  // namespace

OutgoingMessage::OutgoingMessage(const protocol::Message& message) {
  if (is_twopc(message)) {
    twopc_message_to_wire(message, twopc_parts_, wire_);
    return;
  }
  if (message.tag() != forward::kWrites) {
    paxos_message_to_wire(message, paxos_parts_, wire_);
    return;
  }
  const auto& writes = static_cast<const forward::Writes&>(message);
  commands_.reserve(writes.commands().size());
  for (const SharedBytes& command : writes.commands()) {
    commands_.push_back({static_cast<u_int>(command->size()), const_cast<char*>(command->data())});
  }
  wire_.phase = KV_PHASE_FORWARD;
  wire_.kv_peer_message_u.forward.commands.commands_len = static_cast<u_int>(commands_.size());
  wire_.kv_peer_message_u.forward.commands.commands_val = commands_.data();
}

OutgoingAnswer::OutgoingAnswer(kv_phase request, const protocol::Message& answer) {
  if (is_twopc(answer)) {
    twopc_answer_to_wire(request, answer, twopc_parts_, wire_);
    return;
  }
  if (answer.tag() != forward::kWritten) {
    paxos_answer_to_wire(answer, paxos_parts_, wire_);
    return;
  }
  wire_.phase = KV_PHASE_FORWARD;
  wire_.kv_peer_answer_u.forwarded.position =
      static_cast<const forward::Written&>(answer).position();
}

Result<protocol::MessagePtr> message_from_wire(Replication replication, ReplicaId sender,
                                               const kv_peer_message& wire) {
  if (protocol_of(wire.phase) != std::optional(replication)) {
    return Status::invalid("a message that this replication protocol does not have");
  }
  if (replication == Replication::kPaxos) return paxos_message_from_wire(wire, sender);
  if (replication == Replication::kTwoPc) return twopc_message_from_wire(wire, sender);
  const kv_forward& forward = wire.kv_peer_message_u.forward;
  if (forward.commands.commands_len == 0) return Status::invalid("a message without commands");
  std::vector<SharedBytes> commands;
  commands.reserve(forward.commands.commands_len);
  for (u_int i = 0; i < forward.commands.commands_len; ++i) {
    const std::string_view command = view_of(forward.commands.commands_val[i]);
    const Status status = kv::validate_command(command);
    if (!status.ok()) return status;
    commands.push_back(std::make_shared<const std::string>(command));
  }
  return protocol::MessagePtr(std::make_shared<forward::Writes>(std::move(commands)));
}

Result<protocol::MessagePtr> answer_from_wire(kv_phase request, const kv_peer_answer& wire) {
  if (number_of(wire.phase) != static_cast<int>(request)) {
    return Status::invalid("an answer to something else");
  }
  if (protocol_of(request) == Replication::kPaxos) return paxos_answer_from_wire(wire);
  if (protocol_of(request) == Replication::kTwoPc) return twopc_answer_from_wire(wire);
  return protocol::MessagePtr(
      std::make_shared<forward::Written>(wire.kv_peer_answer_u.forwarded.position));
}

kv_envelope envelope_to_wire(const Cluster& cluster, ReplicaId recipient) {
  kv_envelope envelope{};
  std::memcpy(envelope.cluster, cluster.id.bytes.data(), sizeof envelope.cluster);
  envelope.sender = cluster.self.value;
  envelope.recipient = recipient.value;
  envelope.incarnation = cluster.incarnation;
  envelope.replication = static_cast<kv_replication>(cluster.replication);
  envelope.lease_ms = cluster.lease_ms;
  envelope.coordinator = cluster.coordinator.value;
  return envelope;
}

EnvelopeCheck check_envelope(const Cluster& cluster, const kv_envelope& envelope) {
  ClusterId id;
  std::memcpy(id.bytes.data(), envelope.cluster, id.bytes.size());
  if (id != cluster.id) {
    return {KV_WRONG_CLUSTER, "this is a replica of cluster " + cluster.id.to_string() +
                                  ", not of cluster " + id.to_string()};
  }
  if (envelope.group != 0)
    return {KV_INVALID, "there is no group " + std::to_string(envelope.group)};
  if (envelope.recipient != cluster.self.value) {
    return {KV_WRONG_REPLICA, "this is replica " + std::to_string(cluster.self.value) +
                                  ", not replica " + std::to_string(envelope.recipient)};
  }
  if (ReplicaId{envelope.sender} == cluster.self ||
      cluster.find(ReplicaId{envelope.sender}) == nullptr) {
    return {KV_WRONG_REPLICA, "replica " + std::to_string(cluster.self.value) +
                                  " knows no other replica " + std::to_string(envelope.sender)};
  }
  if (number_of(envelope.replication) != static_cast<int>(cluster.replication)) {
    return {KV_WRONG_REPLICATION,
            "this cluster was created with replication " + cluster.replication_name};
  }
  if (envelope.lease_ms != cluster.lease_ms) {
    return {KV_WRONG_REPLICATION,
            "this replica runs with --election-ms " + std::to_string(cluster.lease_ms) + ", not " +
                std::to_string(envelope.lease_ms) + "; it must be the same at all replicas"};
  }
  if (envelope.coordinator != cluster.coordinator.value) {
    return {KV_WRONG_REPLICATION, "this replica runs " + with_coordinator(cluster.coordinator) +
                                      ", not " + with_coordinator(ReplicaId{envelope.coordinator}) +
                                      "; it must be the same at all replicas"};
  }
  return {};
}

Status check_answer(const Cluster& cluster, ReplicaId peer, const kv_rput_result& result) {
  const int status = number_of(result.status);
  if (status == KV_OK) {
    const kv_envelope& envelope = result.kv_rput_result_u.ok.envelope;
    const EnvelopeCheck check = check_envelope(cluster, envelope);
    if (check.status != KV_OK) return Status::unknown("its answer is refused: " + check.reason);
    if (envelope.sender != peer.value) {
      return Status::unknown("it answers as replica " + std::to_string(envelope.sender));
    }
    return {};
  }
  const char* said = result.kv_rput_result_u.failure.reason;
  std::string reason = printable(said == nullptr ? "" : said, kReasonSizeMax);
  if (reason.empty()) reason = "status " + std::to_string(status);
  if (nothing_happened(status)) return Status::unavailable("it refuses: " + reason);
  return Status::unknown("it fails: " + reason);
}

}  // namespace rkv::service
