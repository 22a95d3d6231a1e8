#include "client/listing.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace rkv::client {

Listing::Listing(Client& client, Range range, const ListingOptions& options)
    : client_(client), options_(options) {
  query_.range = std::move(range);
  query_.reverse = options.reverse;
  query_.what = options.keys_only ? RangeWhat::kKeys : RangeWhat::kEntries;
  query_.size_max = options.page_size_max;
}

bool Listing::next() {
  if (options_.limit > 0 && count_ >= options_.limit) return false;
  if (begun_) ++index_;
  // A page may be empty and not the last one.
  while (index_ >= page_.entries.size()) {
    if (begun_ && (!page_.status.ok() || page_.next.empty())) return false;
    next_page();
  }
  ++count_;
  return true;
}

void Listing::next_page() {
  if (begun_) query_.go_on(std::move(page_));
  index_ = 0;
  query_.limit = options_.page_entries;
  if (options_.limit > 0) {
    const std::uint64_t page = query_.limit == 0 ? kEntriesMax : query_.limit;
    query_.limit = static_cast<std::uint32_t>(std::min(page, options_.limit - count_));
    // Where one page is all, as it most often is, nothing is kept at the server for another one.
    query_.one_page = !begun_ && query_.limit == options_.limit;
  }
  begun_ = true;
  page_ = client_.range(query_, options_.call);
  const bool is_cut = page_.entries.size() < query_.limit && !page_.next.empty();
  if (query_.one_page && page_.status.ok() && is_cut) {
    query_.one_page = false;
    page_ = client_.range(query_, options_.call);
  }
  if (page_.status.ok()) revision_ = page_.position;
}

CountOutcome count_range(Client& client, const Range& range, const CallOptions& options) {
  RangeQuery query;
  query.range = range;
  query.what = RangeWhat::kCount;
  CountOutcome outcome;
  // Each page counts some, or is the last one.
  do {
    PageOutcome page = client.range(query, options);
    static_cast<Outcome&>(outcome) = page;
    outcome.count += page.count;
    query.go_on(std::move(page));
  } while (outcome.status.ok() && !query.token.empty());
  return outcome;
}

}  // namespace rkv::client
