#pragma once

#include <cstddef>
#include <cstdint>

#include "../../history/operation.h"
#include "base/random.h"

namespace rkv::history {

// What a made-up history of transactions is like.
struct TransactionOptions {
  std::size_t operations = 0;
  std::size_t keys = 2;
  std::size_t processes = 3;      // each has one operation under way at a time
  std::uint64_t delay_max = 10;   // between request, effect and answer
  std::uint64_t lost_one_in = 0;  // operations without an answer; 0: none
  std::size_t lost_max = 30;      // of those
  bool versions = true;           // whether answers tell them
};

// A history of processes that use atomic keys, alone and together, with every kind of step and of
// compare: each operation takes its effect at one moment between its request and its answer, an
// unanswered one then, later or never. It is linearizable, and in the order of the requests. What
// cannot be done is refused.
History simulate(const TransactionOptions& options, Random& random);

}  // namespace rkv::history
