#include "rpc/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/check.h"

namespace rkv::rpc {
namespace {

std::string_view without_brackets(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    return host.substr(1, host.size() - 2);
  }
  return host;
}

Result<Address> name_of(int descriptor, int (*get_name)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (get_name(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return Status::internal(std::string("a socket has no address: ") + std::strerror(errno));
  }
  return Address(reinterpret_cast<const sockaddr*>(&storage), size);
}

}  // namespace

Address::Address(const sockaddr* address, socklen_t size) : size_(size) {
  RKV_CHECK(size <= sizeof storage_, "a socket address fits sockaddr_storage");
  std::memcpy(&storage_, address, size);
}

Result<Address> Address::parse(std::string_view host, std::uint16_t port) {
  const std::string text(without_brackets(host));
  sockaddr_in v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return Address(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return Address(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  }
  return Status::invalid("'" + text + "' is not an IPv4 or IPv6 address");
}

Result<Address> Address::local_of(int descriptor) { return name_of(descriptor, getsockname); }

Result<Address> Address::remote_of(int descriptor) { return name_of(descriptor, getpeername); }

std::uint16_t Address::port() const {
  if (family() == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
  }
  if (family() == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
  }
  return 0;
}

std::string Address::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage_);
    inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
  } else if (family() == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage_);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
      inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text.data(), text.size());
    } else {
      inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    }
  }
  return text.data();
}

std::string Address::to_string() const { return join_host_port(host(), port()); }

Result<HostPort> split_host_port(std::string_view text, std::uint16_t default_port) {
  const std::string whole(text);
  std::string_view host = text;
  std::string_view port_text;
  const bool bracketed = !text.empty() && text.front() == '[';
  if (bracketed) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return Status::invalid("'" + whole + "': no ] after [");
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && (rest.front() != ':' || rest.size() == 1)) {
      return Status::invalid("'" + whole + "': a port after ] is written ]:PORT");
    }
    if (!rest.empty()) port_text = rest.substr(1);
  } else if (const std::size_t colon = text.find(':');
             colon != std::string_view::npos &&
             text.find(':', colon + 1) == std::string_view::npos) {
    host = text.substr(0, colon);  // one colon: host:port; more of them: a bare IPv6 address
    port_text = text.substr(colon + 1);
    if (port_text.empty()) return Status::invalid("'" + whole + "': no port after the colon");
  }
  if (host.empty()) return Status::invalid("'" + whole + "': the host is missing");
  unsigned port = default_port;
  if (!port_text.empty()) {
    const char* end = port_text.data() + port_text.size();
    const auto [stop, error] = std::from_chars(port_text.data(), end, port);
    if (error != std::errc() || stop != end || port == 0 || port > UINT16_MAX) {
      return Status::invalid("'" + whole + "': '" + std::string(port_text) +
                             "' is not a port from 1 to 65535");
    }
  }
  return HostPort{std::string(host), static_cast<std::uint16_t>(port)};
}

std::string join_host_port(std::string_view host, std::uint16_t port) {
  std::string text;
  const bool is_v6 = host.find(':') != std::string_view::npos && host.front() != '[';
  if (is_v6) text += '[';
  text += host;
  if (is_v6) text += ']';
  text += ':';
  text += std::to_string(port);
  return text;
}

}  // namespace rkv::rpc
