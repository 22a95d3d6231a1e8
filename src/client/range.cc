#include "client/range.h"

#include <utility>

#include "client/results.h"

namespace rkv::client {

Range Range::of_prefix(std::string_view prefix) {
  Range range{std::string(prefix), std::string(prefix)};
  // The first key behind all of them: the last byte that can grow grows, what follows it goes.
  while (!range.end.empty() && range.end.back() == '\xff') range.end.pop_back();
  if (!range.end.empty()) ++range.end.back();
  return range;
}

void RangeQuery::go_on(PageOutcome page) {
  token = std::move(page.next);
  server = std::move(page.server);
  if (!page.entries.empty()) behind = std::move(page.entries.back().key);
}

}  // namespace rkv::client
