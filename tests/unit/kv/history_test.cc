#include "kv/history.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/random.h"

namespace rkv::kv {
namespace {

using State = std::map<std::string, Entry>;

const Entry* find(const State& state, const std::string& key) {
  const auto found = state.find(key);
  return found == state.end() ? nullptr : &found->second;
}

// Entries that change under a history, and every state that was pinned, as a whole.
class World {
 public:
  explicit World(History& history) : history_(history) {}

  void put(const std::string& key, const std::string& value) {
    save(key);
    now_[key] = Entry{value, 1, position_, position_};
  }
  void remove(const std::string& key) {
    save(key);
    now_.erase(key);
  }
  Position pin() {
    history_.pin(position_);
    pinned_[position_] = now_;
    ++pins_[position_];
    return position_;
  }
  void unpin(Position at) {
    history_.unpin(at);
    if (--pins_[at] > 0) return;
    pins_.erase(at);
    pinned_.erase(at);
  }

  Position position() const { return position_; }
  const std::map<Position, State>& pinned() const { return pinned_; }
  const Entry* find_now(const std::string& key) const { return find(now_, key); }
  // Whether the history and what is there now tell what was pinned, of each of the keys.
  void assert_all_found(const std::set<std::string>& keys) const {
    for (const auto& [at, state] : pinned_) {
      CPPUNIT_ASSERT(history_.keeps(at));
      for (const std::string& key : keys) assert_found(at, key, find(state, key));
    }
  }
  // How many versions somebody needs: the first one of each key above each pin.
  std::size_t needed() const {
    std::set<std::pair<std::string, Position>> versions;
    for (const auto& [at, state] : pinned_) {
      for (const auto& [key, positions] : changed_) {
        const auto first = positions.upper_bound(at);
        if (first != positions.end()) versions.emplace(key, *first);
      }
    }
    return versions.size();
  }

 private:
  void save(const std::string& key) {
    ++position_;
    changed_[key].insert(position_);
    if (history_.wants_changes()) history_.save(key, find(now_, key), position_);
  }
  void assert_found(Position at, const std::string& key, const Entry* expected) const {
    const std::optional<Entry>* saved = history_.find(key, at);
    const Entry* found = find(now_, key);
    if (saved != nullptr) found = *saved ? &**saved : nullptr;
    CPPUNIT_ASSERT_EQUAL(expected != nullptr, found != nullptr);
    CPPUNIT_ASSERT(expected == nullptr || *expected == *found);
  }

  History& history_;
  State now_;
  Position position_ = 1;
  std::map<Position, State> pinned_;
  std::map<Position, int> pins_;
  std::map<std::string, std::set<Position>> changed_;  // where each key was
};

class HistoryTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(HistoryTest);
  CPPUNIT_TEST(keeps_nothing_that_is_not_pinned);
  CPPUNIT_TEST(what_was_there_is_found);
  CPPUNIT_TEST(what_was_not_there_is_found_missing);
  CPPUNIT_TEST(a_key_that_is_written_often_is_kept_once);
  CPPUNIT_TEST(each_pin_has_its_unpin);
  CPPUNIT_TEST(a_version_goes_to_the_pin_before);
  CPPUNIT_TEST(what_was_passed_is_not_kept);
  CPPUNIT_TEST(what_was_passed_at_one_pin_is_kept_for_another);
  CPPUNIT_TEST(all_pins_go_when_there_is_no_room);
  CPPUNIT_TEST(large_values_count);
  CPPUNIT_TEST(versions_are_in_the_order_of_the_keys);
  CPPUNIT_TEST(is_what_whole_states_are_under_many_changes);
  CPPUNIT_TEST_SUITE_END();

  void what_was_passed_is_not_kept() {
    History history;
    const Entry entry{"value", 1, 1, 1};
    history.pin(5);
    history.pass(5, "m", false);
    history.save("a", &entry, 6);
    CPPUNIT_ASSERT(history.versions().empty());
    history.save("m", &entry, 7);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, history.versions().size());
    CPPUNIT_ASSERT(history.keeps(5) && history.keeps(5, "m", ""));
    CPPUNIT_ASSERT(!history.keeps(5, "", "") && !history.keeps(5, "a", "b"));
    history.pass(5, "b", false);  // it does not go back
    CPPUNIT_ASSERT(!history.keeps(5, "c", ""));
    history.unpin(5);

    history.pin(7);
    history.pass(7, "m", true);
    history.save("z", &entry, 8);
    CPPUNIT_ASSERT(history.versions().empty());
    CPPUNIT_ASSERT(history.keeps(7, "", "m") && history.keeps(7, "a", "b"));
    CPPUNIT_ASSERT(!history.keeps(7, "", "") && !history.keeps(7, "a", "n"));
  }

  void what_was_passed_at_one_pin_is_kept_for_another() {
    History history;
    const Entry entry{"value", 1, 1, 1};
    history.pin(5);
    history.pass(5, "m", false);
    history.pin(5);  // a second listing begins at the state that has not changed since
    CPPUNIT_ASSERT(history.keeps(5, "", ""));
    history.pass(5, "m", false);
    history.pin(6);
    history.save("a", &entry, 7);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, history.versions().size());
    CPPUNIT_ASSERT(*history.find("a", 6) == entry);
  }

  void keeps_nothing_that_is_not_pinned() {
    History history;
    CPPUNIT_ASSERT(!history.wants_changes() && !history.keeps(0) && !history.keeps(1));
    history.save("key", nullptr, 1);
    CPPUNIT_ASSERT(history.versions().empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, history.bytes());
    history.unpin(7);
    CPPUNIT_ASSERT(!history.wants_changes());
  }

  void what_was_there_is_found() {
    History history;
    World world(history);
    world.put("a", "1");
    const Position at = world.pin();
    CPPUNIT_ASSERT(history.keeps(at) && history.wants_changes());
    CPPUNIT_ASSERT(history.find("a", at) == nullptr);
    world.put("a", "2");
    CPPUNIT_ASSERT((**history.find("a", at) == Entry{"1", 1, 2, 2}));
    CPPUNIT_ASSERT(history.find("", at) == nullptr && history.find("a\0", at) != nullptr);
    CPPUNIT_ASSERT(history.find("b", at) == nullptr);
  }

  void what_was_not_there_is_found_missing() {
    History history;
    World world(history);
    const Position at = world.pin();
    world.put("a", "1");
    CPPUNIT_ASSERT(history.find("a", at) != nullptr && !*history.find("a", at));
    world.remove("a");
    CPPUNIT_ASSERT(history.find("a", at) != nullptr && !*history.find("a", at));
  }

  void a_key_that_is_written_often_is_kept_once() {
    History history;
    World world(history);
    world.put("a", "1");
    world.pin();
    world.put("a", "2");
    const std::size_t bytes = history.bytes();
    CPPUNIT_ASSERT(bytes > 0);
    for (int i = 0; i < 1000; ++i) world.put("a", std::to_string(i));
    CPPUNIT_ASSERT_EQUAL(bytes, history.bytes());
    world.pin();
    for (int i = 0; i < 1000; ++i) world.put("a", std::to_string(i));
    CPPUNIT_ASSERT_EQUAL(2 * bytes, history.bytes());
    world.assert_all_found({"a"});
  }

  void each_pin_has_its_unpin() {
    History history;
    World world(history);
    const Position at = world.pin();
    world.pin();
    world.put("a", "1");
    history.unpin(at);
    CPPUNIT_ASSERT(history.keeps(at) && history.find("a", at) != nullptr);
    history.unpin(at + 1);
    CPPUNIT_ASSERT(history.keeps(at));
    history.unpin(at);
    CPPUNIT_ASSERT(!history.keeps(at) && !history.wants_changes());
    CPPUNIT_ASSERT(history.versions().empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, history.bytes());
    history.unpin(at);
  }

  void a_version_goes_to_the_pin_before() {
    History history;
    World world(history);
    const Position first = world.pin();
    world.put("both", "1");
    const Position second = world.pin();
    world.put("both", "2");
    world.put("later", "2");
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, history.versions().size());
    world.unpin(second);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, history.versions().size());
    world.assert_all_found({"both", "later"});
    world.put("later", "3");
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, history.versions().size());
    world.unpin(first);
    CPPUNIT_ASSERT(history.versions().empty());
  }

  void all_pins_go_when_there_is_no_room() {
    constexpr std::size_t kBytesMax = 10'000;
    History history(kBytesMax);
    World world(history);
    const Position first = world.pin();
    world.put("a", "1");
    const Position second = world.pin();
    int puts = 0;
    std::size_t most = 0;
    for (; history.wants_changes(); ++puts) {
      most = history.bytes();
      world.put("key " + std::to_string(puts), "value");
    }
    CPPUNIT_ASSERT(puts > 20 && puts < 100);
    CPPUNIT_ASSERT(most > kBytesMax * 9 / 10 && most <= kBytesMax);
    CPPUNIT_ASSERT(!history.keeps(first) && !history.keeps(second));
    CPPUNIT_ASSERT(history.versions().empty() && history.bytes() == 0);
    history.unpin(first);
    history.unpin(second);
    history.pin(world.position());
    CPPUNIT_ASSERT(history.keeps(world.position()));
  }

  void large_values_count() {
    History history(10'000);
    World world(history);
    world.put("key", std::string(9'000, 'v'));
    world.put("larger", std::string(10'000, 'v'));
    world.pin();
    world.put("key", "");
    CPPUNIT_ASSERT(history.bytes() > 9'000 && history.wants_changes());
    world.put("larger", "");
    CPPUNIT_ASSERT(!history.wants_changes());
  }

  void versions_are_in_the_order_of_the_keys() {
    History history;
    World world(history);
    world.pin();
    world.put("b", "");
    world.put("\xFF", "");
    world.put(std::string("a\0", 2), "");
    world.put("a", "");
    world.pin();
    world.put("a", "");
    std::string keys;
    for (const auto& [version, entry] : history.versions()) {
      keys += version.key + std::to_string(version.changed_at);
    }
    CPPUNIT_ASSERT_EQUAL(std::string("a5a6a\0004b2\xFF"
                                     "3",
                                     11),
                         keys);
  }

  void is_what_whole_states_are_under_many_changes() {
    Random random(11);
    std::set<std::string> keys;
    for (int i = 0; i < 12; ++i) keys.insert("key " + std::to_string(i));
    for (int round = 0; round < 300; ++round) {
      History history;
      World world(history);
      for (int i = 0; i < 100; ++i) {
        const std::string key = "key " + std::to_string(random.below(keys.size()));
        const std::uint64_t what = random.below(10);
        if (what < 4) {
          world.put(key, std::string(random.below(40), 'v'));
        } else if (what < 6) {
          world.remove(key);
        } else if (what < 8) {
          world.pin();
        } else if (!world.pinned().empty()) {
          auto pinned = world.pinned().begin();
          std::advance(pinned, static_cast<std::ptrdiff_t>(random.below(world.pinned().size())));
          world.unpin(pinned->first);
        }
        CPPUNIT_ASSERT_EQUAL(world.needed(), history.versions().size());
        CPPUNIT_ASSERT_EQUAL(world.needed() == 0, history.bytes() == 0);
        if (i % 10 == 0) world.assert_all_found(keys);
      }
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HistoryTest);

}  // namespace
}  // namespace rkv::kv
