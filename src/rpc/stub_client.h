#pragma once

#include <rpc/rpc.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/time.h"
#include "rpc/channel.h"
#include "rpc/endpoint.h"

namespace rkv::rpc {

// A CLIENT for the client stubs that rpcgen makes (put_1 and so on), over a Channel or a
// DatagramChannel and an event loop of its own that it runs for as long as a call takes. Unlike
// libtirpc's: the time limit holds for the whole call; no signal is raised and none is blocked; the
// connection is made, and made again, by itself; the last outcome says whether the call may have
// been run. For one thread.
//
// The caller clears the result before every call: all bytes zero, as `T result{}` or Decoded<T>
// have it anew for each attempt. A CLIENT is told a routine and a pointer but no size, so it
// cannot, and XDR decodes into the memory that a pointer left in the result points to. After a call
//   - that was answered, the result is the caller's to free, with clnt_freeres() or xdr_free();
//   - that ended otherwise, the result owns no memory, and to free it is harmless. It is untouched,
//   but
//     for a reply that did not decode (RPC_CANTDECODERES): then what was decoded has been freed,
//     its pointers are null and its other fields hold anything, so it must be cleared before it is
//     used again.
//
// clnt_control() knows CLSET_TIMEOUT and CLGET_TIMEOUT; once set, it goes before the time that the
// stubs pass, and cannot be got before. A time of zero is no time, not a call without an answer.
// cl_auth may be replaced (authunix_create_default()) and is destroyed by its giver.
class StubClient {
 public:
  // `options` are those of TCP.
  StubClient(Logger& logger, const std::string& host, std::uint16_t port, std::uint32_t program,
             std::uint32_t version, const ChannelOptions& options,
             Transport transport = Transport::kTcp);
  ~StubClient();
  StubClient(const StubClient&) = delete;
  StubClient& operator=(const StubClient&) = delete;

  // Owned by this object: clnt_destroy() on it does nothing.
  CLIENT* handle();
  // Of the last call made through the handle.
  const CallOutcome& last_outcome() const;
  // For all calls to come.
  void set_timeout(Duration timeout);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rkv::rpc
