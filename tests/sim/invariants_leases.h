#pragma once

#include <cstddef>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "sim/violation.h"

namespace rkv::sim {

// Who believes to hold the leader's lease, and until when. Checks that at no moment of true time
// two replicas do.
class Leases {
 public:
  // `violation` must outlive the object.
  Leases(std::size_t replicas, Violation& violation)
      : until_(replicas, TimePoint{}), violation_(violation) {}

  // From `now` on, both of true time, a replica believes to hold it until then; a past moment if it
  // does not.
  void believes(ReplicaId replica, TimePoint until, TimePoint now);

 private:
  std::vector<TimePoint> until_;
  Violation& violation_;
};

}  // namespace rkv::sim
