#pragma once

#include <cstddef>
#include <vector>

#include "operation.h"

namespace rkv::history {

// An operation of a history, and whether its answer is known.
struct Part {
  const Operation* operation = nullptr;
  bool answered = false;
};

// Where a search can go on with no answered operation: which unanswered one would help? The numbers
// are those of the parts.
struct Blocked {
  std::vector<std::size_t> candidates;  // answered ones, of which one has to come next
  std::vector<std::size_t> unused;      // unanswered ones that may come now
  bool behind_put = false;              // the last one in the order is an unanswered put
};

}  // namespace rkv::history
