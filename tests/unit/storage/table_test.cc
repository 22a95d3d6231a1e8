#include "storage/table.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "kv/history.h"
#include "kv/scan.h"

namespace rkv::storage {
namespace {

kv::Change put(const std::string& key, const std::string& value) {
  return {key, kv::Entry{value, 1, 1}};
}

class TableTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TableTest);
  CPPUNIT_TEST(what_was_changed_last_is_found);
  CPPUNIT_TEST(entries_are_in_the_order_of_the_keys);
  CPPUNIT_TEST(what_is_moved_to_finds_everything);
  CPPUNIT_TEST(is_what_a_map_is_under_many_changes);
  CPPUNIT_TEST(a_listing_is_of_one_state_and_little_is_kept_for_it);
  CPPUNIT_TEST_SUITE_END();

 public:
  void what_was_changed_last_is_found() {
    Table table;
    table.change({put("a", "1"), put("b", "2"), put("a", "3"), {"b", std::nullopt}});
    CPPUNIT_ASSERT_EQUAL(std::string("3"), table.find("a")->value);
    CPPUNIT_ASSERT(table.find("b") == nullptr);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, table.size());
  }

  void entries_are_in_the_order_of_the_keys() {
    Table table(7);
    table.append("a", {"1", 1, 1});
    table.append("c", {"3", 1, 1});
    table.change({put("b", "2"), put(std::string("a\0", 2), "0")});
    std::string keys;
    for (const auto& [key, entry] : table.entries()) keys += entry.value;
    CPPUNIT_ASSERT_EQUAL(std::string("1023"), keys);
    CPPUNIT_ASSERT_EQUAL(std::string("3"), table.find("c")->value);
  }

  void what_is_moved_to_finds_everything() {
    Table table;
    table.change({put("a", "1"), put("b", "2")});
    const Table moved(std::move(table));
    CPPUNIT_ASSERT_EQUAL(std::string("1"), moved.find("a")->value);
    CPPUNIT_ASSERT_EQUAL(std::string("2"), moved.find("b")->value);
  }

  void is_what_a_map_is_under_many_changes() {
    constexpr int kChanges = 20000;
    constexpr std::uint64_t kKeys = 300;
    Random random(1);
    Table table(random.next());
    std::map<std::string, std::string> expected;
    for (int i = 0; i < kChanges; ++i) {
      const std::string key = "key " + std::to_string(random.below(kKeys));
      if (random.below(3) == 0) {
        table.change({{key, std::nullopt}});
        expected.erase(key);
      } else {
        table.change({put(key, std::to_string(i))});
        expected[key] = std::to_string(i);
      }
      const kv::Entry* found = table.find(key);
      CPPUNIT_ASSERT_EQUAL(expected.contains(key), found != nullptr);
      CPPUNIT_ASSERT_EQUAL(expected.size(), table.size());
    }
    auto next = expected.begin();
    for (const auto& [key, entry] : table.entries()) {
      CPPUNIT_ASSERT_EQUAL(next->first, key);
      CPPUNIT_ASSERT_EQUAL(next->second, entry.value);
      CPPUNIT_ASSERT_EQUAL(next->second, table.find(key)->value);
      ++next;
    }
  }

  // As many writes while it goes on as there is room for, with keys of 16 and values of 64 bytes.
  void a_listing_is_of_one_state_and_little_is_kept_for_it() {
    constexpr std::uint64_t kKeys = 200'000;
    constexpr int kWritesAfterPage = 1'500;
    const auto key = [](std::uint64_t i) { return "key " + std::to_string(100'000'000'000 + i); };
    Table table(1);
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      table.append(key(i), {std::string(64, 'v'), 1, 1, 1});
    }
    kv::History history;
    Position position = 1;
    history.pin(position);
    kv::Scan scan;
    scan.at = position;
    Random random(3);
    std::uint64_t seen = 0;
    std::size_t bytes_most = 0;
    for (bool more = true; more;) {
      const kv::ScanPage page = kv::scan_entries(table.entries(), history, scan, position);
      CPPUNIT_ASSERT(!page.gone);
      for (const kv::ScannedEntry& entry : page.entries) {
        CPPUNIT_ASSERT_EQUAL(key(seen++), entry.key);
        CPPUNIT_ASSERT(entry.modified == 1 && entry.value.front() == 'v');
      }
      more = page.more;
      if (more) scan = kv::rest_of(scan, page);
      for (int i = 0; i < kWritesAfterPage; ++i) {
        const std::string written = key(random.below(kKeys));
        history.save(written, table.find(written), ++position);
        table.change({{written, kv::Entry{std::string(64, 'w'), 2, position, 1}}});
      }
      bytes_most = std::max(bytes_most, history.bytes());
    }
    CPPUNIT_ASSERT_EQUAL(kKeys, seen);
    CPPUNIT_ASSERT(bytes_most > kv::kHistoryBytesMax / 2 && bytes_most < kv::kHistoryBytesMax);
    history.unpin(1);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, history.bytes());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TableTest);

}  // namespace
}  // namespace rkv::storage
