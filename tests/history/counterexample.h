#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "part.h"

namespace rkv::history {

// Why the operations of one key or group of keys, which have no order, have none: the first answer,
// in the order of their times, at which there is none any more; an order of everything up to there;
// and what was under way. Searches for at most `steps_max` steps at a time; where those do not
// suffice, the answer that is named may be a later one.
std::string counterexample(const std::vector<Part>& parts, std::uint64_t steps_max);

// Says that so many keys or groups of keys, among them that of these operations, were searched in
// vain.
std::string undecided_text(const std::vector<Part>& parts, std::size_t groups,
                           std::uint64_t steps_max);

}  // namespace rkv::history
