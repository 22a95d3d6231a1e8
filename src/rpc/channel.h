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
#include "rpc/call_channel.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"

namespace rkv::rpc {

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
class Channel final : public CallChannel {
 public:
  // `host` may be a name, which `resolver` looks up anew for each connection. What is passed by
  // reference must outlive the channel.
  Channel(EventLoop& loop, Resolver& resolver, Logger& logger, std::string host, std::uint16_t port,
          const ChannelOptions& options);
  // Calls under way end as kNotSent or kUnknown before this returns; calls that their callbacks
  // make end as kNotSent. Not from within a callback of this channel: post the destruction to the
  // loop.
  ~Channel() override;

  // The call leaves at the end of the turn. While the channel is connecting it waits; in the pause
  // after a failed attempt it ends in the next turn as kNotSent with that attempt's reason; so does
  // one over a limit, which the reason names. A call that expires before a byte of it is written is
  // kNotSent and will not be written.
  void call_raw(std::uint32_t program, std::uint32_t version, std::uint32_t procedure, AUTH* auth,
                xdrproc_t encode, const void* args, TimePoint deadline, RawDone done) override;

  // Tells of each change between connected and not; with the reason of the loss. Also told of every
  // failed attempt to connect. Not told of what the destructor does.
  using StateListener = std::function<void(bool connected, const std::string& reason)>;
  void set_state_listener(StateListener listener);

  // Ends the pause after a failed attempt: there is a sign that the server is back.
  void connect_now();
  bool connected() const;
  std::size_t calls_outstanding() const;
  const std::string& name() const override;

 private:
  class Connection;

  std::unique_ptr<Connection> connection_;
  AUTH* no_auth_ = nullptr;
};

}  // namespace rkv::rpc
