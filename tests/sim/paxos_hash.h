#pragma once

#include <xxhash.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "paxos/ballot.h"
#include "paxos/value.h"

namespace rkv::sim {

inline std::uint64_t hash_of(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

constexpr std::uint64_t kNoOpHash = 1;

// Of a command; null stands for a no-op.
inline std::uint64_t hash_of(const SharedBytes& command) {
  return command == nullptr ? kNoOpHash : hash_of(std::string_view(*command));
}

// Of a value, equal for equal ones: all no-ops are one value.
inline std::uint64_t hash_of(const paxos::Value& value) {
  if (value.is_no_op()) return kNoOpHash;
  std::uint64_t hash = hash_of(value.command);
  for (const std::uint64_t part :
       {std::uint64_t{value.origin.value}, value.incarnation, value.proposal}) {
    constexpr std::uint64_t kOddMultiplier = 0x9E3779B97F4A7C15U;
    hash = (hash ^ part) * kOddMultiplier;
    hash ^= hash >> 32;
  }
  return hash;
}

// "7.2": round and replica.
inline std::string to_string(const paxos::Ballot& ballot) {
  return std::to_string(ballot.round) + "." + std::to_string(ballot.replica.value);
}

}  // namespace rkv::sim
