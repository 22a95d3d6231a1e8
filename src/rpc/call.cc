#include "rpc/call.h"

#include "base/check.h"

namespace rkv::rpc {
namespace {

bool_t no_receive(SVCXPRT* /*transport*/, rpc_msg* /*message*/) { return FALSE; }
xprt_stat no_status(SVCXPRT* /*transport*/) { return XPRT_IDLE; }
void no_destroy(SVCXPRT* /*transport*/) {}

}  // namespace

Call::Operations Call::kOperations = {no_receive, no_status,      get_arguments,
                                      reply,      free_arguments, no_destroy};

Call::Call(Caller& caller, const CallHeader& header, std::size_t request_size, bool is_cut)
    : caller_(caller), header_(header), request_size_(request_size), is_cut_(is_cut) {
  transport_.xp_fd = caller.descriptor();
  transport_.xp_ops = &kOperations;
  transport_.xp_verf = _null_auth;
  transport_.xp_p1 = this;
  transport_.xp_p3 = &extension_;
  request_.rq_prog = header.program;
  request_.rq_vers = header.version;
  request_.rq_proc = header.procedure;
  request_.rq_xprt = &transport_;
  request_.rq_cred.oa_flavor = static_cast<enum_t>(header.credential_flavor);
  request_.rq_cred.oa_base = const_cast<char*>(header.credential.data());
  request_.rq_cred.oa_length = static_cast<u_int>(header.credential.size());
}

void Call::set_credential(const SystemCredential* credential) {
  if (credential == nullptr) return;
  // Procedures read this; libtirpc's type has no const in it.
  system_credential_.aup_time = credential->stamp;
  system_credential_.aup_machname = const_cast<char*>(credential->machine_name.data());
  system_credential_.aup_uid = credential->uid;
  system_credential_.aup_gid = credential->gid;
  system_credential_.aup_len = static_cast<u_int>(credential->group_count);
  system_credential_.aup_gids = const_cast<gid_t*>(credential->groups.data());
  request_.rq_clntcred = &system_credential_;
}

void Call::dispatch(Server::Dispatcher dispatcher, void* context,
                    const SystemCredential* credential) {
  context_ = context;
  set_credential(credential);
  dispatcher(&request_, &transport_);
  if (state_ == State::kOpen) svcerr_systemerr(&transport_);
}

ReplyPlace Call::hand_over() {
  RKV_CHECK(state_ == State::kOpen, "a call has one answer and one token");
  state_ = State::kHandedOver;
  const ReplyPlace place = caller_.call_handed_over();
  caller_.server().token_taken(request_size_);
  return place;
}

// rpcgen's dispatcher leaves without freeing when this fails, so it frees here. A record with bytes
// behind its arguments is not a call of this procedure.
bool_t Call::get_arguments(SVCXPRT* transport, xdrproc_t routine, void* arguments) {
  if (of(transport).is_cut_) return FALSE;
  const std::string_view bytes = of(transport).header_.arguments;
  XDR xdr;
  xdrmem_create(&xdr, const_cast<char*>(bytes.data()), static_cast<u_int>(bytes.size()),
                XDR_DECODE);
  if (routine(&xdr, arguments) != FALSE && XDR_GETPOS(&xdr) == bytes.size()) return TRUE;
  xdr_free(routine, arguments);
  return FALSE;
}

// rpcgen's dispatcher exits the process when this says FALSE, which xdr_free() may do for a value
// whose parts a procedure has moved out.
bool_t Call::free_arguments(SVCXPRT* /*transport*/, xdrproc_t routine, void* arguments) {
  xdr_free(routine, arguments);
  return TRUE;
}

bool_t Call::reply(SVCXPRT* transport, rpc_msg* message) {
  Call& call = of(transport);
  RKV_CHECK(call.state_ == State::kOpen, "a call has one answer");
  // When the results cannot be encoded the dispatcher comes again, with SYSTEM_ERR.
  if (!call.answer(message)) return FALSE;
  call.state_ = State::kAnswered;
  return TRUE;
}

bool Call::answer(rpc_msg* message) {
  message->rm_xid = header_.xid;
  const bool is_accepted = message->rm_reply.rp_stat == MSG_ACCEPTED;
  const accept_stat stat = message->acpted_rply.ar_stat;
  if (is_accepted && stat == SUCCESS) {
    const auto& results = message->acpted_rply.ar_results;
    return caller_.send_results(procedure(), header_.xid, results.proc, results.where);
  }
  // Arguments that are not whole are no garbage: the procedure, which is there, says what to do.
  if (is_cut_ && is_accepted && stat == GARBAGE_ARGS) {
    return caller_.send_use_tcp(procedure(), header_.xid);
  }
  if (!caller_.send([message](XDR* xdr) { return xdr_replymsg(xdr, message) != FALSE; })) {
    return false;
  }
  ++caller_.server().counters_.rejected;
  return true;
}

}  // namespace rkv::rpc
