#pragma once

#include <cstdint>

namespace rkv::client {

// A number for OperationId::client, from the system's random numbers; never 0, and the
// top bit is clear.
std::uint64_t draw_client_id();

}  // namespace rkv::client
