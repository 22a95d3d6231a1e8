#include "client/range.h"

namespace rkv::client {

Range Range::of_prefix(std::string_view prefix) {
  Range range{std::string(prefix), std::string(prefix)};
  // The first key behind all of them: the last byte that can grow grows, what follows it goes.
  while (!range.end.empty() && range.end.back() == '\xff') range.end.pop_back();
  if (!range.end.empty()) ++range.end.back();
  return range;
}

}  // namespace rkv::client
