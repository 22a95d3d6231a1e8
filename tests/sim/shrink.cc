#include "sim/shrink.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace rkv::sim {
namespace {

// All but the steps from `first` to before `end`.
Schedule without(const Schedule& schedule, std::size_t first, std::size_t end) {
  Schedule rest(schedule.begin(), schedule.begin() + static_cast<std::ptrdiff_t>(first));
  rest.insert(rest.end(), schedule.begin() + static_cast<std::ptrdiff_t>(end), schedule.end());
  return rest;
}

}  // namespace

Schedule shrink(Schedule schedule, const std::function<bool(const Schedule& schedule)>& fails,
                std::uint64_t tries_max) {
  std::uint64_t tries = 0;
  std::size_t size = std::max<std::size_t>(1, schedule.size() / 2);
  while (tries < tries_max && !schedule.empty()) {
    bool shorter = false;
    for (std::size_t first = 0; first < schedule.size() && tries < tries_max;) {
      Schedule rest = without(schedule, first, std::min(first + size, schedule.size()));
      ++tries;
      if (fails(rest)) {
        schedule = std::move(rest);
        shorter = true;
      } else {
        first += size;
      }
    }
    if (size == 1 && !shorter) break;
    if (!shorter || size > schedule.size()) size = std::max<std::size_t>(1, size / 2);
  }
  return schedule;
}

}  // namespace rkv::sim
