#include "rpc/reply.h"

#include "base/check.h"
#include "rpc/call.h"
#include "rpc/connection.h"
#include "rpc/server.h"

namespace rkv::rpc {

ReplyToken::ReplyToken(svc_req* request) {
  Call& call = Call::of(request->rq_xprt);
  Connection& connection = call.hand_over();
  server_ = &connection.server();
  connection_ = connection.slot();
  generation_ = connection.generation();
  xid_ = call.xid();
  request_size_ = call.request_size();
  connection.call_handed_over(request_size_);
}

ReplyToken::ReplyToken(ReplyToken&& other) noexcept
    : server_(std::exchange(other.server_, nullptr)),
      connection_(other.connection_),
      generation_(other.generation_),
      xid_(other.xid_),
      request_size_(other.request_size_) {}

ReplyToken::~ReplyToken() {
  if (server_ == nullptr) return;
  server_->token_used(request_size_);
  Connection* connection = server_->find_connection(connection_, generation_);
  if (connection == nullptr) return;
  connection->answer_system_error(xid_);
  connection->call_answered();
}

void ReplyToken::send(xdrproc_t routine, const void* result) {
  RKV_CHECK(server_ != nullptr, "a call is answered once");
  Server* server = std::exchange(server_, nullptr);
  server->token_used(request_size_);
  Connection* connection = server->find_connection(connection_, generation_);
  if (connection == nullptr) return;
  connection->answer(xid_, routine, result);
  connection->call_answered();
}

void* context_of(svc_req* request) { return Call::of(request->rq_xprt).context(); }

}  // namespace rkv::rpc
