#pragma once

#include <kv.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "kv/scan.h"
#include "service/cluster.h"

namespace rkv::service {

// The pages of RANGE, between kv.x and the domain.
//
// What a listing needs from one page to the next travels in its token, and the client keeps it: so
// anybody may send one that was never made. It can ask for no key that its arguments could not ask
// for without it, nor for a state that is not kept for some listing. What it can do is to end that
// listing, by claiming to go on with it behind what its owner has come to: who asks for a page has
// those before it, and they are not kept any more. The owner is told kRevisionGone then, and never
// anything wrong. The token holds, as XDR and with a checksum in front:
//   - the version of this layout;
//   - under paxos the replica that made it, its incarnation, the position of the state that all
//     pages show, and which of the listings of that state it is; under the other protocols, where
//     every replica goes on with any token, zeros;
//   - a checksum of the arguments that say what is listed, to tell a token of another listing;
//   - the last key of the page. The rest of the range follows from that and the arguments.

// What a call of RANGE asks for.
struct Listing {
  kv::Scan scan;                // this page, or what is left of the range with it
  std::uint32_t arguments = 0;  // checksum of what is listed, for tokens
  bool one_page = false;        // no other page is asked for
};

// Copies out of a call which page it asks for. kInvalid, with a reason, for what is unknown, and a
// token that is none or is of other arguments; kRevisionGone for one of another replica, or of this
// one before it was started again. `has_total_order`: all pages show one state.
Result<Listing> listing_from_wire(const kv_range_args& args, const Cluster& cluster,
                                  bool has_total_order);

// The token for what is behind a page of this listing; empty if there is nothing. Where all pages
// show one state, and no other page was to be asked for, it is of no use.
std::string token_behind(const Listing& listing, const kv::ScanPage& page, const Cluster& cluster,
                         bool has_total_order);

// A page on its way out. What wire() refers to belongs to this object, to `page` and to `token`,
// which must outlive it.
class OutgoingPage {
 public:
  OutgoingPage(const kv::ScanPage& page, std::string_view token);
  OutgoingPage(const OutgoingPage&) = delete;
  OutgoingPage& operator=(const OutgoingPage&) = delete;
  const kv_range_ok& wire() const { return wire_; }

 private:
  std::vector<kv_range_entry> entries_;
  kv_range_ok wire_{};
};

// About how many bytes a page has on the wire.
std::size_t size_on_wire(const kv::ScanPage& page);

}  // namespace rkv::service
