#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rkv::bench {

// A connected, blocking socket to this port of 127.0.0.1; -1 if nobody takes connections there.
int try_connect_to(std::uint16_t port);

// The same; where nobody takes connections the bench ends.
int connect_to(std::uint16_t port);

// So many different ports of 127.0.0.1 that nobody listens on at this moment.
std::vector<std::uint16_t> free_ports(std::size_t count);

}  // namespace rkv::bench
