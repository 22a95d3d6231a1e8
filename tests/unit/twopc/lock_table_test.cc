#include "twopc/lock_table.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "transactions.h"

namespace rkv::twopc {
namespace {

using Result = LockTable::Result;
using Keys = std::vector<std::string>;

// The claim of this age: the lower, the older.
Claim aged(std::uint64_t clock) { return {{clock, kSecond}, {kSecond, kIncarnation, clock}}; }

class LockTableTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LockTableTest);
  CPPUNIT_TEST(a_free_key_is_granted);
  CPPUNIT_TEST(an_older_one_waits_for_a_younger_holder);
  CPPUNIT_TEST(a_younger_one_dies_and_leaves_nothing_behind);
  CPPUNIT_TEST(of_equal_clocks_the_lower_replica_is_older);
  CPPUNIT_TEST(who_holds_nothing_waits_for_an_older_holder);
  CPPUNIT_TEST(a_younger_one_dies_behind_an_older_waiter);
  CPPUNIT_TEST(who_holds_nothing_waits_behind_an_older_waiter);
  CPPUNIT_TEST(an_ending_holder_may_be_waited_for);
  CPPUNIT_TEST(behind_an_ending_holder_the_older_waiter_still_kills);
  CPPUNIT_TEST(several_keys_are_had_all_or_none);
  CPPUNIT_TEST(one_key_with_an_older_holder_is_enough_to_die);
  CPPUNIT_TEST(the_oldest_waiter_is_woken_first_and_kills_the_younger);
  CPPUNIT_TEST(waiters_that_hold_nothing_are_woken_one_after_the_other);
  CPPUNIT_TEST(waiters_of_different_keys_are_woken_together);
  CPPUNIT_TEST(a_death_frees_whoever_waited_behind_it);
  CPPUNIT_TEST(a_waiter_that_goes_frees_whoever_waited_behind_it);
  CPPUNIT_TEST(after_a_restart_locks_are_taken_without_asking);
  CPPUNIT_TEST(nothing_is_left_of_who_has_gone);
  CPPUNIT_TEST(whatever_comes_nobody_waits_for_an_older_one);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    locks_.clear();
    keys_.clear();
    woken_ = {};
    asked_.clear();
  }

  void a_free_key_is_granted() {
    CPPUNIT_ASSERT(locks_.holder("a") == nullptr);
    CPPUNIT_ASSERT(acquire(5, {"a"}) == Result::kGranted);
    CPPUNIT_ASSERT(is_held_by("a", 5) && locks_.knows(aged(5)));
    CPPUNIT_ASSERT(woken_.granted.empty() && woken_.died.empty());
  }

  void an_older_one_waits_for_a_younger_holder() {
    acquire(5, {"a"});
    CPPUNIT_ASSERT(acquire(4, {"a"}) == Result::kWaits);
    CPPUNIT_ASSERT(is_held_by("a", 5) && locks_.knows(aged(4)));
    release(5);
    CPPUNIT_ASSERT(is_held_by("a", 4) && woken_.granted == claims({4}));
  }

  void a_younger_one_dies_and_leaves_nothing_behind() {
    acquire(5, {"a"});
    CPPUNIT_ASSERT(acquire(6, {"a"}) == Result::kDies);
    CPPUNIT_ASSERT(!locks_.knows(aged(6)));
    release(5);
    CPPUNIT_ASSERT(locks_.holder("a") == nullptr && woken_.granted.empty());
  }

  void of_equal_clocks_the_lower_replica_is_older() {
    const Claim second{{5, kSecond}, {kSecond, 1, 1}};
    const Claim third{{5, kThird}, {kThird, 1, 1}};
    CPPUNIT_ASSERT(locks_.acquire(second, kept({"a"}), false, woken_) == Result::kGranted);
    CPPUNIT_ASSERT(locks_.acquire(third, kept({"a"}), false, woken_) == Result::kDies);
    locks_.clear();
    CPPUNIT_ASSERT(locks_.acquire(third, kept({"a"}), false, woken_) == Result::kGranted);
    CPPUNIT_ASSERT(locks_.acquire(second, kept({"a"}), false, woken_) == Result::kWaits);
  }

  void who_holds_nothing_waits_for_an_older_holder() {
    acquire(5, {"a"});
    CPPUNIT_ASSERT(acquire_with_nothing(6, {"a"}) == Result::kWaits);
    release(5);
    CPPUNIT_ASSERT(is_held_by("a", 6) && woken_.granted == claims({6}));
  }

  void a_younger_one_dies_behind_an_older_waiter() {
    acquire(9, {"a"});
    acquire(4, {"a"});
    CPPUNIT_ASSERT(acquire(5, {"a"}) == Result::kDies);  // though it is older than the holder
    CPPUNIT_ASSERT(acquire(3, {"a"}) == Result::kWaits);
  }

  void who_holds_nothing_waits_behind_an_older_waiter() {
    acquire(9, {"a"});
    acquire(4, {"a"});
    CPPUNIT_ASSERT(acquire_with_nothing(5, {"a"}) == Result::kWaits);
    release(9);
    CPPUNIT_ASSERT(is_held_by("a", 4) && woken_.died.empty());
    release(4);
    CPPUNIT_ASSERT(is_held_by("a", 5));
  }

  void an_ending_holder_may_be_waited_for() {
    acquire(3, {"a"});
    locks_.is_ending(aged(3));
    CPPUNIT_ASSERT(acquire(5, {"a"}) == Result::kWaits);
    release(3);
    CPPUNIT_ASSERT(is_held_by("a", 5) && woken_.granted == claims({5}));
  }

  void behind_an_ending_holder_the_older_waiter_still_kills() {
    acquire(3, {"a"});
    locks_.is_ending(aged(3));
    acquire(5, {"a"});
    CPPUNIT_ASSERT(acquire(6, {"a"}) == Result::kDies);
    CPPUNIT_ASSERT(acquire(4, {"a"}) == Result::kWaits);
    release(3);
    CPPUNIT_ASSERT(is_held_by("a", 4));
    CPPUNIT_ASSERT(woken_.granted == claims({4}) && woken_.died == claims({5}));
  }

  void several_keys_are_had_all_or_none() {
    acquire(8, {"a"});
    acquire(9, {"b"});
    CPPUNIT_ASSERT(acquire(5, {"a", "b", "c"}) == Result::kWaits);
    release(8);
    CPPUNIT_ASSERT(woken_.granted.empty());
    CPPUNIT_ASSERT(locks_.holder("a") == nullptr && locks_.holder("c") == nullptr);
    release(9);
    CPPUNIT_ASSERT(woken_.granted == claims({5}));
    for (const char* key : {"a", "b", "c"}) CPPUNIT_ASSERT(is_held_by(key, 5));
    release(5);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, locks_.keys());
  }

  void one_key_with_an_older_holder_is_enough_to_die() {
    acquire(8, {"a"});
    acquire(3, {"b"});
    CPPUNIT_ASSERT(acquire(5, {"a", "b"}) == Result::kDies);
    CPPUNIT_ASSERT(acquire(5, {"c", "b"}) == Result::kDies);
    CPPUNIT_ASSERT(locks_.holder("c") == nullptr);
  }

  void the_oldest_waiter_is_woken_first_and_kills_the_younger() {
    acquire(9, {"a"});
    acquire(6, {"a"});
    acquire(5, {"a"});
    acquire(4, {"a"});
    release(9);
    CPPUNIT_ASSERT(woken_.granted == claims({4}));
    CPPUNIT_ASSERT(woken_.died == claims({5, 6}));
    CPPUNIT_ASSERT(!locks_.knows(aged(5)) && !locks_.knows(aged(6)));
  }

  void waiters_that_hold_nothing_are_woken_one_after_the_other() {
    acquire(1, {"a"});
    for (const std::uint64_t clock : {7, 5, 6}) acquire_with_nothing(clock, {"a"});
    for (const std::uint64_t clock : {1, 5, 6}) release(clock);
    CPPUNIT_ASSERT(woken_.granted == claims({5, 6, 7}) && woken_.died.empty());
  }

  void waiters_of_different_keys_are_woken_together() {
    acquire(9, {"a", "b"});
    acquire(5, {"b"});
    acquire(6, {"a"});
    release(9);
    CPPUNIT_ASSERT(woken_.granted == claims({5, 6}));
    CPPUNIT_ASSERT(is_held_by("a", 6) && is_held_by("b", 5));
  }

  // 5 waits for both keys and keeps 7 from "b"; when 4 gets "a", 5 dies and 7 need not wait.
  void a_death_frees_whoever_waited_behind_it() {
    acquire(9, {"a"});
    acquire(5, {"a", "b"});
    CPPUNIT_ASSERT(acquire_with_nothing(7, {"b"}) == Result::kWaits);
    acquire(4, {"a"});
    release(9);
    CPPUNIT_ASSERT(woken_.died == claims({5}) && woken_.granted == claims({4, 7}));
    CPPUNIT_ASSERT(is_held_by("a", 4) && is_held_by("b", 7));
  }

  void a_waiter_that_goes_frees_whoever_waited_behind_it() {
    acquire(9, {"a"});
    acquire(5, {"a", "b"});
    acquire_with_nothing(7, {"b"});
    release(5);
    CPPUNIT_ASSERT(woken_.granted == claims({7}) && is_held_by("a", 9));
  }

  void after_a_restart_locks_are_taken_without_asking() {
    locks_.take(aged(5), kept({"a", "b"}));
    CPPUNIT_ASSERT(is_held_by("a", 5) && is_held_by("b", 5));
    CPPUNIT_ASSERT(acquire(6, {"b"}) == Result::kDies);
    CPPUNIT_ASSERT(acquire(4, {"b"}) == Result::kWaits);
    release(5);
    CPPUNIT_ASSERT(is_held_by("b", 4) && locks_.holder("a") == nullptr);
  }

  void nothing_is_left_of_who_has_gone() {
    acquire(9, {"a", "b"});
    acquire(5, {"b", "c"});
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, locks_.keys());
    release(9);
    release(5);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, locks_.keys());
    CPPUNIT_ASSERT(!locks_.knows(aged(5)) && !locks_.knows(aged(9)));
  }

  // But those that hold nothing, and behind a holder that is ending.
  void whatever_comes_nobody_waits_for_an_older_one() {
    Random random(6);
    for (int i = 0; i < 20'000; ++i) {
      random_step(random, 1 + random.below(1000000000), 3);
      take_woken();
      check_waiters();
    }
    CPPUNIT_ASSERT(!asked_.empty());
  }

 private:
  // The table wants them to stay where they are.
  const Keys& kept(const Keys& keys) { return keys_.emplace_back(keys); }
  // One that has locks elsewhere, or has asked for them.
  Result acquire(std::uint64_t clock, const Keys& keys) {
    return locks_.acquire(aged(clock), kept(keys), false, woken_);
  }
  Result acquire_with_nothing(std::uint64_t clock, const Keys& keys) {
    return locks_.acquire(aged(clock), kept(keys), true, woken_);
  }
  void release(std::uint64_t clock) { locks_.release(aged(clock), woken_); }
  bool is_held_by(const std::string& key, std::uint64_t clock) const {
    const Claim* const holder = locks_.holder(key);
    return holder != nullptr && *holder == aged(clock);
  }
  static std::vector<Claim> claims(const std::vector<std::uint64_t>& clocks) {
    std::vector<Claim> made;
    made.reserve(clocks.size());
    for (const std::uint64_t clock : clocks) made.push_back(aged(clock));
    return made;
  }

  // What a claim has asked for, and has or waits for.
  struct Asked {
    Keys keys;
    bool holds_nothing = false;
    bool is_holder = false;
    bool is_ending = false;
  };

  void random_step(Random& random, std::uint64_t clock, std::size_t keys_max) {
    if (random.below(2) == 0 && !asked_.empty()) {
      auto chosen = asked_.begin();
      std::advance(chosen, static_cast<std::ptrdiff_t>(random.below(asked_.size())));
      if (chosen->second.is_holder && random.below(3) == 0) {
        locks_.is_ending(chosen->first);
        chosen->second.is_ending = true;
      } else {
        locks_.release(chosen->first, woken_);
        asked_.erase(chosen);
      }
      return;
    }
    Asked asked;
    for (std::size_t i = 0; i <= random.below(keys_max); ++i) {
      const std::string key(1, static_cast<char>('a' + random.below(3)));
      if (std::find(asked.keys.begin(), asked.keys.end(), key) == asked.keys.end()) {
        asked.keys.push_back(key);
      }
    }
    asked.holds_nothing = random.below(3) == 0;
    const Result result =
        locks_.acquire(aged(clock), kept(asked.keys), asked.holds_nothing, woken_);
    asked.is_holder = result == Result::kGranted;
    if (result != Result::kDies) asked_[aged(clock)] = asked;
  }
  void take_woken() {
    for (const Claim& each : woken_.died) {
      CPPUNIT_ASSERT(!asked_.at(each).is_holder && !asked_.at(each).holds_nothing);
      asked_.erase(each);
    }
    for (const Claim& each : woken_.granted) {
      CPPUNIT_ASSERT(!std::exchange(asked_.at(each).is_holder, true));
    }
    woken_ = {};
  }
  void check_waiters() {
    for (const auto& [claim, asked] : asked_) {
      bool may_have_them = true;
      for (const std::string& key : asked.keys) {
        const Claim* const holder = locks_.holder(key);
        CPPUNIT_ASSERT(!asked.is_holder || (holder != nullptr && *holder == claim));
        if (holder != nullptr) may_have_them = false;
        if (asked.is_holder || asked.holds_nothing || holder == nullptr) continue;
        CPPUNIT_ASSERT(*holder > claim || asked_.at(*holder).is_ending);
      }
      for (const auto& [other, its] : asked_) {
        if (its.is_holder || asked.is_holder || !(other < claim)) continue;
        for (const std::string& key : its.keys) {
          if (std::find(asked.keys.begin(), asked.keys.end(), key) == asked.keys.end()) continue;
          // The older one is not what it waits for: that kills it when it gets the key.
          CPPUNIT_ASSERT(asked.holds_nothing || locks_.holder(key) != nullptr);
          may_have_them = false;
        }
      }
      CPPUNIT_ASSERT(asked.is_holder || !may_have_them);
    }
  }

  std::deque<Keys> keys_;
  LockTable locks_;
  LockTable::Woken woken_;        // since the start of the test
  std::map<Claim, Asked> asked_;  // of a test at random
};

CPPUNIT_TEST_SUITE_REGISTRATION(LockTableTest);

}  // namespace
}  // namespace rkv::twopc
