#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "rpc/address.h"
#include "rpc/endpoint.h"

namespace rkv::rpc {

// The network id of an endpoint: "tcp", "tcp6", "udp" or "udp6" (RFC 5665, section 5.3).
std::string_view netid_of(const Endpoint& endpoint);

// The universal address (RFC 5665, section 5.2.3): the host in numeric form, then the port as two
// decimal bytes: "127.0.0.1.28.243", "::1.28.243".
std::string universal_address(const Address& address);
// Fails on anything but a whole universal address of an IPv4 or IPv6 socket.
Result<Address> parse_universal_address(std::string_view text);

// 0.0.0.0 or ::, any port.
bool is_wildcard(const Address& address);
// The address to connect to for reaching, on this machine, what is bound to `address`: the loopback
// address in place of the wildcard.
Address reachable_address(const Address& address);

}  // namespace rkv::rpc
