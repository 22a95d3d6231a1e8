#include "rpc/connector.h"

#include <fmt/core.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "rpc/byte_stream.h"
#include "rpc/call_outcome.h"

namespace rkv::rpc {
namespace {

bool is_connected_with_itself(int descriptor) {
  const Result<Address> local = Address::local_of(descriptor);
  const Result<Address> remote = Address::remote_of(descriptor);
  return local.ok() && remote.ok() && local.value().to_string() == remote.value().to_string();
}

}  // namespace

Connector::Connector(EventLoop& loop, Resolver& resolver, std::string host, std::uint16_t port)
    : loop_(loop),
      resolver_(resolver),
      host_(std::move(host)),
      port_(port),
      name_(join_host_port(host_, port)) {}

Connector::~Connector() { cancel(); }

void Connector::start(Duration timeout, Done done) {
  RKV_CHECK(attempt_ == nullptr, "one attempt to connect at a time");
  attempt_ = std::make_shared<bool>(true);
  done_ = std::move(done);
  timeout_ = timeout;
  // Not now(): the loop may not have run for a while.
  deadline_ = EventLoop::read_clock() + timeout;
  set_timer(deadline_, &Connector::look_up_timed_out);
  resolver_.resolve(host_, port_, [this, attempt = std::weak_ptr<bool>(attempt_)](auto addresses) {
    if (!attempt.expired()) resolved(std::move(addresses));
  });
}

void Connector::cancel() {
  attempt_.reset();
  done_ = nullptr;
  loop_.cancel_timer(timer_);
  timer_ = 0;
  drop_socket();
}

void Connector::resolved(Result<std::vector<Address>> addresses) {
  if (!addresses.ok()) {
    finish({-1, name_ + ": " + addresses.status().reason(), make_rpc_err(RPC_UNKNOWNHOST)});
    return;
  }
  addresses_ = std::move(addresses).value();
  next_address_ = 0;
  try_next_address();
}

void Connector::try_next_address() {
  while (next_address_ < addresses_.size()) {
    const Address& address = addresses_[next_address_++];
    Result<int> begun = begin_tcp_connect(address);
    if (begun.ok()) {
      descriptor_ = begun.value();
      const TimePoint now = EventLoop::read_clock();
      const Duration left = std::max(Duration{0}, deadline_ - now);
      const std::size_t addresses_left = addresses_.size() - next_address_ + 1;
      set_timer(now + left / static_cast<std::int64_t>(addresses_left),
                &Connector::address_timed_out);
      loop_.watch(descriptor_, EPOLLOUT, this);
      return;
    }
    // Its reason names the address; a host given by name goes before it.
    const std::string reason = begun.status().reason();
    const bool is_named = reason.starts_with(name_);
    last_failure_ = {-1, is_named ? reason : name_ + ": " + reason, make_rpc_err(RPC_CANTSEND)};
  }
  finish(std::exchange(last_failure_, {}));
}

void Connector::on_ready(std::uint32_t) {
  int error = connect_outcome(descriptor_);
  // TCP may connect a socket with itself where nobody listens on a port of this machine that also
  // serves for connections on their way out; the server could then never listen there again.
  if (error == 0 && is_connected_with_itself(descriptor_)) error = ECONNREFUSED;
  if (error != 0) {
    address_failed(error);
    return;
  }
  loop_.unwatch(descriptor_);
  finish({std::exchange(descriptor_, -1), {}, make_rpc_err(RPC_SUCCESS)});
}

void Connector::address_failed(int error) {
  last_failure_ = {-1, fmt::format("{}: {}", address_name(), describe_errno(error)),
                   make_rpc_err(RPC_CANTSEND, error)};
  drop_socket();
  try_next_address();
}

void Connector::address_timed_out() {
  last_failure_ = {-1, fmt::format("{}: no connection within {} ms", address_name(), timeout_.ms()),
                   make_rpc_err(RPC_CANTSEND, ETIMEDOUT)};
  drop_socket();
  try_next_address();
}

void Connector::look_up_timed_out() {
  finish({-1, fmt::format("{}: the name was not found within {} ms", name_, timeout_.ms()),
          make_rpc_err(RPC_UNKNOWNHOST)});
}

void Connector::set_timer(TimePoint when, void (Connector::*task)()) {
  loop_.cancel_timer(timer_);
  timer_ = loop_.add_timer(when, [this, task] {
    timer_ = 0;
    (this->*task)();
  });
}

void Connector::drop_socket() {
  if (descriptor_ < 0) return;
  loop_.unwatch(descriptor_);
  close(std::exchange(descriptor_, -1));
}

void Connector::finish(const Outcome& outcome) {
  const Done done = std::move(done_);
  cancel();  // `done` may begin the next attempt
  done(outcome);
}

// "127.0.0.1:7411", or "replica.example:7411 (10.0.0.1)".
std::string Connector::address_name() const {
  const Address& address = addresses_[next_address_ - 1];
  if (address.to_string() == name_) return name_;
  return name_ + " (" + address.host() + ")";
}

}  // namespace rkv::rpc
