#pragma once

#include <rpc/rpc.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "rpc/xdr.h"

namespace rkv::rpc {

// How a call ended, told so that a caller knows whether it may try again.
struct CallOutcome {
  enum class Kind {
    kAnswered,  // the results are there
    kNotSent,   // it did not reach a server: it was not run
    kRefused,   // the server answered that it did not run it
    kUnknown,   // it may have been run: deadline passed, connection lost, SYSTEM_ERR, bad reply
  };
  Kind kind = Kind::kUnknown;
  std::string reason;  // a line for a person that names the server; empty when answered
  rpc_err error{};     // the same in libtirpc's terms

  bool answered() const { return kind == Kind::kAnswered; }
};

// A procedure of a program made by rpcgen, with the routines of its argument and result.
template <typename Args, typename Results>
struct Procedure {
  std::uint32_t program;
  std::uint32_t version;
  std::uint32_t number;
  XdrRoutine<Args> encode;
  XdrRoutine<Results> decode;
};

// What carries calls to one server, over TCP (Channel) or over UDP (DatagramChannel). For the
// loop's thread.
class CallChannel {
 public:
  // `results` is valid during the call only; empty unless the outcome is kAnswered.
  using RawDone = std::function<void(const CallOutcome& outcome, std::string_view results)>;

  virtual ~CallChannel() = default;
  CallChannel(const CallChannel&) = delete;
  CallChannel& operator=(const CallChannel&) = delete;

  // Encodes a call now and sends it soon. `done` is run exactly once, on the loop's thread, and
  // never from within call_raw() itself; at the deadline at the latest. A call over a limit ends in
  // the next turn as kNotSent, with a reason that names it. No `auth`: AUTH_NONE.
  virtual void call_raw(std::uint32_t program, std::uint32_t version, std::uint32_t procedure,
                        AUTH* auth, xdrproc_t encode, const void* args, TimePoint deadline,
                        RawDone done) = 0;

  // The same for a typed procedure with no credential. `done` gets the outcome and the results,
  // which are all zeros unless answered; a reply that does not decode is kUnknown. What `done` does
  // not move out of the results is freed after it.
  template <typename Args, typename Results>
  void call(const Procedure<Args, Results>& procedure, const Args& args, TimePoint deadline,
            std::function<void(const CallOutcome&, Results&)> done);

  // "host:port", as reasons name it.
  virtual const std::string& name() const = 0;

 protected:
  CallChannel() = default;

 private:
  CallOutcome undecodable_reply() const;
};

template <typename Args, typename Results>
void CallChannel::call(const Procedure<Args, Results>& procedure, const Args& args,
                       TimePoint deadline, std::function<void(const CallOutcome&, Results&)> done) {
  call_raw(procedure.program, procedure.version, procedure.number, nullptr,
           untyped(procedure.encode), &args, deadline,
           [this, decode = procedure.decode, done = std::move(done)](const CallOutcome& outcome,
                                                                     std::string_view results) {
             Decoded<Results> decoded(decode);
             if (outcome.answered() &&
                 !decode_all(results, untyped(decode), decoded.get(), sizeof(Results))) {
               done(undecodable_reply(), *decoded);
               return;
             }
             done(outcome, *decoded);
           });
}

}  // namespace rkv::rpc
