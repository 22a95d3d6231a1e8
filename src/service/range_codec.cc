#include "service/range_codec.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "service/wire.h"

namespace rkv::service {
namespace {

using kv::Scan;

// The enum goes over the wire by its numbers.
static_assert(static_cast<int>(Scan::What::kEntries) == KV_RANGE_ENTRIES);
static_assert(static_cast<int>(Scan::What::kKeys) == KV_RANGE_KEYS);
static_assert(static_cast<int>(Scan::What::kCount) == KV_RANGE_COUNT);

constexpr std::uint32_t kTokenVersion = 2;
// Two checksums, the version, who, two numbers, which listing, a key with its length and padding.
static_assert(2 * 4 + 4 + 4 + 2 * 8 + 4 + 4 + kKeySizeMax + 3 <= kTokenSizeMax);
// Bytes of an entry on the wire beside key and value: two lengths, their padding, three numbers.
constexpr std::size_t kEntryOverheadMax = 2 * (4 + 3) + 3 * 8;
// Of what a page has beside its entries.
constexpr std::size_t kPageOverheadMax = 64 + kTokenSizeMax;

struct Token {
  std::uint32_t arguments = 0;  // checksum_of() them
  ReplicaId replica;            // 0 without a total order, as the next three
  Incarnation incarnation = 0;
  Position position = 0;
  std::uint32_t listing = 0;
  std::string last;
};

// Of what is listed, and in which cluster; not of how much at once.
std::uint32_t checksum_of(std::string_view first, std::string_view end, bool reverse,
                          Scan::What what, const Cluster& cluster) {
  std::string bytes(cluster.id.bytes.begin(), cluster.id.bytes.end());
  append_opaque(bytes, first);
  append_opaque(bytes, end);
  append_uint32(bytes, reverse ? 1 : 0);
  append_uint32(bytes, static_cast<std::uint32_t>(what));
  return crc32c(0, bytes);
}

std::string encode(const Token& token) {
  std::string body;
  append_uint32(body, kTokenVersion);
  append_uint32(body, token.arguments);
  append_uint32(body, token.replica.value);
  append_uint64(body, token.incarnation);
  append_uint64(body, token.position);
  append_uint32(body, token.listing);
  append_opaque(body, token.last);
  std::string bytes;
  append_uint32(bytes, crc32c(0, body));
  return bytes + body;
}

Result<Token> decode(std::string_view bytes) {
  const Status no_token = Status::invalid(
      "the token is none that a replica has given: a listing begins with an empty one");
  XdrReader head(bytes);
  const std::uint32_t checksum = head.read_uint32();
  if (!head.ok()) return no_token;
  bytes.remove_prefix(sizeof checksum);
  if (crc32c(0, bytes) != checksum) return no_token;
  XdrReader reader(bytes);
  if (reader.read_uint32() != kTokenVersion) {
    return Status::invalid(
        "the token is of another version of rkv than this replica runs: list again from the "
        "beginning");
  }
  Token token;
  token.arguments = reader.read_uint32();
  token.replica = ReplicaId{reader.read_uint32()};
  token.incarnation = reader.read_uint64();
  token.position = reader.read_uint64();
  token.listing = reader.read_uint32();
  token.last = reader.read_opaque(kKeySizeMax);
  if (!reader.done()) return no_token;
  return token;
}

// Whether the state that the token is of is still kept here; as far as the token says.
Status check_place(const Token& token, const Cluster& cluster, bool has_total_order) {
  if (!has_total_order) {
    const bool is_of_any = token.replica.value == 0 && token.incarnation == 0 &&
                           token.position == 0 && token.listing == 0;
    if (is_of_any) return {};
    return Status::invalid("the token is of a listing at one revision, which needs paxos");
  }
  if (token.position == 0) {
    return Status::invalid(
        "the token is of a page that was asked for with one_page: nothing was kept for another");
  }
  if (token.replica != cluster.self) {
    return {StatusCode::kRevisionGone,
            "the listing was begun at replica " + std::to_string(token.replica.value) +
                ", and only that keeps the state that it shows: ask it for the next page, or list "
                "again from the beginning"};
  }
  if (token.incarnation != cluster.incarnation) {
    return {StatusCode::kRevisionGone,
            "this replica has been started again since the listing was begun, and has not kept the "
            "state that it shows: list again from the beginning"};
  }
  return {};
}

bool is_within(std::string_view key, const Scan& scan) {
  return !key.empty() && key >= scan.first && (scan.end.empty() || key < scan.end);
}

// A limit of the arguments: 0 is the highest there is, and what is higher is that too.
std::size_t limit_of(u_int wanted, std::size_t max) {
  return wanted == 0 ? max : std::min<std::size_t>(wanted, max);
}

}  // namespace

Result<Listing> listing_from_wire(const kv_range_args& args, const Cluster& cluster,
                                  bool has_total_order) {
  const int what = number_of(args.what);
  if (what < KV_RANGE_ENTRIES || what > KV_RANGE_COUNT) {
    return Status::invalid("a listing of the unknown kind " + std::to_string(what));
  }
  Scan scan;
  scan.first = view_of(args.first);
  scan.end = view_of(args.end);
  scan.reverse = args.reverse != FALSE;
  scan.what = static_cast<Scan::What>(what);
  scan.entries_max = limit_of(args.limit, kEntriesMax);
  scan.size_max = limit_of(args.size_max, kPageSizeMax);
  const std::uint32_t arguments =
      checksum_of(scan.first, scan.end, scan.reverse, scan.what, cluster);
  if (args.token.kv_token_len == 0)
    return Listing{std::move(scan), arguments, args.one_page != FALSE};

  Result<Token> decoded = decode(view_of(args.token));
  if (!decoded.ok()) return decoded.status();
  Token& token = decoded.value();
  if (token.arguments != arguments || !is_within(token.last, scan)) {
    return Status::invalid(
        "the token is of another listing: each page of one has the same first, end, reverse and "
        "what");
  }
  const Status status = check_place(token, cluster, has_total_order);
  if (!status.ok()) return status;
  kv::ScanPage behind;
  behind.last = std::move(token.last);
  behind.position = token.position;
  Listing rest{kv::rest_of(scan, behind), arguments, args.one_page != FALSE};
  rest.scan.at = token.position;
  rest.scan.listing = token.listing;
  return rest;
}

std::string token_behind(const Listing& listing, const kv::ScanPage& page, const Cluster& cluster,
                         bool has_total_order) {
  if (!page.more) return {};
  RKV_CHECK(!page.last.empty(), "a page with more behind it has come to a key");
  Token token;
  token.arguments = listing.arguments;
  if (has_total_order) {
    token.replica = cluster.self;
    token.incarnation = cluster.incarnation;
    token.position = listing.one_page ? 0 : page.position;
    token.listing = page.listing;
  }
  token.last = page.last;
  return encode(token);
}

OutgoingPage::OutgoingPage(const kv::ScanPage& page, std::string_view token) {
  entries_.reserve(page.entries.size());
  for (const kv::ScannedEntry& each : page.entries) {
    entries_.push_back({key_to_wire(each.key),
                        {value_to_wire(each.value), each.version, {each.created, each.modified}}});
  }
  wire_.entries.entries_len = static_cast<u_int>(entries_.size());
  wire_.entries.entries_val = entries_.data();
  wire_.count = page.count;
  wire_.revision = page.position;
  wire_.next.kv_token_len = static_cast<u_int>(token.size());
  wire_.next.kv_token_val = const_cast<char*>(token.data());
}

std::size_t size_on_wire(const kv::ScanPage& page) {
  std::size_t size = kPageOverheadMax;
  for (const kv::ScannedEntry& each : page.entries) {
    size += each.key.size() + each.value.size() + kEntryOverheadMax;
  }
  return size;
}

}  // namespace rkv::service
