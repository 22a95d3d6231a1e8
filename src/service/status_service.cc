#include "service/status_service.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "base/version.h"
#include "service/wire.h"

namespace rkv::service {

static_assert(twopc::kInDoubtShownMax == KV_IN_DOUBT_MAX);

namespace {

// 0 if `then` is past.
u_quad_t milliseconds_until(TimePoint then, TimePoint now) {
  return static_cast<u_quad_t>(std::max<std::int64_t>((then - now).ms(), 0));
}

}  // namespace

StatusService::StatusService(const ClientContext& context, kv::Store& store, Peers& peers,
                             const rpc::Server& server)
    : context_(context),
      store_(store),
      peers_(peers),
      server_(server),
      started_(context.loop.now()) {}

void StatusService::add_counter(std::string name, std::function<std::uint64_t()> read) {
  added_counters_.emplace_back(std::move(name), std::move(read));
}

void StatusService::show_paxos(const paxos::Paxos& paxos, const env::LogDevice& log) {
  paxos_ = &paxos;
  log_ = &log;
}

void StatusService::show_twopc(const twopc::TwoPc& twopc, const env::LogDevice& log) {
  twopc_ = &twopc;
  log_ = &log;
}

void StatusService::replicas(rpc::Reply<kv_replicas_result> reply) {
  std::vector<kv_replica> replicas;
  for (const ReplicaAddress& address : context_.cluster.replicas) {
    replicas.push_back(
        {address.id.value, string_to_wire(address.host), address.client_port, address.peer_port});
  }
  kv_replicas_result result{};
  result.status = KV_OK;
  kv_replicas_ok& ok = result.kv_replicas_result_u.ok;
  ok.self = context_.cluster.self.value;
  ok.replicas.replicas_len = static_cast<u_int>(replicas.size());
  ok.replicas.replicas_val = replicas.data();
  reply.send(result);
}

void StatusService::status(const kv_status_args& args, rpc::Reply<kv_status_result> reply) {
  if (args.state_hash == FALSE) {
    send_status(std::move(reply), nullptr);
    return;
  }
  // A copyable callback is wanted, and a reply is one of a kind.
  auto waiting = std::make_shared<rpc::Reply<kv_status_result>>(std::move(reply));
  context_.manager.hash(
      [this, waiting](const kv::StateHash& hash) { send_status(std::move(*waiting), &hash); });
}

std::vector<StatusService::Counter> StatusService::counters() const {
  const replica::ManagerCounters& manager = context_.manager.counters();
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
      {"datagrams_repeated", server.datagrams_repeated},
      {"datagrams_answered", server.datagrams_answered},
      {"datagrams_not_answered", server.datagrams_not_answered},
      {"datagrams_use_tcp", server.datagrams_use_tcp},
      {"writes", manager.writes},
      {"writes_waiting", manager.writes_waiting},
      {"writes_failed", manager.writes_failed},
      {"reads", manager.reads},
      {"reads_waiting", manager.reads_waiting},
      {"epoch", context_.manager.epoch()},
      {"peer_requests", manager.peer_requests},
      {"turns", manager.turns},
      {"role_failures", manager.role_failures},
      {"roles_stopped", manager.roles_stopped},
  };
  for (const auto& [name, read] : added_counters_) all.push_back({name, read()});
  RKV_CHECK(all.size() <= KV_COUNTERS_MAX, "the counters fit STATUS");
  return all;
}

kv_paxos_status StatusService::paxos_status() const {
  const paxos::Paxos::View view = paxos_->view();
  const TimePoint now = context_.loop.now();
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
kv_twopc_status StatusService::twopc_status(const twopc::View& view,
                                            std::vector<kv_txn_in_doubt>* parts) const {
  RKV_CHECK(view.in_doubt.size() <= KV_IN_DOUBT_MAX, "what is in doubt fits STATUS");
  for (const twopc::View::InDoubt& each : view.in_doubt) {
    parts->push_back({{each.id.coordinator.value, each.id.incarnation, each.id.number},
                      {static_cast<u_int>(each.key.size()), const_cast<char*>(each.key.data())},
                      milliseconds_until(context_.loop.now(), each.since)});
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

void StatusService::send_status(rpc::Reply<kv_status_result> reply,
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
                          milliseconds_until(context_.loop.now(), state.since)});
  }
  const protocol::Role own = context_.manager.role();
  const std::string role(own.name);
  const std::string trouble = own.trouble.substr(0, kReasonSizeMax);
  const std::string software = kSoftwareVersion;
  const twopc::View view = twopc_ == nullptr ? twopc::View() : twopc_->view();
  std::vector<kv_txn_in_doubt> in_doubt;
  kv_status_result result{};
  result.status = KV_OK;
  kv_status_ok& ok = result.kv_status_result_u.ok;
  std::memcpy(ok.cluster, context_.cluster.id.bytes.data(), sizeof ok.cluster);
  ok.replica = context_.cluster.self.value;
  ok.incarnation = context_.cluster.incarnation;
  ok.replication = string_to_wire(context_.cluster.replication_name);
  ok.role = string_to_wire(role);
  ok.leader = own.leader.value;
  ok.protocol.replication = static_cast<kv_replication>(context_.cluster.replication);
  auto& arms = ok.protocol.kv_protocol_status_u;
  if (paxos_ != nullptr) arms.paxos = paxos_status();
  if (twopc_ != nullptr) arms.twopc = twopc_status(view, &in_doubt);
  ok.trouble = string_to_wire(trouble);
  ok.applied = store_.applied();
  ok.durable = store_.durable();
  ok.keys = store_.keys();
  ok.software = string_to_wire(software);
  ok.uptime_ms = static_cast<u_quad_t>((context_.loop.now() - started_).ms());
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

}  // namespace rkv::service
