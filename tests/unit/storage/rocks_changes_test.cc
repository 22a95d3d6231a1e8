#include "storage/rocks_changes.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace rkv::storage {
namespace {

using namespace std::string_literals;

kv::Change put(std::string key, std::string value, Position position) {
  return {std::move(key), kv::Entry{std::move(value), position + 100, position, position + 10}};
}

kv::ReplyChange keep(std::uint64_t sequence, Position position, SharedBytes told = nullptr) {
  return {{1, sequence},
          kv::Reply{{kv::Applied::Outcome::kOverLimit, 1, position, std::move(told)}, 1}};
}

SharedBytes bytes(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

bool same(const kv::Reply& one, const kv::Reply& other) {
  const kv::Applied& a = one.applied;
  const kv::Applied& b = other.applied;
  return a.outcome == b.outcome && a.version == b.version && a.position == b.position &&
         (a.told == nullptr) == (b.told == nullptr) && (a.told == nullptr || *a.told == *b.told) &&
         one.first_outstanding == other.first_outstanding;
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
  CPPUNIT_TEST(what_is_told_belongs_to_its_reply);
  CPPUNIT_TEST(the_last_epoch_counts);
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
                        std::to_string(change.position) + "," + std::to_string(change.created) +
                        ";";
    }
    CPPUNIT_ASSERT_EQUAL(
        "a removed;a\0=,104,4,14;b=second,106,6,16;gone removed;\xFF=last,102,2,12;"s, text);
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
    CPPUNIT_ASSERT(last[1].id.sequence == 4 && same(*last[1].reply, *keep(4, 2).reply));
    CPPUNIT_ASSERT(last[2].id.sequence == 5 && same(*last[2].reply, *keep(5, 2).reply));
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

  // Also where it does not fit the buffer that the changes before it are in.
  void what_is_told_belongs_to_its_reply() {
    RocksChanges changes;
    changes.add(1, {put("key", "value", 1)});
    changes.add(keep(1, 1, bytes("one\0"s)), true);
    changes.add(keep(2, 1, bytes(std::string(1'000'000, 't'))), true);
    changes.add(keep(3, 1, bytes("first")), true);
    changes.add(keep(4, 1, bytes("goes")), false);
    changes.add(keep(5, 1, bytes("silent in the end")), true);
    changes.add(2, {put("key", "other", 2)});
    changes.add(keep(3, 2, bytes("last")), false);
    changes.add(drop(4), false);
    changes.add(keep(5, 2), false);
    const RocksChanges::LastChanges last = changes.last_changes();
    CPPUNIT_ASSERT(last.entries.size() == 1 && last.entries[0].value == "other");
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, last.replies.size());
    CPPUNIT_ASSERT(same(*last.replies[0].reply, *keep(1, 1, bytes("one\0"s)).reply));
    CPPUNIT_ASSERT(*last.replies[1].reply->applied.told == std::string(1'000'000, 't'));
    CPPUNIT_ASSERT(same(*last.replies[2].reply, *keep(3, 2, bytes("last")).reply));
    CPPUNIT_ASSERT(!last.replies[3].reply);
    CPPUNIT_ASSERT(same(*last.replies[4].reply, *keep(5, 2).reply));
  }

  void the_last_epoch_counts() {
    RocksChanges changes;
    changes.add(1, {});
    CPPUNIT_ASSERT(!changes.last_changes().epoch);
    changes.add_epoch(1);
    changes.add(2, {});
    changes.add_epoch(2);
    CPPUNIT_ASSERT(changes.last_changes().epoch == 2);
    RocksChanges later;
    later.add(3, {});
    changes.append(std::move(later));
    CPPUNIT_ASSERT(changes.last_changes().epoch == 2);
    RocksChanges last;
    last.add(4, {});
    last.add_epoch(3);
    changes.append(std::move(last));
    CPPUNIT_ASSERT(changes.last_changes().epoch == 3);
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
