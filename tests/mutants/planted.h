#pragma once

#include <cstdlib>
#include <string_view>

namespace rkv {

// Whether this bug is the one that is planted in this run: $RKV_PLANTED names it. Of planted.patch
// alone, which puts the bugs into a copy of src/; the product knows nothing of them.
inline bool planted(std::string_view bug) {
  static const char* const name = std::getenv("RKV_PLANTED");
  static const std::string_view chosen = name == nullptr ? std::string_view() : name;
  return chosen == bug;
}

}  // namespace rkv
