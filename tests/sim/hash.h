#pragma once

#include <xxhash.h>

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace rkv::sim {

inline std::uint64_t hash_of(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

constexpr std::uint64_t kNoOpHash = 1;

// Of a command; null stands for a no-op.
inline std::uint64_t hash_of(const SharedBytes& command) {
  return command == nullptr ? kNoOpHash : hash_of(std::string_view(*command));
}

}  // namespace rkv::sim
