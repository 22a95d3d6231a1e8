#include "service/client_service.h"

#include <utility>

#include "kv/session_table.h"
#include "rpc/datagram.h"
#include "service/wire.h"

extern "C" void kv_prog_1(svc_req* request, SVCXPRT* transport);

namespace rkv::service {
namespace {

using DatagramReply = rpc::Server::DatagramReply;

// Sets what a procedure is answered with when the server has too much to do, and when a call, or
// its answer, does not fit a datagram.
template <typename WireResult, typename WireUnion>
void set_replies(rpc::Server& server, std::uint32_t procedure, DatagramReply use,
                 rpc::XdrRoutine<WireResult> routine, WireUnion WireResult::*arms,
                 ReplicaId replica) {
  WireResult result{};
  std::string busy =
      "this replica takes no more calls now: too many are waiting, or it is stopping";
  result.status = KV_BUSY;
  (result.*arms).failure = failure_to_wire(busy, replica);
  server.set_overload_reply(KV_PROG, KV_V1, procedure, rpc::untyped(routine), &result);

  const bool is_read = use == DatagramReply::kOrResultsTooLong;
  std::string too_long = "the call " + std::string(is_read ? "or its answer " : "") +
                         "is longer than the " + std::to_string(rpc::kDatagramSizeMax) +
                         " bytes that go over UDP";
  result.status = KV_USE_TCP;
  (result.*arms).failure = failure_to_wire(too_long, replica);
  server.set_datagram_reply(KV_PROG, KV_V1, procedure, use, rpc::untyped(routine), &result);
}

}  // namespace

ClientService::ClientService(const Cluster& cluster, replica::Manager& manager, kv::Store& store,
                             Peers& peers, const rpc::Server& server, rpc::EventLoop& loop,
                             Logger& logger)
    : context_{cluster, manager, loop, logger},
      writes_(context_),
      reads_(context_),
      transactions_(context_),
      ranges_(context_),
      status_(context_, store, peers, server) {}

void ClientService::serve_on(rpc::Server& server) {
  const ReplicaId self = context_.cluster.self;
  // The longest result of a write fits a datagram, so none that was run is told to use TCP. Those
  // of a transaction may not: ClientTransactions refuses beforehand what writes and might not fit.
  constexpr auto kWrite = DatagramReply::kCallTooLong;
  constexpr auto kRead = DatagramReply::kOrResultsTooLong;
  server.add_program(KV_PROG, KV_V1, kv_prog_1, this);
  set_replies(server, PUT, kWrite, xdr_kv_put_result, &kv_put_result::kv_put_result_u, self);
  set_replies(server, DEL, kWrite, xdr_kv_del_result, &kv_del_result::kv_del_result_u, self);
  set_replies(server, GET, kRead, xdr_kv_get_result, &kv_get_result::kv_get_result_u, self);
  set_replies(server, TXN, kRead, xdr_kv_transact_result, &kv_transact_result::kv_transact_result_u,
              self);
  set_replies(server, RANGE, kRead, xdr_kv_range_result, &kv_range_result::kv_range_result_u, self);
  set_replies(server, SESSION, kRead, xdr_kv_session_result,
              &kv_session_result::kv_session_result_u, self);
  set_replies(server, REPLICAS, kRead, xdr_kv_replicas_result,
              &kv_replicas_result::kv_replicas_result_u, self);
  set_replies(server, STATUS, kRead, xdr_kv_status_result, &kv_status_result::kv_status_result_u,
              self);
  // What changes something: plain rpcgen stubs give their writes no operation id.
  for (const std::uint32_t procedure : {PUT, DEL, TXN}) {
    server.remember_duplicates(KV_PROG, KV_V1, procedure);
  }
}

void ClientService::add_counter(std::string name, std::function<std::uint64_t()> read) {
  status_.add_counter(std::move(name), std::move(read));
}

void ClientService::show_paxos(const paxos::Paxos& paxos, const env::LogDevice& log) {
  status_.show_paxos(paxos, log);
}

void ClientService::show_twopc(const twopc::TwoPc& twopc, const env::LogDevice& log) {
  status_.show_twopc(twopc, log);
}

// Out of memory, and so at once: every program begins with it.
void ClientService::session(rpc::Reply<kv_session_result> reply) {
  kv_session_result result{};
  result.status = KV_OK;
  kv_session_ok& ok = result.kv_session_result_u.ok;
  ok.first_sequence = kv::first_sequence_of(context_.manager.epoch());
  ok.replication = static_cast<kv_replication>(context_.cluster.replication);
  reply.send(result);
}

}  // namespace rkv::service
