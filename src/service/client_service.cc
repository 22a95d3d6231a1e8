#include "service/client_service.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/version.h"
#include "kv/command.h"
#include "rpc/datagram.h"
#include "service/wire.h"

extern "C" void kv_prog_1(svc_req* request, SVCXPRT* transport);

namespace rkv::service {

static_assert(twopc::kInDoubtShownMax == KV_IN_DOUBT_MAX);

namespace {

// Key and value within their limits; the wire bounds them too, but for the empty key.
Status validate(std::string_view key, std::string_view value) {
  Status status = kv::validate_key(key);
  if (status.ok()) status = kv::validate_value(value);
  return status;
}

// Every result of kv.x is a union on `status` with a `failure` of the same shape.
template <typename WireResult, typename WireUnion>
void send_failure(rpc::Reply<WireResult>& reply, WireUnion WireResult::*arms, const Status& status,
                  ReplicaId replica) {
  std::string reason = status.reason();
  WireResult result{};
  result.status = to_wire(status.code());
  (result.*arms).failure = failure_to_wire(reason, replica);
  reply.send(result);
}

// The failures that only a write has.
template <typename WireResult, typename WireUnion>
void send_write_failure(rpc::Reply<WireResult>& reply, WireUnion WireResult::*arms,
                        const replica::WriteResult& write, ReplicaId replica) {
  if (write.status.code() != StatusCode::kPartlyApplied) {
    send_failure(reply, arms, write.status, replica);
    return;
  }
  std::string reason = write.status.reason().substr(0, kReasonSizeMax);
  std::vector<u_int> missing;
  for (const ReplicaId id : write.missing) missing.push_back(id.value);
  WireResult result{};
  result.status = KV_PARTLY_APPLIED;
  (result.*arms).partly.missing.missing_len = static_cast<u_int>(missing.size());
  (result.*arms).partly.missing.missing_val = missing.data();
  (result.*arms).partly.reason = string_to_wire(reason);
  reply.send(result);
}

// The write with what its command did in its status too.
replica::WriteResult with_outcome(replica::WriteResult write) {
  if (!write.status.ok()) return write;
  switch (write.applied.outcome) {
    case kv::Applied::Outcome::kApplied:
      break;
    case kv::Applied::Outcome::kNotFound:
      write.status = Status(StatusCode::kNotFound, "no such key");
      break;
    case kv::Applied::Outcome::kExpired:
      write.status = Status::unknown(
          "the operation id is older than what is remembered of its client: it was not applied "
          "now, and whether it was before is not known any more");
      break;
  }
  return write;
}

template <typename WireResult, typename WireUnion>
void set_overload_reply(rpc::Server& server, std::uint32_t procedure,
                        rpc::XdrRoutine<WireResult> routine, WireUnion WireResult::*arms,
                        ReplicaId replica) {
  std::string reason =
      "this replica takes no more calls now: too many are waiting, or it is stopping";
  WireResult result{};
  result.status = KV_BUSY;
  (result.*arms).failure = failure_to_wire(reason, replica);
  server.set_overload_reply(KV_PROG, KV_V1, procedure, rpc::untyped(routine), &result);
}

// What a call that does not fit a datagram is answered with.
template <typename WireResult, typename WireUnion>
void set_datagram_reply(rpc::Server& server, std::uint32_t procedure,
                        rpc::Server::DatagramReply use, rpc::XdrRoutine<WireResult> routine,
                        WireUnion WireResult::*arms, ReplicaId replica) {
  const bool is_read = use == rpc::Server::DatagramReply::kOrResultsTooLong;
  std::string reason = "the call " + std::string(is_read ? "or its answer " : "") +
                       "is longer than the " + std::to_string(rpc::kDatagramSizeMax) +
                       " bytes that go over UDP";
  WireResult result{};
  result.status = KV_USE_TCP;
  (result.*arms).failure = failure_to_wire(reason, replica);
  server.set_datagram_reply(KV_PROG, KV_V1, procedure, use, rpc::untyped(routine), &result);
}

// 0 if `then` is past.
u_quad_t milliseconds_until(TimePoint then, TimePoint now) {
  return static_cast<u_quad_t>(std::max<std::int64_t>((then - now).ms(), 0));
}

}  // namespace

ClientService::ClientService(const Cluster& cluster, replica::Manager& manager, kv::Store& store,
                             Peers& peers, const rpc::Server& server, rpc::EventLoop& loop,
                             Logger& logger)
    : cluster_(cluster),
      manager_(manager),
      store_(store),
      peers_(peers),
      server_(server),
      loop_(loop),
      logger_(logger),
      started_(loop.now()) {}

void ClientService::serve_on(rpc::Server& server) {
  server.add_program(KV_PROG, KV_V1, kv_prog_1, this);
  set_overload_reply(server, PUT, xdr_kv_put_result, &kv_put_result::kv_put_result_u,
                     cluster_.self);
  set_overload_reply(server, GET, xdr_kv_get_result, &kv_get_result::kv_get_result_u,
                     cluster_.self);
  set_overload_reply(server, DEL, xdr_kv_del_result, &kv_del_result::kv_del_result_u,
                     cluster_.self);
  set_overload_reply(server, REPLICAS, xdr_kv_replicas_result,
                     &kv_replicas_result::kv_replicas_result_u, cluster_.self);
  set_overload_reply(server, STATUS, xdr_kv_status_result, &kv_status_result::kv_status_result_u,
                     cluster_.self);
  // The longest result of a write fits a datagram, so none that was run is told to use TCP.
  constexpr auto kWrite = rpc::Server::DatagramReply::kCallTooLong;
  constexpr auto kRead = rpc::Server::DatagramReply::kOrResultsTooLong;
  set_datagram_reply(server, PUT, kWrite, xdr_kv_put_result, &kv_put_result::kv_put_result_u,
                     cluster_.self);
  set_datagram_reply(server, DEL, kWrite, xdr_kv_del_result, &kv_del_result::kv_del_result_u,
                     cluster_.self);
  set_datagram_reply(server, GET, kRead, xdr_kv_get_result, &kv_get_result::kv_get_result_u,
                     cluster_.self);
  set_datagram_reply(server, REPLICAS, kRead, xdr_kv_replicas_result,
                     &kv_replicas_result::kv_replicas_result_u, cluster_.self);
  set_datagram_reply(server, STATUS, kRead, xdr_kv_status_result,
                     &kv_status_result::kv_status_result_u, cluster_.self);
}

void ClientService::add_counter(std::string name, std::function<std::uint64_t()> read) {
  added_counters_.emplace_back(std::move(name), std::move(read));
}

void ClientService::show_paxos(const paxos::Paxos& paxos, const env::LogDevice& log) {
  paxos_ = &paxos;
  log_ = &log;
}

void ClientService::show_twopc(const twopc::TwoPc& twopc, const env::LogDevice& log) {
  twopc_ = &twopc;
  log_ = &log;
}

void ClientService::put(const kv_put_args& args, rpc::Reply<kv_put_result> reply) {
  const Status valid = validate(view_of(args.key), view_of(args.value));
  if (!valid.ok()) {
    send_failure(reply, &kv_put_result::kv_put_result_u, valid, cluster_.self);
    return;
  }
  const kv::Command command{kv::Command::Kind::kPut, from_wire(args.operation),
                            std::string(view_of(args.key)), std::string(view_of(args.value))};
  const std::string key = logger_.enabled(LogLevel::kDebug) ? command.key : std::string();
  RKV_FAILPOINT(client_before_write);
  manager_.write(command, [this, key, begun = loop_.now(),
                           reply = std::move(reply)](const replica::WriteResult& write) mutable {
    const replica::WriteResult outcome = with_outcome(write);
    log_operation("put", key, begun, outcome.status);
    if (RKV_FAILPOINT_FAILS(client_before_answer)) return;  // its outcome is unknown then
    if (!outcome.status.ok()) {
      send_write_failure(reply, &kv_put_result::kv_put_result_u, outcome, cluster_.self);
      return;
    }
    kv_put_result result{};
    result.status = KV_OK;
    result.kv_put_result_u.ok.key_version = write.applied.version;
    result.kv_put_result_u.ok.position = write.applied.position;
    reply.send(result);
    RKV_FAILPOINT(client_after_answer);
  });
}

void ClientService::get(const kv_get_args& args, rpc::Reply<kv_get_result> reply) {
  const Status valid = validate(view_of(args.key), {});
  if (!valid.ok()) {
    send_failure(reply, &kv_get_result::kv_get_result_u, valid, cluster_.self);
    return;
  }
  read(std::string(view_of(args.key)), std::move(reply));
}

// A value can be large, and thousands of calls may have come before the client takes the first
// answer: what finds no room is read again when there is some.
void ClientService::read(std::string key, rpc::Reply<kv_get_result> reply) {
  std::string kept = key;
  manager_.read(std::move(key),
                [this, key = std::move(kept), begun = loop_.now(), reply = std::move(reply)](
                    const Status& status, const kv::Entry* entry, Position position) mutable {
                  if (!reply.has_room(entry == nullptr ? 0 : entry->value.size())) {
                    std::move(reply).wait_for_room(
                        [this, again = std::move(key)](rpc::Reply<kv_get_result> later) mutable {
                          read(std::move(again), std::move(later));
                        });
                    return;
                  }
                  if (!status.ok() || entry == nullptr) {
                    const Status missing(StatusCode::kNotFound, "no such key");
                    const Status& failure = status.ok() ? missing : status;
                    log_operation("get", key, begun, failure);
                    send_failure(reply, &kv_get_result::kv_get_result_u, failure, cluster_.self);
                    return;
                  }
                  log_operation("get", key, begun, status);
                  kv_get_result result{};
                  result.status = KV_OK;
                  kv_get_ok& ok = result.kv_get_result_u.ok;
                  ok.value.kv_value_val = const_cast<char*>(entry->value.data());
                  ok.value.kv_value_len = static_cast<u_int>(entry->value.size());
                  ok.key_version = entry->version;
                  ok.position = position;
                  reply.send(result);
                });
}

void ClientService::del(const kv_del_args& args, rpc::Reply<kv_del_result> reply) {
  const Status valid = validate(view_of(args.key), {});
  if (!valid.ok()) {
    send_failure(reply, &kv_del_result::kv_del_result_u, valid, cluster_.self);
    return;
  }
  const kv::Command command{kv::Command::Kind::kDel, from_wire(args.operation),
                            std::string(view_of(args.key)), std::string()};
  const std::string key = logger_.enabled(LogLevel::kDebug) ? command.key : std::string();
  RKV_FAILPOINT(client_before_write);
  manager_.write(command, [this, key, begun = loop_.now(),
                           reply = std::move(reply)](const replica::WriteResult& write) mutable {
    const replica::WriteResult outcome = with_outcome(write);
    log_operation("del", key, begun, outcome.status);
    if (RKV_FAILPOINT_FAILS(client_before_answer)) return;  // its outcome is unknown then
    if (!outcome.status.ok()) {
      send_write_failure(reply, &kv_del_result::kv_del_result_u, outcome, cluster_.self);
      return;
    }
    kv_del_result result{};
    result.status = KV_OK;
    result.kv_del_result_u.ok.key_version = write.applied.version;
    result.kv_del_result_u.ok.position = write.applied.position;
    reply.send(result);
    RKV_FAILPOINT(client_after_answer);
  });
}

void ClientService::replicas(rpc::Reply<kv_replicas_result> reply) {
  std::vector<kv_replica> replicas;
  for (const ReplicaAddress& address : cluster_.replicas) {
    replicas.push_back(
        {address.id.value, string_to_wire(address.host), address.client_port, address.peer_port});
  }
  kv_replicas_result result{};
  result.status = KV_OK;
  kv_replicas_ok& ok = result.kv_replicas_result_u.ok;
  ok.self = cluster_.self.value;
  ok.replicas.replicas_len = static_cast<u_int>(replicas.size());
  ok.replicas.replicas_val = replicas.data();
  reply.send(result);
}

void ClientService::status(const kv_status_args& args, rpc::Reply<kv_status_result> reply) {
  if (args.state_hash == FALSE) {
    send_status(std::move(reply), nullptr);
    return;
  }
  // The store wants a copyable callback, and a reply is one of a kind.
  auto waiting = std::make_shared<rpc::Reply<kv_status_result>>(std::move(reply));
  store_.hash(
      [this, waiting](const kv::StateHash& hash) { send_status(std::move(*waiting), &hash); });
}

std::vector<ClientService::Counter> ClientService::counters() const {
  const replica::ManagerCounters& manager = manager_.counters();
  const rpc::ServerCounters& server = server_.counters();
  std::vector<Counter> all = {
      {"connections", server.connections},
      {"calls_waiting", server.calls_waiting},
      {"output_bytes", server.output_bytes},
      {"input_bytes", server.input_bytes},
      {"connections_accepted", server.accepted},
      {"connections_refused", server.refused},
      {"connections_timed_out", server.timed_out},
      {"connections_malformed", server.malformed},
      {"calls", server.calls},
      {"calls_overloaded", server.overloaded},
      {"calls_rejected", server.rejected},
      {"datagrams_received", server.datagrams_received},
      {"datagrams_dropped", server.datagrams_dropped},
      {"datagrams_answered", server.datagrams_answered},
      {"datagrams_not_answered", server.datagrams_not_answered},
      {"datagrams_use_tcp", server.datagrams_use_tcp},
      {"writes", manager.writes},
      {"writes_waiting", manager.writes_waiting},
      {"writes_failed", manager.writes_failed},
      {"reads", manager.reads},
      {"reads_waiting", manager.reads_waiting},
      {"peer_requests", manager.peer_requests},
      {"turns", manager.turns},
      {"role_failures", manager.role_failures},
      {"roles_stopped", manager.roles_stopped},
  };
  for (const auto& [name, read] : added_counters_) all.push_back({name, read()});
  RKV_CHECK(all.size() <= KV_COUNTERS_MAX, "the counters fit STATUS");
  return all;
}

kv_paxos_status ClientService::paxos_status() const {
  const paxos::Paxos::View view = paxos_->view();
  const TimePoint now = loop_.now();
  kv_paxos_status paxos{};
  paxos.ballot = {view.ballot.round, view.ballot.replica.value};
  paxos.promised = {view.promised.round, view.promised.replica.value};
  paxos.chosen = view.chosen;
  paxos.synced = view.synced;
  paxos.cut = view.cut;
  paxos.lease_ms = milliseconds_until(view.lease_until, now);
  paxos.elections = view.elections;
  if (view.elections > 0) paxos.election_age_ms = milliseconds_until(now, view.elected_at);
  paxos.log_bytes = log_->size();
  return paxos;
}

// What it returns refers to `view` and `parts`.
kv_twopc_status ClientService::twopc_status(const twopc::View& view,
                                            std::vector<kv_txn_in_doubt>* parts) const {
  RKV_CHECK(view.in_doubt.size() <= KV_IN_DOUBT_MAX, "what is in doubt fits STATUS");
  for (const twopc::View::InDoubt& each : view.in_doubt) {
    parts->push_back({{each.id.coordinator.value, each.id.incarnation, each.id.number},
                      {static_cast<u_int>(each.key.size()), const_cast<char*>(each.key.data())},
                      milliseconds_until(loop_.now(), each.since)});
  }
  kv_twopc_status twopc{};
  twopc.coordinator = view.coordinator.value;
  twopc.waiting = view.waiting;
  twopc.voting = view.voting;
  twopc.unfinished = view.unfinished;
  twopc.prepared = view.prepared;
  twopc.in_doubt_count = view.in_doubt_count;
  twopc.in_doubt.in_doubt_len = static_cast<u_int>(parts->size());
  twopc.in_doubt.in_doubt_val = parts->data();
  twopc.conflicts = view.conflicts;
  twopc.aborted = view.aborted;
  twopc.log_bytes = log_->size();
  return twopc;
}

void ClientService::send_status(rpc::Reply<kv_status_result> reply,
                                const kv::StateHash* hash) const {
  const std::vector<Counter> counted = counters();
  std::vector<kv_counter> wire_counters;
  wire_counters.reserve(counted.size());
  for (const Counter& counter : counted) {
    wire_counters.push_back({string_to_wire(counter.name), counter.value});
  }
  std::vector<PeerState> states = peers_.states();
  std::vector<kv_peer> wire_peers;
  wire_peers.reserve(states.size());
  for (PeerState& state : states) {
    if (state.reason.size() > kReasonSizeMax) state.reason.resize(kReasonSizeMax);
    wire_peers.push_back({state.id.value, state.up ? TRUE : FALSE, string_to_wire(state.reason),
                          milliseconds_until(loop_.now(), state.since)});
  }
  const protocol::Role own = manager_.role();
  const std::string role(own.name);
  const std::string trouble = own.trouble.substr(0, kReasonSizeMax);
  const std::string software = kSoftwareVersion;
  const twopc::View view = twopc_ == nullptr ? twopc::View() : twopc_->view();
  std::vector<kv_txn_in_doubt> in_doubt;
  kv_status_result result{};
  result.status = KV_OK;
  kv_status_ok& ok = result.kv_status_result_u.ok;
  std::memcpy(ok.cluster, cluster_.id.bytes.data(), sizeof ok.cluster);
  ok.replica = cluster_.self.value;
  ok.incarnation = cluster_.incarnation;
  ok.replication = string_to_wire(cluster_.replication_name);
  ok.role = string_to_wire(role);
  ok.leader = own.leader.value;
  ok.protocol.replication = static_cast<kv_replication>(cluster_.replication);
  auto& arms = ok.protocol.kv_protocol_status_u;
  if (paxos_ != nullptr) arms.paxos = paxos_status();
  if (twopc_ != nullptr) arms.twopc = twopc_status(view, &in_doubt);
  ok.trouble = string_to_wire(trouble);
  ok.applied = store_.applied();
  ok.durable = store_.durable();
  ok.keys = store_.keys();
  ok.software = string_to_wire(software);
  ok.uptime_ms = static_cast<u_quad_t>((loop_.now() - started_).ms());
  ok.peers.peers_len = static_cast<u_int>(wire_peers.size());
  ok.peers.peers_val = wire_peers.data();
  ok.counters.counters_len = static_cast<u_int>(wire_counters.size());
  ok.counters.counters_val = wire_counters.data();
  if (hash != nullptr) {
    ok.state_hash.present = TRUE;
    kv_state_hash& wire_hash = ok.state_hash.kv_state_hash_if_asked_u.state_hash;
    std::memcpy(wire_hash.hash, hash->hash.data(), sizeof wire_hash.hash);
    wire_hash.position = hash->position;
    wire_hash.keys = hash->keys;
  }
  reply.send(result);
}

void ClientService::log_operation(const char* operation, std::string_view key, TimePoint begun,
                                  const Status& status) {
  if (!logger_.enabled(LogLevel::kDebug)) return;
  const Duration took = rpc::EventLoop::read_clock() - begun;
  logger_.debug("{} {}: {} in {} us", operation, printable(key), status.to_string(),
                took.ns / 1000);
}

}  // namespace rkv::service
