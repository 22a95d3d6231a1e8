#pragma once

#include "base/ids.h"
#include "base/time.h"

namespace rkv::sim {

// What a read must see at the least.
struct ReadPromise {
  Position seen = 0;           // the state of this position, or a later one
  TimePoint since = kLongAgo;  // every write of which a client was told before this, of true time
};

}  // namespace rkv::sim
