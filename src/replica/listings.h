#pragma once

#include <cstddef>
#include <cstdint>
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

  // Which of the listings of a position it is: they begin at 1. 0 stands for all behind
  // kNumberedMax, which are not told apart, and whose end is not known: only that nobody asks.
  using Number = std::uint32_t;
  static constexpr Number kNumberedMax = 63;

  // A listing has begun at a position that was pinned for it.
  Number began(Position at, TimePoint now);
  // Another page of one has been read. False if nothing goes on there.
  bool went_on(Position at, TimePoint now);
  // The last page of one has been told, for the first time or again: it may have been lost.
  void ended(Position at, Number number, TimePoint now);
  // Whether this listing alone goes on there.
  bool is_alone(Position at, Number number) const;

  // Ends those that nobody asks for any more.
  void tick(TimePoint now);
  TimePoint next_tick() const;

 private:
  struct Open {
    std::uint64_t going_on = 0;  // a bit for each number that has not ended
    Number begun = 0;            // the highest number that was given
    TimePoint until;
  };
  using OpenAt = std::map<Position, Open>;
  OpenAt::iterator end(OpenAt::iterator open);

  kv::Store& store_;
  const Limits limits_;
  OpenAt open_;
};

}  // namespace rkv::replica
