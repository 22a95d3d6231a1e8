#include "rpc/rpcbind_address.h"

#include <netinet/in.h>

#include <charconv>
#include <cstdint>
#include <optional>

#include "base/check.h"

namespace rkv::rpc {
namespace {

// The number behind the last dot, which is taken off the text. At most 255, in decimal, without
// signs and spaces.
std::optional<std::uint8_t> take_last_byte(std::string_view* text) {
  const std::size_t dot = text->rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text->substr(dot + 1);
  std::uint8_t byte = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte);
  if (error != std::errc() || stop != digits.data() + digits.size()) return std::nullopt;
  *text = text->substr(0, dot);
  return byte;
}

}  // namespace

std::string_view netid_of(const Endpoint& endpoint) {
  const bool is_v6 = endpoint.address.family() == AF_INET6;
  if (endpoint.transport == Transport::kUdp) return is_v6 ? "udp6" : "udp";
  return is_v6 ? "tcp6" : "tcp";
}

std::string universal_address(const Address& address) {
  const unsigned port = address.port();
  return address.host() + '.' + std::to_string(port >> 8) + '.' + std::to_string(port & 0xff);
}

Result<Address> parse_universal_address(std::string_view text) {
  std::string_view host = text;
  const std::optional<std::uint8_t> low = take_last_byte(&host);
  const std::optional<std::uint8_t> high = low ? take_last_byte(&host) : std::nullopt;
  if (high) {
    const auto port = static_cast<std::uint16_t>(unsigned{*high} << 8 | *low);
    Result<Address> address = Address::parse(host, port);
    if (address.ok()) return address;
  }
  return Status::invalid("'" + std::string(text) + "' is not a universal address");
}

bool is_wildcard(const Address& address) {
  if (address.family() == AF_INET) {
    return reinterpret_cast<const sockaddr_in*>(address.raw())->sin_addr.s_addr == INADDR_ANY;
  }
  if (address.family() != AF_INET6) return false;
  return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(address.raw())->sin6_addr);
}

Address reachable_address(const Address& address) {
  if (!is_wildcard(address)) return address;
  const Result<Address> loopback =
      Address::parse(address.family() == AF_INET6 ? "::1" : "127.0.0.1", address.port());
  RKV_CHECK(loopback.ok(), "the loopback addresses can be parsed");
  return loopback.value();
}

}  // namespace rkv::rpc
