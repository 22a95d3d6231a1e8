#include "rpc/caller.h"

#include "base/check.h"
#include "rpc/call.h"
#include "rpc/server.h"

namespace rkv::rpc {
namespace {

rpc_msg accepted(std::uint32_t xid, accept_stat stat) {
  rpc_msg message{};
  message.rm_xid = xid;
  message.rm_direction = REPLY;
  message.rm_reply.rp_stat = MSG_ACCEPTED;
  message.acpted_rply.ar_verf = _null_auth;
  message.acpted_rply.ar_stat = stat;
  return message;
}

rpc_msg denied(std::uint32_t xid, reject_stat stat) {
  rpc_msg message{};
  message.rm_xid = xid;
  message.rm_direction = REPLY;
  message.rm_reply.rp_stat = MSG_DENIED;
  message.rjcted_rply.rj_stat = stat;
  return message;
}

}  // namespace

bool Caller::take_message(std::string_view message, bool is_cut) {
  CallHeader header;
  switch (parse_call(message, &header)) {
    case CallParse::kCall:
      ++server_.counters_.calls;
      take_call(header, message.size(), is_cut);
      return true;
    case CallParse::kRpcMismatch:
      send_rpc_mismatch(header.xid);
      return true;
    case CallParse::kBadCredential:
      send_auth_error(header.xid, AUTH_BADCRED);
      return true;
    case CallParse::kNotACall:
      return false;
  }
  RKV_CHECK(false, "kind of message out of range");
}

void Caller::take_call(const CallHeader& header, std::size_t request_size, bool is_cut) {
  SystemCredential credential;
  const SystemCredential* credential_given = nullptr;
  if (header.credential_flavor == AUTH_SYS) {
    if (!parse_system_credential(header.credential, &credential)) {
      send_auth_error(header.xid, AUTH_BADCRED);
      return;
    }
    credential_given = &credential;
  } else if (header.credential_flavor != AUTH_NONE) {
    send_auth_error(header.xid, AUTH_REJECTEDCRED);
    return;
  }
  const Server::Program* program = server_.find_program(header.program, header.version);
  if (program == nullptr) {
    send_program_error(header);
    return;
  }
  if (header.procedure != NULLPROC && (server_.overloaded() || !begin_call())) {
    send_overload_reply(header);
    return;
  }
  Call call(*this, header, request_size, is_cut);
  call.dispatch(program->dispatcher, program->context, credential_given);
}

bool Caller::send_results(const ProcedureId& /*procedure*/, std::uint32_t xid, xdrproc_t routine,
                          const void* results) {
  return send([xid, routine, results](XDR* xdr) {
    return encode_success_header(xdr, xid) && routine(xdr, const_cast<void*>(results)) != FALSE;
  });
}

bool Caller::send_encoded(std::uint32_t xid, const std::string& results) {
  return send([xid, &results](XDR* xdr) {
    return encode_success_header(xdr, xid) &&
           XDR_PUTBYTES(xdr, const_cast<char*>(results.data()),
                        static_cast<u_int>(results.size())) != FALSE;
  });
}

bool Caller::send_use_tcp(const ProcedureId& procedure, std::uint32_t xid) {
  ++server_.counters_.datagrams_use_tcp;
  const auto found = server_.datagram_replies_.find(procedure);
  if (found != server_.datagram_replies_.end()) return send_encoded(xid, found->second.results);
  answer_system_error(xid);
  return true;
}

void Caller::answer(const ProcedureId& procedure, std::uint32_t xid, xdrproc_t routine,
                    const void* results) {
  // Calls are bounded when they are taken, but thousands may wait and all be answered with much.
  // Over the limit an answer is a small one: it was run, and the client learns that it does not
  // know.
  if (server_.counters_.output_bytes >= server_.limits_.output_bytes_max ||
      !send_results(procedure, xid, routine, results)) {
    answer_system_error(xid);
  }
}

void Caller::answer_system_error(std::uint32_t xid) {
  ++server_.counters_.rejected;
  rpc_msg message = accepted(xid, SYSTEM_ERR);
  RKV_CHECK(send([&message](XDR* xdr) { return xdr_replymsg(xdr, &message) != FALSE; }),
            "an error reply fits every limit");
}

void Caller::send_overload_reply(const CallHeader& header) {
  ++server_.counters_.overloaded;
  const auto found =
      server_.overload_replies_.find({header.program, header.version, header.procedure});
  if (found == server_.overload_replies_.end() || !send_encoded(header.xid, found->second)) {
    answer_system_error(header.xid);
  }
}

void Caller::send_auth_error(std::uint32_t xid, auth_stat why) {
  ++server_.counters_.rejected;
  rpc_msg message = denied(xid, AUTH_ERROR);
  message.rjcted_rply.rj_why = why;
  send([&message](XDR* xdr) { return xdr_replymsg(xdr, &message) != FALSE; });
}

void Caller::send_rpc_mismatch(std::uint32_t xid) {
  ++server_.counters_.rejected;
  rpc_msg message = denied(xid, RPC_MISMATCH);
  message.rjcted_rply.rj_vers.low = RPC_MSG_VERSION;
  message.rjcted_rply.rj_vers.high = RPC_MSG_VERSION;
  send([&message](XDR* xdr) { return xdr_replymsg(xdr, &message) != FALSE; });
}

void Caller::send_program_error(const CallHeader& header) {
  ++server_.counters_.rejected;
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  const bool known = server_.version_range(header.program, &low, &high);
  rpc_msg message = accepted(header.xid, known ? PROG_MISMATCH : PROG_UNAVAIL);
  message.acpted_rply.ar_vers.low = low;
  message.acpted_rply.ar_vers.high = high;
  send([&message](XDR* xdr) { return xdr_replymsg(xdr, &message) != FALSE; });
}

}  // namespace rkv::rpc
