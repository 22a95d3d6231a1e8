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
  CPPUNIT_TEST(a_repeated_last_page_ends_no_other_listing);
  CPPUNIT_TEST(a_listing_is_alone_when_the_others_have_ended);
  CPPUNIT_TEST(of_very_many_at_one_position_some_end_with_the_time);
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
    CPPUNIT_ASSERT(!is_pinned(at) && !listings_.went_on(at, now_));
    CPPUNIT_ASSERT(listings_.next_tick() == kNever);
  }

  void each_page_begins_the_time_anew() {
    const Position at = begin();
    for (int i = 0; i < 5; ++i) {
      pass(kLimits.idle_max + Duration{-1});
      CPPUNIT_ASSERT(listings_.went_on(at, now_) && is_pinned(at));
    }
    pass(kLimits.idle_max);
    CPPUNIT_ASSERT(!is_pinned(at));
  }

  void the_last_page_may_be_repeated_for_a_while() {
    const Position at = begin();
    CPPUNIT_ASSERT(listings_.went_on(at, now_));
    listings_.ended(at, 1, now_);
    CPPUNIT_ASSERT(listings_.next_tick() == now_ + kLimits.repeat_max);
    pass(kLimits.repeat_max + Duration{-1});
    // It may find no room for long: it is kept until it is told.
    CPPUNIT_ASSERT(is_pinned(at) && listings_.went_on(at, now_));
    pass(kLimits.idle_max + Duration{-1});
    CPPUNIT_ASSERT(is_pinned(at));
    listings_.ended(at, 1, now_);
    pass(kLimits.repeat_max + Duration{-1});
    CPPUNIT_ASSERT(is_pinned(at));
    pass(Duration{1});
    CPPUNIT_ASSERT(!is_pinned(at));
  }

  void listings_of_one_position_end_together() {
    for (const Listings::Number number : {1U, 2U}) {
      CPPUNIT_ASSERT_EQUAL(number, listings_.began(store_.pin(), now_));
    }
    const Position at = begin();
    listings_.ended(at, 3, now_);
    listings_.ended(at, 1, now_);
    pass(kLimits.idle_max + Duration{-1});  // one goes on
    CPPUNIT_ASSERT(is_pinned(at) && listings_.went_on(at, now_));
    listings_.ended(at, 2, now_);
    pass(kLimits.repeat_max);
    CPPUNIT_ASSERT(!is_pinned(at));
  }

  void a_repeated_last_page_ends_no_other_listing() {
    listings_.began(store_.pin(), now_);
    const Position at = begin();
    for (int i = 0; i < 3; ++i) listings_.ended(at, 1, now_);
    for (const Listings::Number unknown : {0U, 3U, 63U, 64U, 0xffffffffU}) {
      listings_.ended(at, unknown, now_);
    }
    pass(kLimits.idle_max + Duration{-1});
    CPPUNIT_ASSERT(is_pinned(at));
  }

  void a_listing_is_alone_when_the_others_have_ended() {
    listings_.began(store_.pin(), now_);
    CPPUNIT_ASSERT(listings_.is_alone(store_.applied(), 1));
    const Position at = begin();
    CPPUNIT_ASSERT(!listings_.is_alone(at, 1) && !listings_.is_alone(at, 2));
    listings_.ended(at, 1, now_);
    CPPUNIT_ASSERT(listings_.is_alone(at, 2));
    for (const Listings::Number other : {0U, 1U, 3U, 64U, 66U}) {
      CPPUNIT_ASSERT(!listings_.is_alone(at, other));
    }
    CPPUNIT_ASSERT(!listings_.is_alone(at + 1, 2));
  }

  void of_very_many_at_one_position_some_end_with_the_time() {
    Position at = 0;
    for (Listings::Number i = 1; i <= Listings::kNumberedMax; ++i) {
      at = store_.pin();
      CPPUNIT_ASSERT_EQUAL(i, listings_.began(at, now_));
    }
    for (int i = 0; i < 2; ++i) {
      CPPUNIT_ASSERT_EQUAL(Listings::Number{0}, listings_.began(store_.pin(), now_));
    }
    write();
    for (Listings::Number i = 0; i <= Listings::kNumberedMax; ++i) listings_.ended(at, i, now_);
    CPPUNIT_ASSERT(!listings_.is_alone(at, 0));
    pass(kLimits.idle_max + Duration{-1});
    CPPUNIT_ASSERT(is_pinned(at));
    pass(Duration{1});
    CPPUNIT_ASSERT(!is_pinned(at));
  }

  void one_position_too_many_ends_the_soonest() {
    const Position first = begin();
    pass(seconds(1));
    const Position second = begin();
    pass(seconds(1));
    const Position third = begin();
    CPPUNIT_ASSERT(listings_.went_on(first, now_));
    pass(seconds(1));
    const Position fourth = begin();
    CPPUNIT_ASSERT(is_pinned(first) && !is_pinned(second) && is_pinned(third));
    // Who is done is the first to go.
    listings_.ended(third, 1, now_);
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
    CPPUNIT_ASSERT(!listings_.went_on(at, now_) && listings_.next_tick() == kNever);
  }

  void what_was_never_begun_does_not_go_on() {
    CPPUNIT_ASSERT(!listings_.went_on(7, now_));
    CPPUNIT_ASSERT(listings_.next_tick() == kNever);
  }

  TimePoint now_{1'000'000'000};
  kv::MemoryStore store_;
  Listings listings_{store_, kLimits};
};

CPPUNIT_TEST_SUITE_REGISTRATION(ListingsTest);

}  // namespace
}  // namespace rkv::replica
