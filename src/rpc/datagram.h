#pragma once

#include <cstddef>

namespace rkv::rpc {

// Bytes of a call or a reply that goes over UDP, its RPC header included. What is longer goes over
// TCP. Every IPv6 link carries packets of 1280 bytes (RFC 8200, section 5); less 40 of the IPv6 and
// 8 of the UDP header this is what arrives everywhere without fragments, of which one that is lost
// loses all.
constexpr std::size_t kDatagramSizeMax = 1232;

}  // namespace rkv::rpc
