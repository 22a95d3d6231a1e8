#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "rpc/address.h"

namespace rkv::daemon {

// An address to listen at; an optional one may be refused by the system (no IPv6 on this host,
// say).
struct ListenAddress {
  rpc::Address address;
  bool optional = false;
};

// Where to listen. `option` (HOST:PORT) decides when it is not empty. Otherwise the replica's own
// host and port: a numeric host is listened at as it is, "localhost" at both loopback addresses,
// and any other name on all addresses of this machine (a name may stand for another address here
// than elsewhere).
Result<std::vector<ListenAddress>> listen_addresses(const std::string& option,
                                                    const std::string& host, std::uint16_t port);

}  // namespace rkv::daemon
