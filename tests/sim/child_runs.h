#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sim/schedule.h"
#include "sim/simulation.h"

namespace rkv::sim {

// Simulations in processes of their own, so that a broken check in what is simulated ends one seed
// and not all.

// The name under which such an end is reported, as an invariant.
constexpr const char* kDied = "the program goes on";

// Runs one. Prints nothing but what the options want and a broken check says.
Outcome run_in_child(const Options& options, const Schedule& schedule);

// Runs `count` seeds from `from` on in so many processes at once, and tells of each as it ends, in
// no order. Stops early when `report` returns false.
void run_many(const Options& options, std::uint64_t from, std::uint64_t count, std::size_t workers,
              const std::function<bool(std::uint64_t seed, const Outcome& outcome)>& report);

}  // namespace rkv::sim
