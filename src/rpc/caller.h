#pragma once

#include <rpc/rpc.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "rpc/endpoint.h"
#include "rpc/message.h"

namespace rkv::rpc {

class Server;

// A procedure of a version of a program.
struct ProcedureId {
  std::uint32_t program = 0;
  std::uint32_t version = 0;
  std::uint32_t procedure = 0;
  auto operator<=>(const ProcedureId&) const = default;
};

// Where an answer that comes later has to go: a connection of the server, or a waiting call of one
// of its UDP ports. The generation tells it from whoever has the slot after it.
struct ReplyPlace {
  Transport transport = Transport::kTcp;
  std::uint32_t port = 0;  // of kUdp
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
};

// Who made a call, as the server sees it: takes its message apart, has it dispatched, and carries
// the answers back. A TCP connection is one for as long as it lives; over UDP there is one for each
// datagram. For the loop's thread.
class Caller {
 public:
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  // Answers the message, or has it answered later. False if it is not a call: nothing was sent.
  // `is_cut`: it was longer than the transport carries, and its end is missing; so it is not run.
  bool take_message(std::string_view message, bool is_cut);

  // Sends one reply message; false if it cannot be encoded within the limits, and then nothing is
  // sent.
  virtual bool send(FunctionRef<bool(XDR*)> encode) = 0;
  // Sends a successful reply, or what says that it does not fit this transport; false if it cannot
  // be encoded at all.
  virtual bool send_results(const ProcedureId& procedure, std::uint32_t xid, xdrproc_t routine,
                            const void* results);
  // Says that the call is too long for a datagram and was not run.
  bool send_use_tcp(const ProcedureId& procedure, std::uint32_t xid);

  // The answer to the call now being dispatched will come later, through a ReplyToken.
  virtual ReplyPlace call_handed_over() = 0;
  // Answers a call that was handed over; with SYSTEM_ERR if the results cannot be sent.
  void answer(const ProcedureId& procedure, std::uint32_t xid, xdrproc_t routine,
              const void* results);
  void answer_system_error(std::uint32_t xid);
  // Comes after either of them.
  virtual void call_answered() = 0;

  // The socket, for the SVCXPRT that dispatchers see.
  virtual int descriptor() const = 0;
  Server& server() const { return server_; }

 protected:
  explicit Caller(Server& server) : server_(server) {}
  ~Caller() = default;

  // Comes before one of its calls is run, but for procedure 0. False if there is no room for it:
  // then it is not run.
  virtual bool begin_call() { return true; }
  // Sends a successful reply whose results were encoded before.
  bool send_encoded(std::uint32_t xid, const std::string& results);

  Server& server_;

 private:
  void take_call(const CallHeader& header, std::size_t request_size, bool is_cut);
  void send_overload_reply(const CallHeader& header);
  void send_auth_error(std::uint32_t xid, auth_stat why);
  void send_rpc_mismatch(std::uint32_t xid);
  void send_program_error(const CallHeader& header);
};

}  // namespace rkv::rpc
