#pragma once

#include <cstdint>

namespace rkv::history {

// Where a search is: what the keys are then. Which numbers stand for what is the model's business;
// before the first operation, where no key is there, both are 0.
struct State {
  std::uint32_t number = 0;
  std::uint64_t version = 0;
  bool operator==(const State&) const = default;
};

}  // namespace rkv::history
