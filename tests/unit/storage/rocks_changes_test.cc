#include "storage/rocks_changes.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace rkv::storage {
namespace {

using namespace std::string_literals;

kv::Change put(std::string key, std::string value, Position position) {
  return {std::move(key), kv::Entry{std::move(value), position + 100, position}};
}

kv::ReplyChange keep(std::uint64_t sequence, Position position) {
  return {{1, sequence}, kv::Reply{{kv::Applied::Outcome::kApplied, 1, position}, 1}};
}

kv::ReplyChange drop(std::uint64_t sequence) { return {{1, sequence}, std::nullopt}; }

void add(RocksChanges& changes, kv::Change change) {
  std::vector<kv::Change> one;
  one.push_back(std::move(change));
  changes.add(changes.position() + 1, one);
}

class RocksChangesTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RocksChangesTest);
  CPPUNIT_TEST(nothing_is_empty);
  CPPUNIT_TEST(last_change_of_each_key_in_order);
  CPPUNIT_TEST(last_change_of_each_reply_in_order);
  CPPUNIT_TEST(replies_that_came_and_went_are_left_out);
  CPPUNIT_TEST(what_is_appended_comes_later);
  CPPUNIT_TEST(any_sizes);
  CPPUNIT_TEST_SUITE_END();

  void nothing_is_empty() {
    RocksChanges changes;
    CPPUNIT_ASSERT(changes.empty());
    changes.add(7, {});
    CPPUNIT_ASSERT(!changes.empty() && changes.position() == 7);
    CPPUNIT_ASSERT(changes.last_changes().entries.empty());
    CPPUNIT_ASSERT(changes.last_changes().replies.empty());
  }

  void last_change_of_each_key_in_order() {
    RocksChanges changes;
    add(changes, put("b", "first", 1));
    add(changes, put("\xFF", "last", 2));
    add(changes, {"gone", std::nullopt});
    add(changes, put("a\0"s, "", 4));
    add(changes, put("a", "x", 5));
    add(changes, put("b", "second", 6));
    add(changes, {"a", std::nullopt});
    std::string text;
    for (const RocksChanges::LastChange& change : changes.last_changes().entries) {
      text.append(change.key);
      text += change.removed
                  ? " removed;"
                  : "=" + std::string(change.value) + "," + std::to_string(change.version) + "," +
                        std::to_string(change.position) + ";";
    }
    CPPUNIT_ASSERT_EQUAL("a removed;a\0=,104,4;b=second,106,6;gone removed;\xFF=last,102,2;"s,
                         text);
  }

  void last_change_of_each_reply_in_order() {
    RocksChanges changes;
    changes.add(1, {});
    changes.add(keep(5, 1), true);
    changes.add(drop(3), false);
    changes.add(2, {});
    changes.add(keep(5, 2), false);
    changes.add(keep(4, 2), false);
    const std::vector<kv::ReplyChange> last = changes.last_changes().replies;
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, last.size());
    CPPUNIT_ASSERT(last[0].id.sequence == 3 && !last[0].reply);
    CPPUNIT_ASSERT(last[1].id.sequence == 4 && last[1].reply == keep(4, 2).reply);
    CPPUNIT_ASSERT(last[2].id.sequence == 5 && last[2].reply == keep(5, 2).reply);
  }

  // But not if the database holds one from before.
  void replies_that_came_and_went_are_left_out() {
    RocksChanges changes;
    changes.add(1, {});
    changes.add(keep(1, 1), true);
    changes.add(drop(1), false);
    changes.add(keep(2, 1), false);  // in place of one that is there
    changes.add(drop(2), false);
    changes.add(drop(3), false);
    changes.add(keep(3, 1), true);
    changes.add(drop(3), false);
    changes.add(keep(4, 1), true);
    changes.add(drop(4), false);
    changes.add(keep(4, 1), true);
    const std::vector<kv::ReplyChange> last = changes.last_changes().replies;
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, last.size());
    CPPUNIT_ASSERT(last[0].id.sequence == 2 && !last[0].reply);
    CPPUNIT_ASSERT(last[1].id.sequence == 3 && !last[1].reply);
    CPPUNIT_ASSERT(last[2].id.sequence == 4 && last[2].reply);
  }

  void what_is_appended_comes_later() {
    RocksChanges changes;
    changes.add(1, {put("a", "first", 1), put("b", "stays", 1)});
    RocksChanges later;
    later.add(2, {put("a", "second", 2)});
    changes.append(std::move(later));
    CPPUNIT_ASSERT(changes.position() == 2);
    const RocksChanges::LastChanges last = changes.last_changes();
    CPPUNIT_ASSERT(last.entries.at(0).value == "second" && last.entries.at(1).value == "stays");
  }

  void any_sizes() {
    Random random(3);
    RocksChanges changes;
    std::map<std::string, std::optional<std::string>> expected;
    for (int i = 0; i < 3000; ++i) {
      const std::string key(1 + random.below(1024), static_cast<char>('a' + random.below(20)));
      if (random.below(4) == 0) {
        add(changes, {key, std::nullopt});
        expected[key] = std::nullopt;
      } else {
        const std::string value(random.below(i % 100 == 0 ? 1048576 : 3000), 'v');
        add(changes, put(key, value, 1));
        expected[key] = value;
      }
    }
    const RocksChanges::LastChanges last = changes.last_changes();
    CPPUNIT_ASSERT_EQUAL(expected.size(), last.entries.size());
    auto it = expected.begin();
    for (const RocksChanges::LastChange& change : last.entries) {
      CPPUNIT_ASSERT(change.key == it->first && change.removed == !it->second.has_value());
      CPPUNIT_ASSERT(change.removed || change.value == *it->second);
      ++it;
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RocksChangesTest);

}  // namespace
}  // namespace rkv::storage
