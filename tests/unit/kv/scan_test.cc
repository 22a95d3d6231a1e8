#include "kv/scan.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "kv/history.h"

namespace rkv::kv {
namespace {

using namespace std::string_literals;

// The entries of a range, one after another, as a scan without limits would find them.
std::vector<ScannedEntry> range_of(const EntryMap& state, const Scan& scan) {
  std::vector<ScannedEntry> result;
  for (const auto& [key, entry] : state) {
    if (key < scan.first || (!scan.end.empty() && key >= scan.end)) continue;
    result.push_back({key, scan.what == Scan::What::kKeys ? "" : entry.value, entry.version,
                      entry.created, entry.position});
  }
  if (scan.reverse) std::reverse(result.begin(), result.end());
  return result;
}

class ScanTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ScanTest);
  CPPUNIT_TEST(an_empty_state_has_one_empty_page);
  CPPUNIT_TEST(a_range_is_half_open);
  CPPUNIT_TEST(an_entry_has_everything);
  CPPUNIT_TEST(reverse_begins_at_the_end);
  CPPUNIT_TEST(a_page_has_so_many_entries);
  CPPUNIT_TEST(a_page_has_so_many_bytes);
  CPPUNIT_TEST(the_first_entry_is_taken_whatever_its_size);
  CPPUNIT_TEST(keys_alone_and_counts);
  CPPUNIT_TEST(a_pinned_state_stays_as_it_was);
  CPPUNIT_TEST(what_is_not_pinned_is_gone);
  CPPUNIT_TEST(what_was_not_there_ends_a_page_early);
  CPPUNIT_TEST(a_page_costs_what_it_covers);
  CPPUNIT_TEST(is_what_whole_states_are_under_many_changes);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    entries_.clear();
    history_.emplace();
    position_ = 0;
  }

 private:
  void put(const std::string& key, const std::string& value) {
    ++position_;
    const auto found = entries_.find(key);
    const Entry* before = found == entries_.end() ? nullptr : &found->second;
    history_->save(key, before, position_);
    const Position created = before == nullptr ? position_ : before->created;
    const std::uint64_t version = before == nullptr ? 1 : before->version + 1;
    entries_.insert_or_assign(key, Entry{value, version, position_, created});
  }
  void remove(const std::string& key) {
    ++position_;
    const auto found = entries_.find(key);
    history_->save(key, found == entries_.end() ? nullptr : &found->second, position_);
    if (found != entries_.end()) entries_.erase(found);
  }
  Position pin() {
    history_->pin(position_);
    return position_;
  }
  ScanPage read(const Scan& scan) const {
    return scan_entries(entries_, *history_, scan, position_);
  }
  // The keys of a page, with a comma behind each and "..." where there are more.
  std::string keys(const Scan& scan) const {
    const ScanPage page = read(scan);
    CPPUNIT_ASSERT(!page.gone);
    CPPUNIT_ASSERT_EQUAL(page.entries.size(), static_cast<std::size_t>(page.count));
    std::string text;
    for (const ScannedEntry& entry : page.entries) text += entry.key + ",";
    return page.more ? text + "..." : text;
  }

  void an_empty_state_has_one_empty_page() {
    const ScanPage page = read({});
    CPPUNIT_ASSERT(page.entries.empty() && page.count == 0 && !page.more && !page.gone);
    CPPUNIT_ASSERT(page.position == 0);
  }

  void a_range_is_half_open() {
    for (const char* key : {"a", "b", "ba", "c"}) put(key, "");
    CPPUNIT_ASSERT_EQUAL("a,b,ba,c,"s, keys({}));
    CPPUNIT_ASSERT_EQUAL("b,ba,"s, keys({.first = "b", .end = "c"}));
    CPPUNIT_ASSERT_EQUAL("ba,c,"s, keys({.first = "b\0"s, .end = ""}));
    CPPUNIT_ASSERT_EQUAL("a,b,"s, keys({.first = "", .end = "b\0"s}));
    CPPUNIT_ASSERT_EQUAL(""s, keys({.first = "d", .end = ""}));
    for (const bool reverse : {false, true}) {
      CPPUNIT_ASSERT_EQUAL(""s, keys({.first = "b", .end = "b", .reverse = reverse}));
      CPPUNIT_ASSERT_EQUAL(""s, keys({.first = "c", .end = "a", .reverse = reverse}));
    }
  }

  void an_entry_has_everything() {
    put("a", "1");
    put("a", "2");
    const ScanPage page = read({});
    CPPUNIT_ASSERT(page.entries.size() == 1 && page.last == "a" && page.position == 2);
    CPPUNIT_ASSERT((page.entries[0] == ScannedEntry{"a", "2", 2, 1, 2}));
  }

  void reverse_begins_at_the_end() {
    for (const char* key : {"a", "b", "ba", "c"}) put(key, "");
    CPPUNIT_ASSERT_EQUAL("c,ba,b,a,"s, keys({.first = "", .end = "", .reverse = true}));
    CPPUNIT_ASSERT_EQUAL("ba,b,"s, keys({.first = "b", .end = "c", .reverse = true}));
    Scan scan = {.first = "b", .end = "", .reverse = true, .entries_max = 2};
    CPPUNIT_ASSERT_EQUAL("c,ba,..."s, keys(scan));
    CPPUNIT_ASSERT_EQUAL("b,"s, keys(rest_of(scan, read(scan))));
  }

  void a_page_has_so_many_entries() {
    for (const char* key : {"a", "b", "c"}) put(key, "");
    CPPUNIT_ASSERT_EQUAL("a,b,c,"s, keys({.first = "", .end = "", .entries_max = 3}));
    const Scan scan = {.first = "", .end = "", .entries_max = 2};
    CPPUNIT_ASSERT_EQUAL("a,b,..."s, keys(scan));
    const ScanPage page = read(scan);
    CPPUNIT_ASSERT_EQUAL("b"s, page.last);
    CPPUNIT_ASSERT_EQUAL("c,"s, keys(rest_of(scan, page)));
  }

  void a_page_has_so_many_bytes() {
    for (const char* key : {"a", "b", "c"}) put(key, "12345");
    CPPUNIT_ASSERT_EQUAL("a,b,c,"s, keys({.first = "", .end = "", .size_max = 18}));
    CPPUNIT_ASSERT_EQUAL("a,b,..."s, keys({.first = "", .end = "", .size_max = 17}));
    CPPUNIT_ASSERT_EQUAL("a,b,..."s, keys({.first = "", .end = "", .size_max = 12}));
    CPPUNIT_ASSERT_EQUAL("a,..."s, keys({.first = "", .end = "", .size_max = 11}));
    CPPUNIT_ASSERT_EQUAL("a,b,..."s,
                         keys({.first = "", .end = "", .what = Scan::What::kKeys, .size_max = 2}));
  }

  void the_first_entry_is_taken_whatever_its_size() {
    put("a", std::string(100, 'v'));
    put("b", "");
    put("c", std::string(100, 'v'));
    for (const std::size_t size : {0U, 1U, 50U, 101U}) {
      CPPUNIT_ASSERT_EQUAL("a,..."s, keys({.first = "", .end = "", .size_max = size}));
    }
    CPPUNIT_ASSERT_EQUAL("a,b,..."s, keys({.first = "", .end = "", .size_max = 102}));
  }

  void keys_alone_and_counts() {
    for (const char* key : {"a", "b", "c"}) put(key, "12345");
    ScanPage page = read({.first = "", .end = "", .what = Scan::What::kKeys});
    CPPUNIT_ASSERT(page.count == 3 && page.entries.size() == 3 && page.last == "c");
    CPPUNIT_ASSERT((page.entries[1] == ScannedEntry{"b", "", 1, 2, 2}));
    page = read({.first = "", .end = "", .what = Scan::What::kCount, .size_max = 0});
    CPPUNIT_ASSERT(page.count == 3 && page.entries.empty() && !page.more);
    page = read({.first = "", .end = "", .what = Scan::What::kCount, .entries_max = 2});
    CPPUNIT_ASSERT(page.count == 2 && page.more && page.last == "b");
  }

  void a_pinned_state_stays_as_it_was() {
    for (const char* key : {"b", "c", "d"}) put(key, "before");
    const Position at = pin();
    put("c", "after");
    remove("b");
    remove("d");
    put("a", "after");
    put("bb", "after");
    put("e", "after");
    remove("e");
    CPPUNIT_ASSERT_EQUAL("a,bb,c,"s, keys({}));
    const ScanPage page = read({.first = "", .end = "", .at = at});
    CPPUNIT_ASSERT(page.position == at);
    const std::vector<ScannedEntry> expected = {
        {"b", "before", 1, 1, 1}, {"c", "before", 1, 2, 2}, {"d", "before", 1, 3, 3}};
    CPPUNIT_ASSERT(page.entries == expected);
    CPPUNIT_ASSERT_EQUAL("d,c,b,"s, keys({.first = "", .end = "", .reverse = true, .at = at}));
    CPPUNIT_ASSERT_EQUAL("c,"s, keys({.first = "bb", .end = "d", .at = at}));
    CPPUNIT_ASSERT_EQUAL("b,..."s, keys({.first = "", .end = "", .entries_max = 1, .at = at}));
    CPPUNIT_ASSERT_EQUAL("d,"s, keys({.first = "d", .end = "", .entries_max = 1, .at = at}));
  }

  void what_is_not_pinned_is_gone() {
    put("a", "1");
    CPPUNIT_ASSERT(read({.first = "", .end = "", .at = 1}).gone);
    pin();
    CPPUNIT_ASSERT(!read({.first = "", .end = "", .at = 1}).gone);
    history_->unpin(1);
    const ScanPage page = read({.first = "", .end = "", .at = 1});
    CPPUNIT_ASSERT(page.gone && page.entries.empty() && !page.more);
  }

  // Keys that have come since: a page passes over so many, and the next one goes on.
  void what_was_not_there_ends_a_page_early() {
    put("first", "");
    put("last", "");
    const Position at = pin();
    for (std::size_t i = 0; i < 3 * kScanSkipsMax; ++i) put("in between " + std::to_string(i), "");
    for (const bool reverse : {false, true}) {
      Scan scan = {.first = "", .end = "", .reverse = reverse, .entries_max = 1, .at = at};
      std::string found;
      std::size_t pages = 0;
      for (bool more = true; more; ++pages) {
        const ScanPage page = read(scan);
        CPPUNIT_ASSERT(page.entries.size() <= 1);
        if (page.count == 1) found += page.entries[0].key + ",";
        more = page.more;
        if (more) scan = rest_of(scan, page);
      }
      CPPUNIT_ASSERT_EQUAL(reverse ? "last,first,"s : "first,last,"s, found);
      CPPUNIT_ASSERT(pages > 3 && pages < 8);
    }
  }

  // What is elsewhere is not gone through: with it, these many pages would not end for minutes.
  void a_page_costs_what_it_covers() {
    constexpr int kKeys = 20'000;
    const auto key = [](int i) { return std::to_string(1'000'000 + i); };
    for (int i = 0; i < kKeys; ++i) put(key(i), "before");
    const Position at = pin();
    for (int i = 0; i < kKeys; ++i) put(key(i), "after");
    CPPUNIT_ASSERT(history_->keeps(at));
    for (const bool reverse : {false, true}) {
      Scan scan = {.first = "", .end = "", .reverse = reverse, .entries_max = 1, .at = at};
      for (int i = 0; i < kKeys; ++i) {
        const ScanPage page = read(scan);
        CPPUNIT_ASSERT(page.count == 1 && page.entries[0].value == "before");
        CPPUNIT_ASSERT(page.entries[0].key == key(reverse ? kKeys - 1 - i : i));
        CPPUNIT_ASSERT_EQUAL(i + 1 < kKeys, page.more);
        if (page.more) scan = rest_of(scan, page);
      }
    }
  }

  static std::string random_key(Random& random) {
    std::string key(1 + random.below(3), 'a');
    for (char& each : key) each = "\0ab\xFF"[random.below(4)];
    return key;
  }

  void random_change(Random& random) {
    const std::string key = random_key(random);
    if (random.below(3) == 0) {
      remove(key);
    } else {
      put(key, std::string(random.below(20), 'v'));
    }
  }

  static Scan random_scan(Random& random, Position at) {
    Scan scan;
    if (random.below(2) == 0) scan.first = random_key(random);
    if (random.below(2) == 0) scan.end = random_key(random);
    scan.reverse = random.below(2) == 0;
    scan.what = static_cast<Scan::What>(random.below(3));
    scan.entries_max = 1 + random.below(12);
    scan.size_max = random.below(4) == 0 ? random.below(60) : kPageSizeMax;
    scan.at = at;
    return scan;
  }

  // Reads all pages of a scan, with changes between them where it reads a pinned state.
  void assert_reads(Random& random, Scan scan, const EntryMap& state) {
    const std::vector<ScannedEntry> expected = range_of(state, scan);
    std::vector<ScannedEntry> found;
    std::uint64_t count = 0;
    for (bool more = true; more;) {
      const ScanPage page = read(scan);
      CPPUNIT_ASSERT(!page.gone && (page.count > 0) == (count < expected.size()));
      CPPUNIT_ASSERT(page.position == (scan.at == 0 ? position_ : scan.at));
      assert_is_full(scan, page, expected, count);
      count += page.count;
      found.insert(found.end(), page.entries.begin(), page.entries.end());
      CPPUNIT_ASSERT_EQUAL(count < expected.size(), page.more);
      more = page.more;
      if (more) CPPUNIT_ASSERT_EQUAL(expected.at(count - 1).key, page.last);
      if (more) scan = rest_of(scan, page);
      if (scan.at != 0 && random.below(2) == 0) random_change(random);
    }
    CPPUNIT_ASSERT_EQUAL(expected.size(), static_cast<std::size_t>(count));
    if (scan.what == Scan::What::kCount) {
      CPPUNIT_ASSERT(found.empty());
    } else {
      CPPUNIT_ASSERT(found == expected);
    }
  }

  // Whether the limits are kept, and the next entry would have broken one.
  static void assert_is_full(const Scan& scan, const ScanPage& page,
                             const std::vector<ScannedEntry>& expected, std::uint64_t from) {
    CPPUNIT_ASSERT(page.count <= scan.entries_max);
    if (scan.what == Scan::What::kCount) {
      CPPUNIT_ASSERT(!page.more || page.count == scan.entries_max);
      return;
    }
    std::size_t size = 0;
    for (const ScannedEntry& entry : page.entries) size += entry.key.size() + entry.value.size();
    CPPUNIT_ASSERT(size <= scan.size_max || page.count == 1);
    if (!page.more) return;
    const ScannedEntry& next = expected.at(from + page.count);
    CPPUNIT_ASSERT(page.count == scan.entries_max ||
                   size + next.key.size() + next.value.size() > scan.size_max);
  }

  void is_what_whole_states_are_under_many_changes() {
    Random random(5);
    for (int round = 0; round < 400; ++round) {
      setUp();
      std::map<Position, EntryMap> pinned;
      for (int i = 0; i < 60; ++i) random_change(random);
      for (int i = 0; i < 30; ++i) {
        random_change(random);
        if (random.below(4) == 0) pinned.emplace(pin(), entries_);
        if (random.below(6) == 0 && !pinned.empty()) {
          history_->unpin(pinned.begin()->first);
          pinned.erase(pinned.begin());
        }
        assert_reads(random, random_scan(random, 0), EntryMap(entries_));
        for (const auto& [at, state] : pinned) {
          assert_reads(random, random_scan(random, at), state);
        }
      }
    }
  }

  EntryMap entries_;
  std::optional<History> history_;
  Position position_ = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ScanTest);

}  // namespace
}  // namespace rkv::kv
