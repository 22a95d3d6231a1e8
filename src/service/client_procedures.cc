// The procedures of KV_PROG, under the names that rpcgen's dispatcher calls. Each clears its result
// (the dispatcher frees it whatever happens), takes over the duty to answer, and returns FALSE: the
// answer is sent when it is known.

#include <kv.h>

#include "rpc/reply.h"
#include "service/client_service.h"

using rkv::rpc::context_of;
using rkv::rpc::Reply;
using rkv::service::ClientService;

extern "C" {

bool_t put_1_svc(kv_put_args* args, kv_put_result* result, svc_req* request) {
  *result = {};
  context_of<ClientService>(request).put(*args, Reply(request, xdr_kv_put_result));
  return FALSE;
}

bool_t get_1_svc(kv_get_args* args, kv_get_result* result, svc_req* request) {
  *result = {};
  context_of<ClientService>(request).get(*args, Reply(request, xdr_kv_get_result));
  return FALSE;
}

bool_t del_1_svc(kv_del_args* args, kv_del_result* result, svc_req* request) {
  *result = {};
  context_of<ClientService>(request).del(*args, Reply(request, xdr_kv_del_result));
  return FALSE;
}

bool_t replicas_1_svc(kv_replicas_args* /*args*/, kv_replicas_result* result, svc_req* request) {
  *result = {};
  context_of<ClientService>(request).replicas(Reply(request, xdr_kv_replicas_result));
  return FALSE;
}

bool_t status_1_svc(kv_status_args* args, kv_status_result* result, svc_req* request) {
  *result = {};
  context_of<ClientService>(request).status(*args, Reply(request, xdr_kv_status_result));
  return FALSE;
}

int kv_prog_1_freeresult(SVCXPRT* /*transport*/, xdrproc_t routine, caddr_t result) {
  xdr_free(routine, result);
  return TRUE;
}

}  // extern "C"
