// The procedure of KV_PEER_PROG, under the name that rpcgen's dispatcher calls;
// client_procedures.cc says how these work.

#include <kv.h>

#include "rpc/reply.h"
#include "service/peer_service.h"

using rkv::rpc::context_of;
using rkv::rpc::Reply;
using rkv::service::PeerService;

extern "C" {

bool_t rput_1_svc(kv_rput_args* args, kv_rput_result* result, svc_req* request) {
  *result = {};
  context_of<PeerService>(request).rput(*args, Reply(request, xdr_kv_rput_result));
  return FALSE;
}

int kv_peer_prog_1_freeresult(SVCXPRT* /*transport*/, xdrproc_t routine, caddr_t result) {
  xdr_free(routine, result);
  return TRUE;
}

}  // extern "C"
