#pragma once

#include <cstdint>
#include <string>

#include "paxos/ballot.h"
#include "paxos/value.h"
#include "sim/hash.h"

namespace rkv::sim {

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
