#pragma once

#include <rpc/rpc.h>
#include <rpc/svc_mt.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "rpc/caller.h"
#include "rpc/message.h"
#include "rpc/server.h"

namespace rkv::rpc {

// One call while its dispatcher runs: the svc_req and the SVCXPRT that the code made by rpcgen
// sees. Lives on the loop's stack. What a deferred answer needs beyond it goes into a ReplyToken.
class Call {
 public:
  // The header's views must stay valid as long as the call. `is_cut`: the end of the arguments is
  // missing, because a datagram does not hold it; the call is answered with that and not run.
  Call(Caller& caller, const CallHeader& header, std::size_t request_size, bool is_cut);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Runs the dispatcher. Afterwards the call is answered or its token is taken: a procedure that
  // did neither is answered for with SYSTEM_ERR.
  void dispatch(Server::Dispatcher dispatcher, void* context, const SystemCredential* credential);

  // The call behind a request or transport that a dispatcher was given.
  static Call& of(const SVCXPRT* transport) { return *static_cast<Call*>(transport->xp_p1); }

  void* context() const { return context_; }
  // Hands the duty to answer to a ReplyToken.
  ReplyPlace hand_over();
  Server& server() const { return caller_.server(); }
  std::uint32_t xid() const { return header_.xid; }
  ProcedureId procedure() const { return {header_.program, header_.version, header_.procedure}; }
  std::uint32_t request_size() const { return static_cast<std::uint32_t>(request_size_); }

 private:
  enum class State { kOpen, kAnswered, kHandedOver };

  bool answer(rpc_msg* message);
  void set_credential(const SystemCredential* credential);

  // The operations of the SVCXPRT.
  static bool_t get_arguments(SVCXPRT* transport, xdrproc_t routine, void* arguments);
  static bool_t free_arguments(SVCXPRT* transport, xdrproc_t routine, void* arguments);
  static bool_t reply(SVCXPRT* transport, rpc_msg* message);
  using Operations = std::remove_pointer_t<decltype(SVCXPRT::xp_ops)>;
  static Operations kOperations;

  Caller& caller_;
  const CallHeader& header_;
  const std::size_t request_size_;
  const bool is_cut_;
  void* context_ = nullptr;
  State state_ = State::kOpen;
  svc_req request_{};
  SVCXPRT transport_{};
  SVCXPRT_EXT extension_{};
  authunix_parms system_credential_{};
};

}  // namespace rkv::rpc
