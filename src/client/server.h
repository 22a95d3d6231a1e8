#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/replicas_config.h"
#include "base/status.h"

namespace rkv::client {

// Where a replica takes calls of clients.
struct Server {
  std::string host;  // a name, an IPv4 or an IPv6 address, the latter without brackets
  std::uint16_t port = kDefaultClientPort;

  // "host:port", with brackets around an IPv6 address.
  std::string name() const;
  bool operator==(const Server&) const = default;
};

// Reads `HOST[:PORT],...`, at least one; kDefaultClientPort where no port is given. Fails with
// kInvalid and a reason that quotes what is wrong.
Result<std::vector<Server>> parse_servers(std::string_view text);

// The client ports of these replicas, in their order.
std::vector<Server> servers_of(const std::vector<ReplicaAddress>& replicas);

}  // namespace rkv::client
