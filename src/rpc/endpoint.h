#pragma once

#include "rpc/address.h"

namespace rkv::rpc {

// What carries the messages of a program: a stream with record marking (RFC 5531, section 11), or
// datagrams, each of which is one message (datagram.h says how long they may be).
enum class Transport { kTcp, kUdp };

// Where a server listens. With an IPv4 address rpcbind's netids are tcp and udp, with an IPv6
// address tcp6 and udp6: no socket here takes both.
struct Endpoint {
  Transport transport = Transport::kTcp;
  Address address;
};

}  // namespace rkv::rpc
