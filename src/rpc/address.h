#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace rkv::rpc {

// The address of an IPv4 or IPv6 socket: a host in numeric form and a port. A value.
class Address {
 public:
  Address() = default;  // neither family; only to be assigned to
  Address(const sockaddr* address, socklen_t size);

  // "127.0.0.1", "::1" or "[::1]", with the port apart. Fails on anything but a numeric address.
  static Result<Address> parse(std::string_view host, std::uint16_t port);

  // The address that a socket is bound to, or connected to.
  static Result<Address> local_of(int descriptor);
  static Result<Address> remote_of(int descriptor);

  int family() const { return storage_.ss_family; }
  std::uint16_t port() const;
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t raw_size() const { return size_; }

  // "127.0.0.1" or "::1". An IPv4 address mapped into IPv6 reads as the IPv4 address.
  std::string host() const;
  // "127.0.0.1:7411" or "[::1]:7411".
  std::string to_string() const;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

// Splits "host", "host:port", "[v6]:port" or a bare IPv6 address into host and port; `default_port`
// where there is none. Fails on an empty host and on a port that is not 1 to 65535.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
Result<HostPort> split_host_port(std::string_view text, std::uint16_t default_port);

// "host:port", with brackets around an IPv6 address.
std::string join_host_port(std::string_view host, std::uint16_t port);

}  // namespace rkv::rpc
