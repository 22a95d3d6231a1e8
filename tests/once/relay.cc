#include "once/relay.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace rkv::once {
namespace {

constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kBacklogMax = 1024 * 1024;  // bytes that one side has not taken
constexpr std::uint32_t kLastFragment = 0x8000'0000U;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int open_socket(bool is_udp) {
  const int descriptor =
      socket(AF_INET, (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  RKV_CHECK(descriptor >= 0, "a test has sockets");
  return descriptor;
}

int connect_to(std::uint16_t port, bool is_udp) {
  const int descriptor = open_socket(is_udp);
  const sockaddr_in address = loopback(port);
  const int on = 1;
  if (!is_udp) setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // In progress, or refused: what is read then says so.
  static_cast<void>(
      connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address));
  return descriptor;
}

bool is_nth(std::uint64_t count, std::uint32_t every) { return every != 0 && count % every == 0; }

// Reads what is there; false when the connection has ended.
bool read_all(int descriptor, std::string* out) {
  std::array<char, kReadSize> buffer{};
  while (out->size() < kBacklogMax) {
    const ssize_t size = recv(descriptor, buffer.data(), buffer.size(), 0);
    if (size > 0) {
      out->append(buffer.data(), static_cast<std::size_t>(size));
    } else {
      return size < 0 && (errno == EAGAIN || errno == EINTR);
    }
  }
  return true;
}

bool write_all(int descriptor, std::string* bytes) {
  while (!bytes->empty()) {
    const ssize_t size = send(descriptor, bytes->data(), bytes->size(), MSG_NOSIGNAL);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    bytes->erase(0, static_cast<std::size_t>(size));
  }
  return true;
}

}  // namespace

Relay::Relay(std::uint16_t server_port, bool is_udp, const Faults& faults)
    : server_port_(server_port), is_udp_(is_udp), faults_(faults) {
  listener_ = open_socket(is_udp);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  RKV_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "a port is free");
  RKV_CHECK(is_udp || listen(listener_, SOMAXCONN) == 0, "a bound socket listens");
  RKV_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
            "a bound socket has a name");
  port_ = ntohs(address.sin_port);
  RKV_CHECK(pipe2(wake_, O_CLOEXEC) == 0, "a test has pipes");
  thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
  RKV_CHECK(write(wake_[1], "", 1) == 1, "a pipe takes a byte");
  thread_.join();
  for (const auto& link : links_) {
    if (link->client >= 0) close(link->client);
    close(link->server);
  }
  close(listener_);
  close(wake_[0]);
  close(wake_[1]);
}

void Relay::run() {
  while (true) {
    std::vector<pollfd> polled = {{wake_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    std::vector<std::shared_ptr<Link>> links(links_.begin(), links_.end());
    for (const auto& link : links) {
      const auto writes = [](const std::string& bytes) { return bytes.empty() ? 0 : POLLOUT; };
      polled.push_back({link->server, static_cast<short>(POLLIN | writes(link->to_server)), 0});
      polled.push_back({link->client, static_cast<short>(POLLIN | writes(link->to_client)), 0});
    }
    poll(polled.data(), polled.size(), wait_ms());
    if (polled[0].revents != 0) return;
    for (std::size_t i = 0; i < links.size(); ++i) {
      pass_on(*links[i], polled[3 + 2 * i].revents, polled[2 + 2 * i].revents);
    }
    if (polled[1].revents != 0) is_udp_ ? take_datagrams() : accept_client();
    send_late();
    links_.remove_if([](const std::shared_ptr<Link>& link) {
      if (!link->is_over) return false;
      close(link->client);
      close(link->server);
      return true;
    });
  }
}

int Relay::wait_ms() const {
  if (late_.empty()) return -1;
  return static_cast<int>(std::max<std::int64_t>(late_.front().at_ms - now_ms(), 0));
}

// ---- TCP ----

void Relay::accept_client() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client < 0) return;
  const int on = 1;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto link = std::make_shared<Link>();
  link->client = client;
  link->server = connect_to(server_port_, false);
  links_.push_back(std::move(link));
}

void Relay::pass_on(Link& link, short client_events, short server_events) {
  if (is_udp_) {
    if (server_events != 0) pass_datagrams_back(link);
    return;
  }
  if (client_events != 0 && !read_all(link.client, &link.to_server)) link.is_over = true;
  if (server_events != 0) {
    std::string replies;
    const bool goes_on = read_all(link.server, &replies);
    if (!takes_reply_bytes(link, replies.data(), replies.size()) || !goes_on) link.is_over = true;
  }
  if (!write_all(link.server, &link.to_server) && errno != ENOTCONN) link.is_over = true;
  if (!write_all(link.client, &link.to_client)) link.is_over = true;
}

// Passes the bytes of replies on, record by record (RFC 5531, section 11), until the one that gets
// lost: then false.
bool Relay::takes_reply_bytes(Link& link, const char* bytes, std::size_t size) {
  while (size > 0) {
    if (link.reply_left == 0) {
      link.reply_head.push_back(*bytes++);
      --size;
      if (link.reply_head.size() < sizeof(std::uint32_t)) continue;
      std::uint32_t mark = 0;
      std::memcpy(&mark, link.reply_head.data(), sizeof mark);
      link.reply_left = ntohl(mark) & ~kLastFragment;
      if ((ntohl(mark) & kLastFragment) != 0 && is_nth(++replies_, faults_.lose_reply_every)) {
        ++replies_lost_;
        return false;
      }
      link.to_client += std::exchange(link.reply_head, {});
      continue;
    }
    const std::size_t part = std::min<std::size_t>(size, link.reply_left);
    link.to_client.append(bytes, part);
    link.reply_left -= static_cast<std::uint32_t>(part);
    bytes += part;
    size -= part;
  }
  return true;
}

// ---- UDP ----

void Relay::take_datagrams() {
  std::array<char, kReadSize> buffer{};
  while (true) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t received = recvfrom(listener_, buffer.data(), buffer.size(), 0,
                                      reinterpret_cast<sockaddr*>(&from), &size);
    if (received < 0) return;
    const std::string address(reinterpret_cast<const char*>(&from), sizeof from);
    std::shared_ptr<Link>& link = by_address_[address];
    if (link == nullptr) {
      link = std::make_shared<Link>();
      link->server = connect_to(server_port_, true);
      link->address = address;
      links_.push_back(link);
    }
    const std::string datagram(buffer.data(), static_cast<std::size_t>(received));
    ++requests_;
    const bool is_late = is_nth(requests_, faults_.delay_request_every);
    const bool comes_twice = is_nth(requests_, faults_.duplicate_request_every);
    if (is_late || comes_twice) late_.push_back({now_ms() + faults_.delay_ms, link, datagram});
    if (is_late) ++requests_delayed_;
    if (comes_twice) ++requests_duplicated_;
    if (!is_late) send(link->server, datagram.data(), datagram.size(), MSG_NOSIGNAL);
  }
}

void Relay::send_late() {
  while (!late_.empty() && late_.front().at_ms <= now_ms()) {
    const Late late = std::move(late_.front());
    late_.pop_front();
    const std::shared_ptr<Link> link = late.link.lock();
    if (link != nullptr) send(link->server, late.datagram.data(), late.datagram.size(), 0);
  }
}

void Relay::pass_datagrams_back(Link& link) {
  std::array<char, kReadSize> buffer{};
  while (true) {
    const ssize_t size = recv(link.server, buffer.data(), buffer.size(), 0);
    if (size < 0) return;  // nothing more, or nobody was there to take what was sent
    if (is_nth(++replies_, faults_.lose_reply_every)) {
      ++replies_lost_;
      continue;
    }
    sendto(listener_, buffer.data(), static_cast<std::size_t>(size), 0,
           reinterpret_cast<const sockaddr*>(link.address.data()),
           static_cast<socklen_t>(link.address.size()));
  }
}

}  // namespace rkv::once
