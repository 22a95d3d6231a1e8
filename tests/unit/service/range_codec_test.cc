#include "service/range_codec.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "kv/scan.h"
#include "rpc/xdr.h"
#include "service/cluster.h"

namespace rkv::service {
namespace {

Cluster cluster_of(std::uint32_t self, Incarnation incarnation) {
  Cluster cluster;
  cluster.id.bytes.fill(7);
  cluster.self = ReplicaId{self};
  cluster.incarnation = incarnation;
  return cluster;
}

const Cluster kHere = cluster_of(1, 3);

// Arguments whose parts live as long as they.
struct Arguments {
  std::string first;
  std::string end;
  std::string token;
  bool reverse = false;
  bool one_page = false;
  kv_range_what what = KV_RANGE_ENTRIES;

  kv_range_args wire() {
    kv_range_args args{};
    args.first = {static_cast<u_int>(first.size()), first.data()};
    args.end = {static_cast<u_int>(end.size()), end.data()};
    args.token = {static_cast<u_int>(token.size()), token.data()};
    args.reverse = reverse ? TRUE : FALSE;
    args.one_page = one_page ? TRUE : FALSE;
    args.what = what;
    return args;
  }
  Result<Listing> listing(const Cluster& cluster = kHere, bool has_total_order = true) {
    const kv_range_args args = wire();
    return listing_from_wire(args, cluster, has_total_order);
  }
  // That a page up to this key is answered with.
  std::string token_behind_key(std::string last, bool has_total_order = true) {
    kv::ScanPage page;
    page.last = std::move(last);
    page.count = 1;
    page.more = true;
    page.position = 42;
    page.listing = has_total_order ? 5 : 0;
    return token_behind(listing(kHere, has_total_order).value(), page, kHere, has_total_order);
  }
};

void assert_refused(StatusCode code, const std::string& begin, const Result<Listing>& listing) {
  CPPUNIT_ASSERT(!listing.ok());
  CPPUNIT_ASSERT(code == listing.status().code());
  CPPUNIT_ASSERT_MESSAGE(listing.status().reason(), listing.status().reason().starts_with(begin));
}

}  // namespace

class RangeCodecTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RangeCodecTest);
  CPPUNIT_TEST(a_first_page_is_what_was_asked_for);
  CPPUNIT_TEST(a_token_goes_on_behind_its_page);
  CPPUNIT_TEST(the_token_of_the_longest_key_fits);
  CPPUNIT_TEST(a_token_is_of_one_listing);
  CPPUNIT_TEST(a_token_is_of_one_replica_and_incarnation);
  CPPUNIT_TEST(without_a_total_order_a_token_is_of_all_replicas);
  CPPUNIT_TEST(what_is_no_token_is_refused);
  CPPUNIT_TEST(a_page_goes_out_as_it_is);
  CPPUNIT_TEST_SUITE_END();

 public:
  void a_first_page_is_what_was_asked_for() {
    Arguments arguments{"a", "b", "", true, false, KV_RANGE_KEYS};
    const kv::Scan scan = arguments.listing().value().scan;
    CPPUNIT_ASSERT_EQUAL(std::string("a"), scan.first);
    CPPUNIT_ASSERT_EQUAL(std::string("b"), scan.end);
    CPPUNIT_ASSERT(scan.reverse && scan.what == kv::Scan::What::kKeys);
    CPPUNIT_ASSERT_EQUAL(Position{0}, scan.at);
    CPPUNIT_ASSERT_EQUAL(kEntriesMax, scan.entries_max);
    CPPUNIT_ASSERT_EQUAL(kPageSizeMax, scan.size_max);
    kv_range_args args = arguments.wire();
    args.limit = 5;
    args.size_max = 6;
    const kv::Scan limited = listing_from_wire(args, kHere, true).value().scan;
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, limited.entries_max);
    CPPUNIT_ASSERT_EQUAL(std::size_t{6}, limited.size_max);
  }

  void a_token_goes_on_behind_its_page() {
    Arguments arguments{"a", "z", ""};
    arguments.token = arguments.token_behind_key("key");
    kv::Scan scan = arguments.listing().value().scan;
    CPPUNIT_ASSERT_EQUAL(std::string("key\0", 4), scan.first);
    CPPUNIT_ASSERT_EQUAL(std::string("z"), scan.end);
    CPPUNIT_ASSERT_EQUAL(Position{42}, scan.at);
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{5}, scan.listing);
    // And again from there, with the arguments of the first page.
    arguments.token = arguments.token_behind_key("later");
    CPPUNIT_ASSERT_EQUAL(std::string("later\0", 6), arguments.listing().value().scan.first);
    Arguments reverse{"a", "z", "", true};
    reverse.token = reverse.token_behind_key("key");
    scan = reverse.listing().value().scan;
    CPPUNIT_ASSERT_EQUAL(std::string("a"), scan.first);
    CPPUNIT_ASSERT_EQUAL(std::string("key"), scan.end);
    CPPUNIT_ASSERT(token_behind(reverse.listing().value(), {}, kHere, true).empty());
  }

  void the_token_of_the_longest_key_fits() {
    Arguments arguments;
    arguments.token = arguments.token_behind_key(std::string(kKeySizeMax, 'k'));
    CPPUNIT_ASSERT(arguments.token.size() <= kTokenSizeMax);
    CPPUNIT_ASSERT(arguments.listing().ok());
  }

  void a_token_is_of_one_listing() {
    Arguments arguments{"a", "z", ""};
    arguments.token = arguments.token_behind_key("key");
    const std::string another = "the token is of another listing";
    for (const Arguments& changed :
         {Arguments{"b", "z", arguments.token}, Arguments{"a", "y", arguments.token},
          Arguments{"a", "z", arguments.token, true},
          Arguments{"a", "z", arguments.token, false, false, KV_RANGE_COUNT}}) {
      assert_refused(StatusCode::kInvalid, another, Arguments(changed).listing());
    }
    Cluster stranger = kHere;
    stranger.id.bytes.fill(8);
    assert_refused(StatusCode::kInvalid, another, arguments.listing(stranger));
    // One that was made by hand, with a key outside of the range.
    for (const char* outside : {"A", "z", "zz"}) {
      arguments.token = Arguments{"a", "z", ""}.token_behind_key(outside);
      assert_refused(StatusCode::kInvalid, another, arguments.listing());
    }
  }

  void a_token_is_of_one_replica_and_incarnation() {
    Arguments arguments;
    arguments.token = arguments.token_behind_key("key");
    assert_refused(StatusCode::kRevisionGone, "the listing was begun at replica 1",
                   arguments.listing(cluster_of(2, 3)));
    assert_refused(StatusCode::kRevisionGone, "this replica has been started again",
                   arguments.listing(cluster_of(1, 4)));
    assert_refused(StatusCode::kInvalid, "the token is of a listing at one revision",
                   arguments.listing(kHere, false));
    arguments.one_page = true;
    arguments.token.clear();
    arguments.token = arguments.token_behind_key("key");
    assert_refused(StatusCode::kInvalid, "the token is of a page that was asked for with one_page",
                   arguments.listing());
  }

  void without_a_total_order_a_token_is_of_all_replicas() {
    Arguments arguments;
    arguments.token = arguments.token_behind_key("key", false);
    const Result<Listing> listing = arguments.listing(cluster_of(2, 9), false);
    CPPUNIT_ASSERT(listing.ok());
    CPPUNIT_ASSERT_EQUAL(Position{0}, listing.value().scan.at);
    CPPUNIT_ASSERT_EQUAL(std::string("key\0", 4), listing.value().scan.first);
  }

  void what_is_no_token_is_refused() {
    Arguments arguments;
    const std::string good = arguments.token_behind_key("key");
    const std::string none = "the token is none that a replica has given";
    for (std::size_t size = 1; size < good.size(); ++size) {
      arguments.token = good.substr(0, size);
      assert_refused(StatusCode::kInvalid, none, arguments.listing());
    }
    for (std::size_t at = 0; at < good.size(); ++at) {
      arguments.token = good;
      arguments.token[at] = static_cast<char>(arguments.token[at] ^ 0x10);
      assert_refused(StatusCode::kInvalid, none, arguments.listing());
    }
    // With a good checksum: bytes behind the end, another version, and nothing at all.
    for (const auto& [body, reason] :
         {std::pair<std::string, std::string>(good.substr(4) + std::string(4, '\0'), none),
          std::pair<std::string, std::string>(std::string("\0\0\0\1", 4) + good.substr(8),
                                              "the token is of another version of rkv"),
          std::pair<std::string, std::string>("", "the token is of another version of rkv")}) {
      const std::uint32_t checksum = crc32c(0, body);
      arguments.token.clear();
      append_uint32(arguments.token, checksum);
      arguments.token += body;
      assert_refused(StatusCode::kInvalid, reason, arguments.listing());
    }
  }

  void a_page_goes_out_as_it_is() {
    kv::ScanPage page;
    page.entries = {{"a", "value", 3, 10, 12}, {"b", "", 1, 11, 11}};
    page.count = 2;
    page.position = 42;
    const OutgoingPage outgoing(page, "token");
    std::string bytes(size_on_wire(page), '\0');
    XDR xdr;
    xdrmem_create(&xdr, bytes.data(), static_cast<u_int>(bytes.size()), XDR_ENCODE);
    CPPUNIT_ASSERT(xdr_kv_range_ok(&xdr, const_cast<kv_range_ok*>(&outgoing.wire())) != FALSE);
    bytes.resize(XDR_GETPOS(&xdr));
    std::string expected;
    append_uint32(expected, 2);
    for (const kv::ScannedEntry& each : page.entries) {
      append_opaque(expected, each.key);
      append_opaque(expected, each.value);
      for (const std::uint64_t number : {each.version, each.created, each.modified}) {
        append_uint64(expected, number);
      }
    }
    append_uint64(expected, 2);
    append_uint64(expected, 42);
    append_opaque(expected, "token");
    append_uint32(expected, 0);
    CPPUNIT_ASSERT(bytes == expected);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RangeCodecTest);

}  // namespace rkv::service
