#pragma once

#include <cstddef>

#include "../../history/operation.h"

namespace rkv::history {

// Up to how many operations brute_force() takes.
constexpr std::size_t kBruteForceMax = 10;

// Whether a small history is linearizable, by trying every order of every choice of the operations
// that have no answer: slow, and so plain that it can be believed. All keys at once.
bool brute_force(const History& history);

}  // namespace rkv::history
