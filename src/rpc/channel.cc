#include "rpc/channel.h"

#include <utility>

#include "rpc/channel_connection.h"

namespace rkv::rpc {

Channel::Channel(EventLoop& loop, Resolver& resolver, Logger& logger, std::string host,
                 std::uint16_t port, const ChannelOptions& options)
    : connection_(
          std::make_unique<Connection>(loop, resolver, logger, std::move(host), port, options)),
      no_auth_(authnone_create()) {}

// Callbacks may still ask this channel for its name, and even make calls.
Channel::~Channel() { connection_->close(); }

void Channel::call_raw(std::uint32_t program, std::uint32_t version, std::uint32_t procedure,
                       AUTH* auth, xdrproc_t encode, const void* args, TimePoint deadline,
                       RawDone done) {
  PendingCall call;
  call.program = program;
  call.version = version;
  call.procedure = procedure;
  call.deadline = deadline;
  call.done = std::move(done);
  connection_->call(std::move(call), auth == nullptr ? no_auth_ : auth, encode, args);
}

void Channel::set_state_listener(StateListener listener) {
  connection_->set_state_listener(std::move(listener));
}

void Channel::connect_now() { connection_->connect_now(); }

bool Channel::connected() const { return connection_->connected(); }

std::size_t Channel::calls_outstanding() const { return connection_->calls_outstanding(); }

const std::string& Channel::name() const { return connection_->name(); }

}  // namespace rkv::rpc
