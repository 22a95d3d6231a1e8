#pragma once

#include <kv.h>

#include "base/log.h"
#include "replica/manager.h"
#include "rpc/reply.h"
#include "rpc/server.h"
#include "service/cluster.h"
#include "service/peers.h"

namespace rkv::service {

// KV_PEER_PROG: what other replicas call. For the loop's thread.
class PeerService {
 public:
  // What is passed by reference must outlive the service.
  PeerService(const Cluster& cluster, replica::Manager& manager, Peers& peers, Logger& logger);

  // Adds KV_PEER_PROG to a server, with its overload reply.
  void serve_on(rpc::Server& server);

  // Refuses what is not from a replica of this cluster and for this one; answers a hello; hands
  // everything else to the replica manager and answers when that does.
  void rput(const kv_rput_args& args, rpc::Reply<kv_rput_result> reply);

 private:
  void answer_peer(ReplicaId sender, kv_phase phase, const protocol::Message& answer,
                   rpc::Reply<kv_rput_result>& reply);
  void refuse(rpc::Reply<kv_rput_result>& reply, kv_status status, std::string reason) const;
  kv_rput_result ok_result(ReplicaId recipient) const;

  const Cluster& cluster_;
  replica::Manager& manager_;
  Peers& peers_;
  Logger& logger_;
};

}  // namespace rkv::service
