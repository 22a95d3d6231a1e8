#include "rpc/reply.h"

#include "base/check.h"
#include "rpc/call.h"
#include "rpc/connection.h"
#include "rpc/server.h"

namespace rkv::rpc {

ReplyToken::ReplyToken(svc_req* request) {
  Call& call = Call::of(request->rq_xprt);
  place_ = call.hand_over();
  server_ = &call.server();
  procedure_ = call.procedure();
  xid_ = call.xid();
  request_size_ = call.request_size();
}

ReplyToken::ReplyToken(ReplyToken&& other) noexcept
    : server_(std::exchange(other.server_, nullptr)),
      place_(other.place_),
      procedure_(other.procedure_),
      xid_(other.xid_),
      request_size_(other.request_size_) {}

ReplyToken::~ReplyToken() {
  if (server_ == nullptr) return;
  server_->use_token(place_, request_size_,
                     [this](Caller& caller) { caller.answer_system_error(xid_); });
}

void ReplyToken::send(xdrproc_t routine, const void* result) {
  RKV_CHECK(server_ != nullptr, "a call is answered once");
  Server* server = std::exchange(server_, nullptr);
  server->use_token(place_, request_size_, [this, routine, result](Caller& caller) {
    caller.answer(procedure_, xid_, routine, result);
  });
}

bool ReplyToken::is_wanted() const {
  return place_.transport == Transport::kUdp || server_->connection_at(place_) != nullptr;
}

bool ReplyToken::has_room(std::size_t size) const {
  const Connection* connection = server_->connection_at(place_);
  return connection == nullptr || (connection->has_room() && server_->turn_has_room(size));
}

void ReplyToken::wait_for_room(UniqueFunction<void(ReplyToken)> task) && {
  Connection* connection = server_->connection_at(place_);
  if (connection == nullptr) {
    task(std::move(*this));
    return;
  }
  connection->when_room(
      [token = std::move(*this), task = std::move(task)]() mutable { task(std::move(token)); });
}

void* context_of(svc_req* request) { return Call::of(request->rq_xprt).context(); }

}  // namespace rkv::rpc
