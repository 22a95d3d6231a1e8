#include "service/peer_service.h"

#include <utility>

#include "base/failpoint.h"
#include "service/peer_codec.h"
#include "service/wire.h"

extern "C" void kv_peer_prog_1(svc_req* request, SVCXPRT* transport);

namespace rkv::service {

PeerService::PeerService(const Cluster& cluster, replica::Manager& manager, Peers& peers,
                         Logger& logger)
    : cluster_(cluster), manager_(manager), peers_(peers), logger_(logger) {}

void PeerService::serve_on(rpc::Server& server) {
  server.add_program(KV_PEER_PROG, KV_PEER_V1, kv_peer_prog_1, this);
  std::string reason =
      "this replica takes no more messages now: too many are waiting, or it is stopping";
  kv_rput_result busy{};
  busy.status = KV_BUSY;
  busy.kv_rput_result_u.failure = failure_to_wire(reason, cluster_.self);
  server.set_overload_reply(KV_PEER_PROG, KV_PEER_V1, RPUT, rpc::untyped(xdr_kv_rput_result),
                            &busy);
}

void PeerService::rput(const kv_rput_args& args, rpc::Reply<kv_rput_result> reply) {
  const EnvelopeCheck check = check_envelope(cluster_, args.envelope);
  if (check.status != KV_OK) {
    logger_.info("refused a message that says it is from replica {}: {}", args.envelope.sender,
                 check.reason);
    refuse(reply, check.status, check.reason);
    return;
  }
  const ReplicaId sender{args.envelope.sender};
  if (args.message.phase == KV_PHASE_HELLO) {
    kv_rput_result result = ok_result(sender);
    result.kv_rput_result_u.ok.answer.phase = KV_PHASE_HELLO;
    reply.send(result);
    peers_.heard_from(sender);
    return;
  }
  Result<protocol::MessagePtr> message =
      message_from_wire(cluster_.replication, sender, args.message);
  if (!message.ok()) {
    logger_.error("refused a message of replica {}: {}", sender.value, message.status().reason());
    refuse(reply, KV_INVALID, message.status().reason());
    return;
  }
  if (RKV_FAILPOINT_FAILS(peers_before_request)) {
    refuse(reply, KV_BUSY, "a failpoint has dropped it");
    return;
  }
  manager_.peer_request(sender, std::move(message).value(),
                        [this, sender, phase = args.message.phase,
                         reply = std::move(reply)](const protocol::MessagePtr& answer) mutable {
                          answer_peer(sender, phase, *answer, reply);
                        });
  RKV_FAILPOINT(peers_after_request);
}

void PeerService::answer_peer(ReplicaId sender, kv_phase phase, const protocol::Message& answer,
                              rpc::Reply<kv_rput_result>& reply) {
  const bool is_vote = phase == KV_PHASE_TXN_PREPARE;
  const bool is_acknowledgement = phase == KV_PHASE_TXN_DECIDE;
  RKV_FAILPOINT(peers_before_reply);
  if (is_vote) RKV_FAILPOINT(peers_before_vote);
  if (is_acknowledgement) RKV_FAILPOINT(peers_before_acknowledgement);
  const OutgoingAnswer outgoing(phase, answer);
  kv_rput_result result = ok_result(sender);
  result.kv_rput_result_u.ok.answer = outgoing.wire();
  reply.send(result);
  if (is_vote) RKV_FAILPOINT(peers_after_vote);
  if (is_acknowledgement) RKV_FAILPOINT(peers_after_acknowledgement);
  RKV_FAILPOINT(peers_after_reply);
}

void PeerService::refuse(rpc::Reply<kv_rput_result>& reply, kv_status status,
                         std::string reason) const {
  kv_rput_result result{};
  result.status = status;
  result.kv_rput_result_u.failure = failure_to_wire(reason, cluster_.self);
  reply.send(result);
}

kv_rput_result PeerService::ok_result(ReplicaId recipient) const {
  kv_rput_result result{};
  result.status = KV_OK;
  result.kv_rput_result_u.ok.envelope = envelope_to_wire(cluster_, recipient);
  return result;
}

}  // namespace rkv::service
