#include "rpc/listener.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "rpc/byte_stream.h"

namespace rkv::rpc {
namespace {

constexpr int kAcceptsPerTurnMax = 64;
constexpr Duration kPause = milliseconds(100);
constexpr Duration kLogInterval = seconds(60);

int open_reserve() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(EventLoop& loop, Logger& logger, std::string name,
                                                 const Address& address, Accepted accepted) {
  Result<int> descriptor = listen_tcp(address);
  if (!descriptor.ok()) return descriptor.status();
  return adopt(loop, logger, std::move(name), descriptor.value(), std::move(accepted));
}

Result<std::unique_ptr<Listener>> Listener::adopt(EventLoop& loop, Logger& logger, std::string name,
                                                  int descriptor, Accepted accepted) {
  Result<Address> bound = Address::local_of(descriptor);
  if (!bound.ok()) {
    close(descriptor);
    return bound.status();
  }
  return std::unique_ptr<Listener>(
      new Listener(loop, logger, std::move(name), descriptor, bound.value(), std::move(accepted)));
}

Listener::Listener(EventLoop& loop, Logger& logger, std::string name, int descriptor,
                   const Address& address, Accepted accepted)
    : loop_(loop),
      logger_(logger),
      name_(std::move(name)),
      descriptor_(descriptor),
      address_(address),
      accepted_(std::move(accepted)),
      reserve_(open_reserve()) {
  loop_.watch(descriptor_, EPOLLIN, this);
}

Listener::~Listener() {
  loop_.cancel_timer(pause_timer_);
  loop_.unwatch(descriptor_);
  close(descriptor_);
  if (reserve_ >= 0) close(reserve_);
}

void Listener::on_ready(std::uint32_t /*events*/) {
  for (int i = 0; i < kAcceptsPerTurnMax; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const int descriptor = accept4(descriptor_, reinterpret_cast<sockaddr*>(&from), &size,
                                   SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor >= 0) {
      accepted_(descriptor, Address(reinterpret_cast<const sockaddr*>(&from), size));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    // A client that gave up while it waited is no reason to stop.
    if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) continue;
    const int error = errno;
    if (error == EMFILE || error == ENFILE) turn_one_away();
    pause(error);
    return;
  }
}

void Listener::turn_one_away() {
  if (reserve_ >= 0) close(reserve_);
  const int descriptor = accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
  if (descriptor >= 0) close(descriptor);
  reserve_ = open_reserve();
}

void Listener::pause(int error) {
  if (loop_.now() >= log_again_) {
    logger_.error("{}: cannot accept connections at {}: {}; trying again every {} ms", name_,
                  address_.to_string(), std::strerror(error), kPause.ms());
    log_again_ = loop_.now() + kLogInterval;
  }
  loop_.unwatch(descriptor_);
  pause_timer_ = loop_.add_timer(loop_.now() + kPause, [this] {
    pause_timer_ = 0;
    loop_.watch(descriptor_, EPOLLIN, this);
  });
}

}  // namespace rkv::rpc
