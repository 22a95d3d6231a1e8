#include "replica/listings.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstddef>
#include <string>

#include "kv/memory_store.h"

namespace rkv::replica {
namespace {

constexpr Listings::Limits kLimits = {3, seconds(60), seconds(5)};

class ListingsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ListingsTest);
  CPPUNIT_TEST(what_began_is_kept_until_nobody_asks);
  CPPUNIT_TEST(each_page_begins_the_time_anew);
  CPPUNIT_TEST(the_last_page_may_be_repeated_for_a_while);
  CPPUNIT_TEST(listings_of_one_position_end_together);
  CPPUNIT_TEST(one_position_too_many_ends_the_soonest);
  CPPUNIT_TEST(what_the_store_has_dropped_ends_with_the_time);
  CPPUNIT_TEST(what_was_never_begun_does_not_go_on);
  CPPUNIT_TEST_SUITE_END();

  // A listing begins at the state as it is; a write makes it another one.
  Position begin() {
    const Position at = store_.pin();
    listings_.began(at, now_);
    write();
    return at;
  }
  void write() {
    store_.apply(store_.applied() + 1, {{"k", kv::Entry{"v", 1, store_.applied() + 1, 1}}}, {});
  }
  // Whether the store can still show a state.
  bool is_pinned(Position at) {
    kv::Scan scan;
    scan.at = at;
    bool gone = true;
    store_.scan(scan, [&gone](kv::ScanPage&& page) { gone = page.gone; });
    return !gone;
  }
  void pass(Duration span) {
    now_ = now_ + span;
    listings_.tick(now_);
  }

 public:
  void setUp() override { write(); }  // the first position is not 0, which a scan takes for now

 private:
  void what_began_is_kept_until_nobody_asks() {
    CPPUNIT_ASSERT(listings_.next_tick() == kNever);
    const Position at = begin();
    CPPUNIT_ASSERT(listings_.next_tick() == now_ + kLimits.idle_max);
    pass(kLimits.idle_max + Duration{-1});
    CPPUNIT_ASSERT(is_pinned(at));
    pass(Duration{1});
    CPPUNIT_ASSERT(!is_pinned(at) && !listings_.went_on(at, false, now_));
    CPPUNIT_ASSERT(listings_.next_tick() == kNever);
  }

  void each_page_begins_the_time_anew() {
    const Position at = begin();
    for (int i = 0; i < 5; ++i) {
      pass(kLimits.idle_max + Duration{-1});
      CPPUNIT_ASSERT(listings_.went_on(at, false, now_) && is_pinned(at));
    }
    pass(kLimits.idle_max);
    CPPUNIT_ASSERT(!is_pinned(at));
  }

  void the_last_page_may_be_repeated_for_a_while() {
    const Position at = begin();
    CPPUNIT_ASSERT(listings_.went_on(at, true, now_));
    CPPUNIT_ASSERT(listings_.next_tick() == now_ + kLimits.repeat_max);
    pass(kLimits.repeat_max + Duration{-1});
    CPPUNIT_ASSERT(is_pinned(at) && listings_.went_on(at, true, now_));
    pass(kLimits.repeat_max + Duration{-1});
    CPPUNIT_ASSERT(is_pinned(at));
    pass(Duration{1});
    CPPUNIT_ASSERT(!is_pinned(at));
  }

  void listings_of_one_position_end_together() {
    for (int i = 0; i < 2; ++i) listings_.began(store_.pin(), now_);
    const Position at = begin();
    CPPUNIT_ASSERT(listings_.went_on(at, true, now_) && listings_.went_on(at, true, now_));
    pass(kLimits.idle_max + Duration{-1});  // one goes on
    CPPUNIT_ASSERT(is_pinned(at) && listings_.went_on(at, true, now_));
    pass(kLimits.repeat_max);
    CPPUNIT_ASSERT(!is_pinned(at));
  }

  void one_position_too_many_ends_the_soonest() {
    const Position first = begin();
    pass(seconds(1));
    const Position second = begin();
    pass(seconds(1));
    const Position third = begin();
    CPPUNIT_ASSERT(listings_.went_on(first, false, now_));
    pass(seconds(1));
    const Position fourth = begin();
    CPPUNIT_ASSERT(is_pinned(first) && !is_pinned(second) && is_pinned(third));
    // Who is done is the first to go.
    CPPUNIT_ASSERT(listings_.went_on(third, true, now_));
    const Position fifth = begin();
    CPPUNIT_ASSERT(is_pinned(first) && !is_pinned(third) && is_pinned(fourth) && is_pinned(fifth));
    // Another listing of the same position is no further one.
    listings_.began(store_.pin(), now_);
    CPPUNIT_ASSERT(!is_pinned(first));
    listings_.began(store_.pin(), now_);
    CPPUNIT_ASSERT(is_pinned(fourth) && is_pinned(fifth));
  }

  void what_the_store_has_dropped_ends_with_the_time() {
    const Position at = begin();
    store_.unpin(at);
    pass(kLimits.idle_max);
    CPPUNIT_ASSERT(!listings_.went_on(at, false, now_) && listings_.next_tick() == kNever);
  }

  void what_was_never_begun_does_not_go_on() {
    CPPUNIT_ASSERT(!listings_.went_on(7, false, now_));
    CPPUNIT_ASSERT(listings_.next_tick() == kNever);
  }

  TimePoint now_{1'000'000'000};
  kv::MemoryStore store_;
  Listings listings_{store_, kLimits};
};

CPPUNIT_TEST_SUITE_REGISTRATION(ListingsTest);

}  // namespace
}  // namespace rkv::replica
