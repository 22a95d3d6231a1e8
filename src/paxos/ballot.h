#pragma once

#include <compare>
#include <cstdint>

#include "base/ids.h"

namespace rkv::paxos {

// The number of a proposal ("Paxos Made Simple", section 2.2). Unique, because it ends with who
// made it, and a replica never uses a round again, also not after a restart: it promises itself a
// ballot, durably, before anybody hears of it.
struct Ballot {
  std::uint64_t round = 0;  // 0: no ballot; lower than every other one
  ReplicaId replica;
  auto operator<=>(const Ballot&) const = default;
};

// An instance of the consensus algorithm (section 3), and the position of its value in the sequence
// of writes.
using Slot = Position;

}  // namespace rkv::paxos
