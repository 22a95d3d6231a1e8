#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "part.h"

namespace rkv::history {

enum class Verdict { kLinearizable, kNotLinearizable, kUnknown };

struct SearchResult {
  Verdict verdict = Verdict::kUnknown;
  std::uint64_t steps = 0;         // that were taken
  std::vector<std::size_t> order;  // with kLinearizable: as indices of the parts
};

// Whether the rule of these parts is GroupModel: they are of several keys, or there is a
// transaction among them. If not, it is RegisterModel.
bool is_group(const std::vector<Part>& parts);

// Searches for an order of all these operations that keeps to their times and to the rule of their
// keys, for at most so many steps; kUnknown if they did not suffice, or if the model's memory did
// not. The parts are all that a history tells of one key, or of one group of keys; none was
// refused, and every read is answered.
SearchResult search(const std::vector<Part>& parts, std::uint64_t steps_max);

}  // namespace rkv::history
