#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rkv::client {

struct PageOutcome;

// Keys in bytewise order, from `first` up to `end` without it.
struct Range {
  std::string first;  // empty: from the first key on
  std::string end;    // empty: to the last key

  // Every key that begins with `prefix`; an empty one: all keys.
  static Range of_prefix(std::string_view prefix);
  bool operator==(const Range&) const = default;
};

// What of a range is asked for.
enum class RangeWhat : std::uint32_t {  // the numbers of kv_range_what
  kEntries = 0,                         // keys and values
  kKeys = 1,                            // keys, versions and revisions; the values are empty
  kCount = 2,                           // how many there are
};

// Asks for one page of a range.
struct RangeQuery {
  Range range;
  bool reverse = false;  // from the end to the first
  RangeWhat what = RangeWhat::kEntries;
  std::uint32_t limit = 0;     // entries of this page; 0: kEntriesMax
  std::uint32_t size_max = 0;  // bytes of its keys and values; 0: kPageSizeMax
  // Of the page before: `next` and `server`. Both empty: the first page. Under paxos only that
  // server can go on; when it cannot be reached, another one answers kRevisionGone.
  std::string token;
  std::string server;
  // No page behind this one will be asked for, so that the server keeps nothing for it: `next` of
  // the answer is no token then, and says no more than that there is more.
  bool one_page = false;
  // For the history: the last key that the pages before had; empty: not known.
  std::string behind;

  // Asks for the page behind this one, an answer to this query that has such a page.
  void go_on(PageOutcome page);
};

}  // namespace rkv::client
