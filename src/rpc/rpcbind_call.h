#pragma once

#include <rpc/rpc.h>

#include <cstdint>
#include <string>

#include "base/time.h"
#include "rpc/rpcbind_address.h"

namespace rkv::rpc {

// A call over a socket of its own, in the caller's thread, which waits for the reply. For the
// thread that talks to rpcbind; everything else uses a Channel. Never waits longer than `timeout`
// in all, whatever the other side does.
struct RpcbindCall {
  std::uint32_t program = 0;
  std::uint32_t version = 0;
  std::uint32_t procedure = 0;
  std::string arguments;  // encoded
  Duration timeout;
};

struct RpcbindAnswer {
  enum class Kind {
    kAnswered,  // the results are there
    kRefused,   // an RPC server is there; `error` says why it did not run the call
    kNobody,    // nothing listens there
    kNoAnswer,  // someone may be there: no answer in time, a closed connection, no right reply
  };
  Kind kind = Kind::kNoAnswer;
  std::string reason;   // for a person; empty when answered
  clnt_stat error{};    // RPC_PROGUNAVAIL and so on, when refused
  std::string results;  // encoded, when answered
};

// Over the stream socket at a path of this machine.
RpcbindAnswer call_at_path(const std::string& path, const RpcbindCall& call);
// At an endpoint of this machine; over UDP the call is sent again until its time is over.
RpcbindAnswer call_at_endpoint(const Endpoint& endpoint, const RpcbindCall& call);

}  // namespace rkv::rpc
