#pragma once

#include <cmath>
#include <cstdint>

#include "base/time.h"

namespace rkv::sim {

// A replica's clock: never goes back, begins anywhere and runs a little too fast or too slow.
class Clock {
 public:
  explicit Clock(TimePoint start) : local_(start) {}

  // How much too fast it runs from now on, in millionths; negative: too slow.
  void set_drift(TimePoint true_now, std::int64_t drift_ppm) {
    local_ = local(true_now);
    true_ = true_now;
    drift_ppm_ = drift_ppm;
  }

  // What it says at a moment of true time, not before the last set_drift().
  TimePoint local(TimePoint true_time) const {
    const std::int64_t passed = (true_time - true_).ns;
    return local_ + Duration{passed + passed / kMillion * drift_ppm_ +
                             passed % kMillion * drift_ppm_ / kMillion};
  }

  // When it will say so, or have said so: the first moment of true time, not before `true_now`.
  TimePoint true_time(TimePoint local_time, TimePoint true_now) const {
    if (local_time == kNever) return kNever;
    if (local(true_now) >= local_time) return true_now;
    const double rate = 1 + static_cast<double>(drift_ppm_) / kMillion;
    const auto passed = static_cast<double>((local_time - local_).ns) / rate;
    TimePoint found = true_ + Duration{static_cast<std::int64_t>(std::ceil(passed))};
    while (local(found) < local_time) found = found + Duration{1};
    while (found > true_now && local(found + Duration{-1}) >= local_time) found.ns -= 1;
    return found < true_now ? true_now : found;
  }

 private:
  static constexpr std::int64_t kMillion = 1'000'000;

  TimePoint true_;   // since when it runs as it does
  TimePoint local_;  // what it said then
  std::int64_t drift_ppm_ = 0;
};

}  // namespace rkv::sim
