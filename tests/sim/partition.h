#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/limits.h"
#include "base/random.h"

namespace rkv::sim {

// Ways to cut replicas off from one another, by the names that the literature has for them. All but
// the one-way ones cut a link in both directions.
enum class Partition : std::uint32_t {
  kIsolateOne,      // one replica alone
  kHalves,          // a minority apart from a majority
  kBridge,          // two sides that only one replica, of neither side, can both reach
  kMajoritiesRing,  // each replica sees a majority, no two the same one (of 5 and more)
  kChained,         // each replica sees only its neighbours in a row
  kQuorumLoss,      // all see one replica and nobody else: only that one has a quorum
  kConstrained,     // like kQuorumLoss, and one of the others is alone
  kOneWayOut,       // nothing that one replica sends arrives
  kOneWayIn,        // nothing arrives at one replica
  kOneWayLink,      // one direction between two replicas
};
constexpr std::size_t kPartitions = 10;

std::string_view to_string(Partition partition);

// blocked[a][b]: nothing gets from the replica with index a to the one with index b.
using LinkMatrix = std::array<std::array<bool, kReplicasMax>, kReplicasMax>;

// Such a partition among so many replicas; which part each of them has is drawn.
LinkMatrix make_partition(Partition partition, std::size_t replicas, Random& random);

}  // namespace rkv::sim
