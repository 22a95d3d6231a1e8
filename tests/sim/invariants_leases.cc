#include "sim/invariants_leases.h"

#include <string>

namespace rkv::sim {

void Leases::believes(ReplicaId replica, TimePoint until, TimePoint now) {
  const std::size_t self = replica.value - 1;
  until_[self] = until;
  if (until <= now) return;
  for (std::size_t other = 0; other < until_.size(); ++other) {
    if (other == self || until_[other] <= now) continue;
    violation_.report("one holder of the lease", "replica " + std::to_string(replica.value) +
                                                     " and replica " + std::to_string(other + 1) +
                                                     " both believe to hold it");
  }
}

}  // namespace rkv::sim
