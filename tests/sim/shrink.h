#pragma once

#include <cstdint>
#include <functional>

#include "sim/schedule.h"

namespace rkv::sim {

// Makes a schedule that fails shorter: leaves out steps as long as it fails without them (Zeller's
// ddmin). `fails` says whether a schedule does; the given one does. Tries at most `tries_max`.
Schedule shrink(Schedule schedule, const std::function<bool(const Schedule& schedule)>& fails,
                std::uint64_t tries_max);

}  // namespace rkv::sim
