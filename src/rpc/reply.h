#pragma once

#include <rpc/rpc.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/function_ref.h"
#include "base/unique_function.h"
#include "rpc/caller.h"
#include "rpc/endpoint.h"
#include "rpc/xdr.h"

namespace rkv::rpc {

class Server;

// The duty to answer one call: taken by a procedure from its svc_req, held for as long as the
// answer takes, used up by answering. Knows its caller by number and generation, so an answer to a
// connection that is gone goes nowhere. A token that is dropped unanswered answers SYSTEM_ERR,
// which a client reads as "outcome unknown". For the loop's thread; must not outlive the Server.
class ReplyToken {
 public:
  // Takes the duty over from the dispatcher: the procedure must then return FALSE. At most one
  // token is taken of a call.
  explicit ReplyToken(svc_req* request);
  ReplyToken(ReplyToken&& other) noexcept;
  ReplyToken& operator=(ReplyToken&&) = delete;
  ~ReplyToken();

  // Answers. The result is encoded before this returns, so it may refer to memory it does not own.
  // A result that cannot be encoded is answered with SYSTEM_ERR. A second answer is a broken
  // invariant.
  void send(xdrproc_t routine, const void* result);

  // What will carry the answer: over UDP it must fit a datagram.
  Transport transport() const { return place_.transport; }

  // Whether an answer can still reach who made the call: not when its connection is gone.
  bool is_wanted() const;

  // Whether there is room for an answer of about `size` bytes: the client takes what it is sent
  // (less of it waits than ServerLimits allow one connection), and not too much was made in this
  // turn. A procedure with large answers asks this before it makes one; calls that were begun
  // before the answers piled up would else be answered into memory without end.
  bool has_room(std::size_t size) const;
  // Gives the token to `task` when there is room, in a later turn; now if the connection is gone,
  // and not at all if it ends before that.
  void wait_for_room(UniqueFunction<void(ReplyToken)> task) &&;

 private:
  Server* server_ = nullptr;  // null: answered, or moved from
  ReplyPlace place_;
  ProcedureId procedure_;
  std::uint32_t xid_ = 0;
  std::uint32_t request_size_ = 0;
};

// A ReplyToken for a procedure whose result is a T.
template <typename T>
class Reply {
 public:
  Reply(svc_req* request, XdrRoutine<T> routine) : token_(request), routine_(routine) {}
  void send(const T& result) { token_.send(untyped(routine_), &result); }
  Transport transport() const { return token_.transport(); }
  bool is_wanted() const { return token_.is_wanted(); }
  bool has_room(std::size_t size) const { return token_.has_room(size); }
  void wait_for_room(UniqueFunction<void(Reply)> task) && {
    std::move(token_).wait_for_room(
        [routine = routine_, task = std::move(task)](ReplyToken token) mutable {
          task(Reply(std::move(token), routine));
        });
  }

 private:
  Reply(ReplyToken token, XdrRoutine<T> routine) : token_(std::move(token)), routine_(routine) {}

  ReplyToken token_;
  XdrRoutine<T> routine_;
};

// The context that the program of this call was added to its server with.
void* context_of(svc_req* request);
template <typename T>
T& context_of(svc_req* request) {
  return *static_cast<T*>(context_of(request));
}

}  // namespace rkv::rpc
