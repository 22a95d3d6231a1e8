// The procedures of kv.x that the bench does not call: rpcgen's dispatchers name them all.

#include <kv.h>

namespace {

template <typename T>
bool_t refuse(T* result, svc_req* request) {
  *result = {};
  svcerr_noproc(request->rq_xprt);
  return FALSE;
}

}  // namespace

extern "C" {

bool_t del_1_svc(kv_del_args* /*args*/, kv_del_result* result, svc_req* request) {
  return refuse(result, request);
}

bool_t replicas_1_svc(kv_replicas_args* /*args*/, kv_replicas_result* result, svc_req* request) {
  return refuse(result, request);
}

bool_t status_1_svc(kv_status_args* /*args*/, kv_status_result* result, svc_req* request) {
  return refuse(result, request);
}

bool_t txn_1_svc(kv_transact_args* /*args*/, kv_transact_result* result, svc_req* request) {
  return refuse(result, request);
}

bool_t range_1_svc(kv_range_args* /*args*/, kv_range_result* result, svc_req* request) {
  return refuse(result, request);
}

bool_t session_1_svc(kv_session_args* /*args*/, kv_session_result* result, svc_req* request) {
  return refuse(result, request);
}

bool_t rput_1_svc(kv_rput_args* /*args*/, kv_rput_result* result, svc_req* request) {
  return refuse(result, request);
}

int kv_peer_prog_1_freeresult(SVCXPRT* /*transport*/, xdrproc_t /*routine*/, caddr_t /*result*/) {
  return TRUE;
}

}  // extern "C"
