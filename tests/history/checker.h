#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "operation.h"
#include "search.h"

namespace rkv::history {

struct CheckOptions {
  // How many steps the search may take for one key, or one group of keys; a step takes up to 100
  // bytes of memory, and 16 for each key of a group, of one group at a time.
  std::uint64_t steps_max = 4'000'000;
};

struct Report {
  // kUnknown: the steps, or the memory, did not suffice for some key or group of keys, and no other
  // one was found to be wrong.
  // Nobody knows then, and a test has failed.
  Verdict verdict = Verdict::kLinearizable;
  std::size_t operations = 0;  // that were looked at: not the refused ones, unanswered reads,
                               // lists, and reads that are not linearizable
  std::size_t keys = 0;
  std::uint64_t steps = 0;
  // Of what is not linearizable: the key, and why. Several lines for a person, without the last
  // newline. Of what is unknown: the key.
  std::string explanation;
};

// Whether the operations on each key can be put into one order, in which each comes between its
// request and its answer and has the result that it was told. Reads that were promised less are
// left out, and so are lists (sequential.h has rules for them); writes are not.
//
// Keys are independent of one another but for those that some transaction touches together, also as
// keys of a range that it removes: each such group of keys has one order. Groups are searched one
// by one: in turns, with a number of steps that grows, so that one which is plainly wrong is found
// before one which takes long. Ends at the first that is wrong.
Report check(const History& history, const CheckOptions& options = {});

}  // namespace rkv::history
