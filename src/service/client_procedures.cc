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
  context_of<ClientService>(request).writes().put(*args, Reply(request, xdr_kv_put_result));
  return FALSE;
}

bool_t get_1_svc(kv_get_args* args, kv_get_result* result, svc_req* request) {
  *result = {};
  context_of<ClientService>(request).reads().get(*args, Reply(request, xdr_kv_get_result));
  return FALSE;
}

bool_t del_1_svc(kv_del_args* args, kv_del_result* result, svc_req* request) {
  *result = {};
  context_of<ClientService>(request).writes().del(*args, Reply(request, xdr_kv_del_result));
  return FALSE;
}

bool_t replicas_1_svc(kv_replicas_args* /*args*/, kv_replicas_result* result, svc_req* request) {
  *result = {};
  context_of<ClientService>(request).status().replicas(Reply(request, xdr_kv_replicas_result));
  return FALSE;
}

bool_t status_1_svc(kv_status_args* args, kv_status_result* result, svc_req* request) {
  *result = {};
  context_of<ClientService>(request).status().status(*args, Reply(request, xdr_kv_status_result));
  return FALSE;
}

bool_t txn_1_svc(kv_transact_args* args, kv_transact_result* result, svc_req* request) {
  *result = {};
  context_of<ClientService>(request).transactions().transact(
      *args, Reply(request, xdr_kv_transact_result));
  return FALSE;
}

bool_t range_1_svc(kv_range_args* args, kv_range_result* result, svc_req* request) {
  *result = {};
  context_of<ClientService>(request).ranges().range(*args, Reply(request, xdr_kv_range_result));
  return FALSE;
}

bool_t session_1_svc(kv_session_args* /*args*/, kv_session_result* result, svc_req* request) {
  *result = {};
  context_of<ClientService>(request).session(Reply(request, xdr_kv_session_result));
  return FALSE;
}

int kv_prog_1_freeresult(SVCXPRT* /*transport*/, xdrproc_t routine, caddr_t result) {
  xdr_free(routine, result);
  return TRUE;
}

}  // extern "C"
