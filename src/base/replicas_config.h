#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"

namespace rkv {

constexpr std::uint16_t kDefaultClientPort = 7411;  // where a replica takes calls of clients
constexpr std::uint16_t kDefaultPeerPort = 7412;    // where it takes calls of other replicas

// Where a replica is found.
struct ReplicaAddress {
  ReplicaId id;
  std::string host;  // a name, an IPv4 or an IPv6 address, the latter without brackets
  std::uint16_t client_port = kDefaultClientPort;
  std::uint16_t peer_port = kDefaultPeerPort;

  bool operator==(const ReplicaAddress&) const = default;
};

// Reads the text of a replicas file: a line for each replica, `id host [client-port [peer-port]]`,
// fields apart by blanks or tabs, `#` before a comment. In the order of the file; at least one, at
// most kReplicasMax; no two with one id, or with one port of one host. Names are not looked up.
// Fails with kInvalid and a reason that names `file_name`, the line and what is wrong with it.
Result<std::vector<ReplicaAddress>> parse_replicas(std::string_view text,
                                                   std::string_view file_name);

}  // namespace rkv
