#pragma once

#include <cstddef>
#include <cstdint>

#include "base/ids.h"
#include "base/status.h"
#include "client/client.h"
#include "client/options.h"
#include "client/range.h"
#include "client/results.h"

namespace rkv::client {

struct ListingOptions {
  bool keys_only = false;
  bool reverse = false;
  std::uint64_t limit = 0;          // entries in all; 0: every one
  std::uint32_t page_entries = 0;   // of one page; 0: as many as it may have
  std::uint32_t page_size_max = 0;  // bytes of one page; 0: as many as it may have
  CallOptions call;                 // of each page
};

// Goes through a range, page by page, with one page in memory:
//
//   for (Listing listing(client, Range::of_prefix("a/")); listing.next();) use(listing.entry());
//
// and then status() says whether that was all. Under paxos all of it is of one revision, whatever
// is written meanwhile; kRevisionGone: the cluster does not have it any more, begin again. Under
// the other protocols each page is of its own moment, and the consistency must be kEventual.
class Listing {
 public:
  // `client` must outlive it.
  Listing(Client& client, Range range, const ListingOptions& options = {});

  // Goes to the next entry, the first one at first. False: there is none, or a page failed.
  bool next();
  // Where next() has gone to.
  const RangeEntry& entry() const { return page_.entries[index_]; }
  // The failure of a page, or success.
  const Status& status() const { return page_.status; }
  // The state that is shown; 0 before the first page. Of the latest page, where each has its own.
  Position revision() const { return revision_; }
  // How many entries there have been.
  std::uint64_t count() const { return count_; }

 private:
  void next_page();

  Client& client_;
  const ListingOptions options_;
  RangeQuery query_;
  PageOutcome page_;
  std::size_t index_ = 0;
  bool begun_ = false;
  Position revision_ = 0;
  std::uint64_t count_ = 0;
};

// How many keys there are in a range. `position` is the revision.
struct CountOutcome : Outcome {
  std::uint64_t count = 0;

  Certainty certainty() const { return certainty_of_read(status); }
};
CountOutcome count_range(Client& client, const Range& range, const CallOptions& options = {});

}  // namespace rkv::client
