#include "client/wire.h"

#include <fmt/format.h>
#include <kv.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/limits.h"
#include "client/outcome.h"
#include "client/wire_format.h"

namespace rkv::client {
namespace {

static_assert(KV_KEY_MAX == kKeySizeMax && KV_VALUE_MAX == kValueSizeMax);

// The cases of the extensions of GET and DEL.
constexpr u_int kGetWithOptions = 1;
constexpr u_int kGetWithMissingPosition = 2;
constexpr u_int kDelWithMissingPosition = 1;

// A text from a server as it may be printed: on one line, without control characters.
std::string one_line(const char* text) {
  const std::string_view bytes = text == nullptr ? std::string_view() : text;
  const bool plain = is_text(bytes) && bytes.find_first_of("\t\n") == std::string_view::npos;
  return plain ? std::string(bytes) : printable(bytes, kReasonSizeMax);
}

StatusCode code_of(int status) {
  switch (status) {
    case KV_NOT_FOUND:
      return StatusCode::kNotFound;
    case KV_INVALID:
      return StatusCode::kInvalid;
    case KV_UNAVAILABLE:
      return StatusCode::kUnavailable;
    case KV_UNKNOWN:
      return StatusCode::kUnknown;
    case KV_DENIED:
      return StatusCode::kDenied;
    case KV_OVER_LIMIT:
    case KV_USE_TCP:
      return StatusCode::kOverLimit;
    case KV_PARTLY_APPLIED:
      return StatusCode::kPartlyApplied;
    case KV_BUSY:
      return StatusCode::kBusy;
    case KV_EXPIRED:
      return StatusCode::kExpired;
    case KV_REVISION_GONE:
      return StatusCode::kRevisionGone;
    default:  // KV_ERROR, what only replicas say to one another, and what a later release may add
      return StatusCode::kInternal;
  }
}

std::string list_of(const std::vector<ReplicaId>& ids) {
  std::string text;
  for (const ReplicaId id : ids) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", id.value);
  }
  return text;
}

void take_partly(const kv_partly_applied& partly, const std::string& server,
                 WriteOutcome* outcome) {
  for (u_int i = 0; i < partly.missing.missing_len; ++i) {
    outcome->missing.push_back(ReplicaId{partly.missing.missing_val[i]});
  }
  std::string reason = one_line(partly.reason);
  if (reason.empty()) {
    reason = fmt::format("perhaps not applied at replica {}", list_of(outcome->missing));
  }
  outcome->status = {StatusCode::kPartlyApplied, fmt::format("{} ({})", reason, server)};
}

Duration duration_of_ms(std::uint64_t ms) {
  constexpr std::uint64_t kMax = INT64_MAX / 1'000'000;
  return milliseconds(static_cast<std::int64_t>(std::min(ms, kMax)));
}

PaxosStatus paxos_of(const kv_paxos_status& wire) {
  PaxosStatus paxos;
  paxos.ballot = {wire.ballot.round, ReplicaId{wire.ballot.replica}};
  paxos.promised = {wire.promised.round, ReplicaId{wire.promised.replica}};
  paxos.chosen = wire.chosen;
  paxos.synced = wire.synced;
  paxos.cut = wire.cut;
  paxos.lease = duration_of_ms(wire.lease_ms);
  paxos.elections = wire.elections;
  paxos.election_age = duration_of_ms(wire.election_age_ms);
  paxos.log_bytes = wire.log_bytes;
  return paxos;
}

TwoPcStatus twopc_of(const kv_twopc_status& wire) {
  TwoPcStatus twopc;
  twopc.coordinator = ReplicaId{wire.coordinator};
  twopc.waiting = wire.waiting;
  twopc.voting = wire.voting;
  twopc.unfinished = wire.unfinished;
  twopc.prepared = wire.prepared;
  twopc.in_doubt_count = wire.in_doubt_count;
  for (u_int i = 0; i < wire.in_doubt.in_doubt_len; ++i) {
    const kv_txn_in_doubt& each = wire.in_doubt.in_doubt_val[i];
    InDoubt in_doubt{ReplicaId{each.id.coordinator}, each.id.incarnation, each.id.number, "",
                     duration_of_ms(each.since_ms)};
    if (each.key.kv_key_len > 0) in_doubt.key.assign(each.key.kv_key_val, each.key.kv_key_len);
    twopc.in_doubt.push_back(std::move(in_doubt));
  }
  twopc.conflicts = wire.conflicts;
  twopc.aborted = wire.aborted;
  twopc.log_bytes = wire.log_bytes;
  return twopc;
}

void take_failure(int status, const kv_failure& failure, const std::string& server,
                  Outcome* outcome) {
  outcome->status = failure_of_answer(status, failure, server);
  outcome->replica = ReplicaId{failure.replica};
  if (failure.extension.revision == 1) {
    outcome->position = failure.extension.kv_failure_extension_u.position;
  }
}

template <typename WriteResult, typename Ok>
WriteOutcome write_outcome(const WriteResult& result, const Ok& ok, const kv_partly_applied& partly,
                           const kv_failure& failed, const std::string& server) {
  WriteOutcome outcome;
  outcome.server = server;
  if (number_of(result.status) == KV_OK) {
    outcome.key_version = ok.key_version;
    outcome.position = ok.position;
  } else if (number_of(result.status) == KV_PARTLY_APPLIED) {
    take_partly(partly, server, &outcome);
  } else {
    take_failure(number_of(result.status), failed, server, &outcome);
  }
  return outcome;
}

}  // namespace

Status failure_of_answer(int status, const kv_failure& failure, const std::string& server) {
  std::string reason = one_line(failure.reason);
  if (reason.empty()) reason = fmt::format("status {}", status);
  const std::string where =
      failure.replica == 0 ? server : fmt::format("replica {}, {}", failure.replica, server);
  const std::string_view advice = status == KV_USE_TCP ? kUseTcp : std::string_view();
  return {code_of(status), fmt::format("{} ({}){}", reason, where, advice)};
}

void fill_put(const OperationId& operation, std::string_view key, std::string_view value,
              kv_put_args* args) {
  *args = {};
  args->operation = wire_operation(operation);
  refer(key, &args->key.kv_key_val, &args->key.kv_key_len);
  refer(value, &args->value.kv_value_val, &args->value.kv_value_len);
}

void fill_get(std::string_view key, const ReadOptions& options, kv_get_args* args) {
  *args = {};
  refer(key, &args->key.kv_key_val, &args->key.kv_key_len);
  if (options.consistency == Consistency::kLinearizable && !options.wants_revisions) {
    args->extension.revision = kGetWithMissingPosition;
    return;
  }
  args->extension.revision = kGetWithOptions;
  args->extension.kv_get_extension_u.options = wire_read_options(options);
}

void fill_del(const OperationId& operation, std::string_view key, kv_del_args* args) {
  *args = {};
  args->operation = wire_operation(operation);
  refer(key, &args->key.kv_key_val, &args->key.kv_key_len);
  args->extension.revision = kDelWithMissingPosition;
}

WriteOutcome outcome_of(const kv_put_result& result, const std::string& server) {
  const auto& arms = result.kv_put_result_u;
  return write_outcome(result, arms.ok, arms.partly, arms.failure, server);
}

WriteOutcome outcome_of(const kv_del_result& result, const std::string& server) {
  const auto& arms = result.kv_del_result_u;
  return write_outcome(result, arms.ok, arms.partly, arms.failure, server);
}

ReadOutcome outcome_of(const kv_get_result& result, const std::string& server) {
  ReadOutcome outcome;
  outcome.server = server;
  if (number_of(result.status) != KV_OK) {
    take_failure(number_of(result.status), result.kv_get_result_u.failure, server, &outcome);
    return outcome;
  }
  const kv_get_ok& ok = result.kv_get_result_u.ok;
  outcome.value = bytes_of(ok.value.kv_value_val, ok.value.kv_value_len);
  outcome.key_version = ok.key_version;
  outcome.position = ok.position;
  if (ok.extension.revision == 1) {
    const kv_revisions& revisions = ok.extension.kv_get_ok_extension_u.revisions;
    outcome.revisions = {revisions.created, revisions.modified};
  }
  return outcome;
}

Result<ReplicaList> replicas_of(const kv_replicas_result& result, const std::string& server) {
  if (number_of(result.status) != KV_OK) {
    return failure_of_answer(number_of(result.status), result.kv_replicas_result_u.failure, server);
  }
  const kv_replicas_ok& ok = result.kv_replicas_result_u.ok;
  ReplicaList list;
  list.self = ReplicaId{ok.self};
  list.server = server;
  for (u_int i = 0; i < ok.replicas.replicas_len; ++i) {
    const kv_replica& replica = ok.replicas.replicas_val[i];
    if (replica.client_port > UINT16_MAX || replica.peer_port > UINT16_MAX) {
      return Status::internal(
          fmt::format("replica {} is said to have a port over 65535 ({})", replica.id, server));
    }
    list.replicas.push_back({ReplicaId{replica.id}, one_line(replica.host),
                             static_cast<std::uint16_t>(replica.client_port),
                             static_cast<std::uint16_t>(replica.peer_port)});
  }
  return list;
}

Result<Session> session_of(const kv_session_result& result, const std::string& server) {
  if (number_of(result.status) != KV_OK) {
    return failure_of_answer(number_of(result.status), result.kv_session_result_u.failure, server);
  }
  const kv_session_ok& ok = result.kv_session_result_u.ok;
  const int replication = number_of(ok.replication);
  return Session{ok.first_sequence, replication != KV_REPLICATION_FORWARD,
                 replication == KV_REPLICATION_PAXOS};
}

Result<ReplicaStatus> status_of(const kv_status_result& result, const std::string& server) {
  if (number_of(result.status) != KV_OK) {
    return failure_of_answer(number_of(result.status), result.kv_status_result_u.failure, server);
  }
  const kv_status_ok& ok = result.kv_status_result_u.ok;
  ReplicaStatus status;
  std::copy_n(reinterpret_cast<const std::uint8_t*>(ok.cluster), status.cluster.bytes.size(),
              status.cluster.bytes.begin());
  status.replica = ReplicaId{ok.replica};
  status.incarnation = ok.incarnation;
  status.replication = one_line(ok.replication);
  status.role = one_line(ok.role);
  status.leader = ReplicaId{ok.leader};
  status.applied = ok.applied;
  status.durable = ok.durable;
  const int replication = number_of(ok.protocol.replication);
  if (replication == KV_REPLICATION_PAXOS) {
    status.paxos = paxos_of(ok.protocol.kv_protocol_status_u.paxos);
  }
  if (replication == KV_REPLICATION_2PC) {
    status.twopc = twopc_of(ok.protocol.kv_protocol_status_u.twopc);
  }
  status.trouble = one_line(ok.trouble);
  status.keys = ok.keys;
  status.software = one_line(ok.software);
  status.uptime = duration_of_ms(ok.uptime_ms);
  for (u_int i = 0; i < ok.peers.peers_len; ++i) {
    const kv_peer& peer = ok.peers.peers_val[i];
    status.peers.push_back(
        {ReplicaId{peer.id}, peer.up != 0, one_line(peer.reason), duration_of_ms(peer.since_ms)});
  }
  for (u_int i = 0; i < ok.counters.counters_len; ++i) {
    const kv_counter& counter = ok.counters.counters_val[i];
    status.counters.emplace_back(one_line(counter.name), counter.value);
  }
  if (ok.state_hash.present != 0) {
    const kv_state_hash& hash = ok.state_hash.kv_state_hash_if_asked_u.state_hash;
    status.state_hash = {to_hex({hash.hash, sizeof hash.hash}), hash.position, hash.keys};
  }
  return status;
}

}  // namespace rkv::client
