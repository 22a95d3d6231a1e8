#pragma once

#include <rpc/rpc.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/status.h"
#include "base/time.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"
#include "rpc/xdr.h"

namespace rkv::rpc {

// How a call ended, told so that a caller knows whether it may try again.
struct CallOutcome {
  enum class Kind {
    kAnswered,  // the results are there
    kNotSent,   // no byte of it left this machine: it was not run
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

struct ChannelOptions {
  Duration connect_timeout = seconds(5);  // for one attempt, name look-up included
  // What was sent is not acknowledged by the other machine's TCP for this long, or a machine that
  // owes an answer does not react to probes: the connection is lost. A slow program there is no
  // reason.
  Duration silence_timeout = seconds(10);
  Duration backoff_min = milliseconds(20);  // pause after the first failed attempt, then doubled
  Duration backoff_max = seconds(1);        // up to this; each is shortened at random by up to half
  std::size_t calls_max = 65536;            // calls outstanding
  std::size_t output_size_max = 64 << 20;   // bytes of calls not yet written
  std::size_t record_size_max = 4 << 20;    // bytes of a call or reply
  std::size_t fragments_max = 1024;         // fragments of a reply
  bool stay_connected = false;              // connect, and again, without waiting for a call
};

// A connection to one server over which many calls are under way at once. Connects when it is first
// needed and again after a failure. For the loop's thread.
//
// When a connection is lost, the calls a byte of which was written end as kUnknown. The others wait
// for the next connection, which is made at once; but a connection that was lost within backoff_max
// and carried no answer is a failed attempt, and ends them as kNotSent.
class Channel {
 public:
  // `results` is valid during the call only; empty unless the outcome is kAnswered.
  using RawDone = std::function<void(const CallOutcome& outcome, std::string_view results)>;

  // `host` may be a name, which `resolver` looks up anew for each connection. What is passed by
  // reference must outlive the channel.
  Channel(EventLoop& loop, Resolver& resolver, Logger& logger, std::string host, std::uint16_t port,
          const ChannelOptions& options);
  // Calls under way end as kNotSent or kUnknown before this returns; calls that their callbacks
  // make end as kNotSent. Not from within a callback of this channel: post the destruction to the
  // loop.
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Encodes a call now and sends it at the end of the turn. `done` is run exactly once, on the
  // loop's thread, and never from within call() itself. While the channel is connecting the call
  // waits; in the pause after a failed attempt it ends in the next turn as kNotSent with that
  // attempt's reason; so does one over a limit, which the reason names. A call that expires before
  // a byte of it is written is kNotSent and will not be written. No `auth`: AUTH_NONE.
  void call_raw(std::uint32_t program, std::uint32_t version, std::uint32_t procedure, AUTH* auth,
                xdrproc_t encode, const void* args, TimePoint deadline, RawDone done);

  // The same for a typed procedure with no credential. `done` gets the outcome and the results,
  // which are all zeros unless answered; a reply that does not decode is kUnknown. What `done` does
  // not move out of the results is freed after it.
  template <typename Args, typename Results>
  void call(const Procedure<Args, Results>& procedure, const Args& args, TimePoint deadline,
            std::function<void(const CallOutcome&, Results&)> done);

  // Tells of each change between connected and not; with the reason of the loss. Also told of every
  // failed attempt to connect. Not told of what the destructor does.
  using StateListener = std::function<void(bool connected, const std::string& reason)>;
  void set_state_listener(StateListener listener);

  // Ends the pause after a failed attempt: there is a sign that the server is back.
  void connect_now();
  bool connected() const;
  std::size_t calls_outstanding() const;
  // "host:port", as reasons name it.
  const std::string& name() const;

 private:
  class Connection;
  CallOutcome undecodable_reply() const;

  std::unique_ptr<Connection> connection_;
  AUTH* no_auth_ = nullptr;
};

template <typename Args, typename Results>
void Channel::call(const Procedure<Args, Results>& procedure, const Args& args, TimePoint deadline,
                   std::function<void(const CallOutcome&, Results&)> done) {
  call_raw(procedure.program, procedure.version, procedure.number, no_auth_,
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
