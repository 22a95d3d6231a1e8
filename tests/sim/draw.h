#pragma once

#include <cmath>
#include <cstdint>

#include "base/random.h"
#include "base/time.h"

namespace rkv::sim {

// A number from 0 up to, but not, 1.
inline double draw_unit(Random& random) {
  return static_cast<double>(random.next() >> 11) * 0x1p-53;
}

// Whether something of this probability happens. Draws nothing for what is impossible.
inline bool draw_chance(Random& random, double probability) {
  return probability > 0 && draw_unit(random) < probability;
}

// A whole number between these two, both possible.
inline std::uint64_t draw_between(Random& random, std::uint64_t low, std::uint64_t high) {
  return low + random.below(high - low + 1);
}

inline Duration draw_between(Random& random, Duration low, Duration high) {
  return Duration{low.ns + static_cast<std::int64_t>(
                               random.below(static_cast<std::uint64_t>(high.ns - low.ns) + 1))};
}

// A span of this mean, mostly shorter and sometimes much longer (exponential).
inline Duration draw_exponential(Random& random, Duration mean) {
  return Duration{
      static_cast<std::int64_t>(-std::log(1.0 - draw_unit(random)) * static_cast<double>(mean.ns))};
}

}  // namespace rkv::sim
