#include "socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace rkv::attacks {
namespace {

constexpr std::uint32_t kLastFragment = 0x80000000;

[[noreturn]] void fail_errno(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

sockaddr_in address_of(const char* host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

}  // namespace

Socket::Socket(std::uint16_t port, const char* from, int receive_size)
    : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  if (descriptor_ < 0) fail_errno("cannot make a socket");
  const int on = 1;
  setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(descriptor_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (receive_size > 0) {
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_size, sizeof receive_size);
  }
  const sockaddr_in own = address_of(from, 0);
  if (bind(descriptor_, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
    fail_errno("cannot bind a socket");
  }
  const sockaddr_in server = address_of("127.0.0.1", port);
  if (connect(descriptor_, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0 &&
      errno != EINPROGRESS) {
    if (errno != ECONNREFUSED && errno != ECONNRESET) fail_errno("cannot connect");
    closed_ = true;
  }
}

Socket Socket::udp(std::uint16_t port) {
  Socket made;
  made.is_udp_ = true;
  made.descriptor_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made.descriptor_ < 0) fail_errno("cannot make a UDP socket");
  const sockaddr_in server = address_of("127.0.0.1", port);
  if (connect(made.descriptor_, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) {
    fail_errno("cannot connect a UDP socket");
  }
  return made;
}

Socket::Socket(Socket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      is_udp_(other.is_udp_),
      closed_(other.closed_),
      received_(std::move(other.received_)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(is_udp_, other.is_udp_);
  std::swap(closed_, other.closed_);
  std::swap(received_, other.received_);
  return *this;
}

Socket::~Socket() {
  if (descriptor_ >= 0) close(descriptor_);
}

void Socket::reset() {
  if (descriptor_ < 0) return;
  const linger at_once{1, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(std::exchange(descriptor_, -1));
  closed_ = true;
}

bool Socket::wait_for(short events, const Deadline& deadline) const {
  check_interrupted();
  pollfd descriptor{descriptor_, events, 0};
  return poll(&descriptor, 1, deadline.left_ms()) > 0;
}

std::size_t Socket::send_some(std::string_view bytes) {
  if (closed_) return 0;
  const ssize_t count = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (count >= 0) return static_cast<std::size_t>(count);
  // A datagram may find that the one before it was not welcome.
  if (errno != EAGAIN && errno != EINTR && !is_udp_) closed_ = true;
  return 0;
}

bool Socket::send_all(std::string_view bytes, Duration limit) {
  const Deadline deadline(limit);
  if (is_udp_) return send_some(bytes) == bytes.size();
  while (!bytes.empty() && !closed_) {
    const std::size_t count = send_some(bytes);
    bytes.remove_prefix(count);
    if (count == 0 && !closed_ && !wait_for(POLLOUT, deadline)) return false;
  }
  return !closed_;
}

void Socket::receive(std::size_t size_max) {
  std::array<char, kReadSize> bytes;
  const ssize_t count = recv(descriptor_, bytes.data(), std::min(size_max, bytes.size()), 0);
  if (count > 0) received_.append(bytes.data(), static_cast<std::size_t>(count));
  if (is_udp_) return;
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) closed_ = true;
}

std::string Socket::read_some(std::size_t size_max) {
  if (received_.empty() && !closed_) receive(size_max);
  std::string bytes = received_.substr(0, size_max);
  received_.erase(0, bytes.size());
  return bytes;
}

void Socket::wait_to_read(Duration limit) const { wait_for(POLLIN, Deadline(limit)); }

// Whether a whole record of one or more fragments is there, or a datagram.
bool Socket::has_message() const {
  if (is_udp_) return !received_.empty();
  std::size_t at = 0;
  while (received_.size() >= at + kMarkSize) {
    const std::uint32_t header = word_at(received_, at);
    at += kMarkSize + (header & ~kLastFragment);
    if ((header & kLastFragment) != 0) return received_.size() >= at;
  }
  return false;
}

std::optional<std::string> Socket::read_message(Duration limit, std::size_t at_a_time) {
  const Deadline deadline(limit);
  while (!has_message()) {
    if (closed_ || !wait_for(POLLIN, deadline)) return std::nullopt;
    receive(at_a_time);
  }
  if (is_udp_) return std::exchange(received_, {});
  std::string message;
  std::uint32_t header = 0;
  while ((header & kLastFragment) == 0) {
    header = word_at(received_, 0);
    const std::size_t size = header & ~kLastFragment;
    message += received_.substr(kMarkSize, size);
    received_.erase(0, kMarkSize + size);
  }
  return message;
}

Answer Socket::ask(std::string_view message, Duration limit) {
  Answer none;
  const std::string sent = is_udp_ ? std::string(message) : record(message);
  if (send_all(sent, limit)) {
    if (const std::optional<std::string> reply = read_message(limit)) return read_answer(*reply);
  }
  none.what = closed_ ? "closed" : "no answer";
  return none;
}

bool Socket::closed_within(Duration limit) {
  const Deadline deadline(limit);
  while (!closed_) {
    received_.clear();
    if (!wait_for(POLLIN, deadline)) return false;
    receive(kReadSize);
    if (deadline.passed()) break;
  }
  return closed_;
}

}  // namespace rkv::attacks
