#pragma once

#include <cstddef>
#include <map>

#include "base/ids.h"
#include "base/time.h"
#include "kv/store.h"

namespace rkv::replica {

// The positions at which listings of many pages go on, each of which is pinned in the store while
// pages are asked for. When the store drops its pins, which it does not tell, those positions end
// as the ones do that nobody asks for any more. For one thread.
class Listings {
 public:
  struct Limits {
    std::size_t positions_max = 16;   // of more, the one that ends soonest ends now
    Duration idle_max = seconds(60);  // between two pages
    Duration repeat_max =
        seconds(5);  // for the last page, which may have been lost, to be repeated
  };

  // `store` must outlive the object.
  Listings(kv::Store& store, const Limits& limits) : store_(store), limits_(limits) {}

  // A listing has begun at a position that was pinned for it.
  void began(Position at, TimePoint now);
  // Another page of it has been read, the last one or not. False if nothing goes on there.
  bool went_on(Position at, bool is_last, TimePoint now);
  // Whether one listing alone goes on there.
  bool is_one(Position at) const;

  // Ends those that nobody asks for any more.
  void tick(TimePoint now);
  TimePoint next_tick() const;

 private:
  struct Open {
    std::size_t listings = 0;  // that have not come to their last page
    TimePoint until;
  };
  using OpenAt = std::map<Position, Open>;
  OpenAt::iterator end(OpenAt::iterator open);

  kv::Store& store_;
  const Limits limits_;
  OpenAt open_;
};

}  // namespace rkv::replica
