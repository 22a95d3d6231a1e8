#include "replica/epoch_keeper.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdint>

namespace rkv::replica {
namespace {

constexpr Duration kAgeMax = seconds(60);

class EpochKeeperTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(EpochKeeperTest);
  CPPUNIT_TEST(nothing_is_due_while_nothing_is_remembered);
  CPPUNIT_TEST(an_epoch_is_due_after_so_long_in_office);
  CPPUNIT_TEST(only_time_in_office_counts);
  CPPUNIT_TEST(the_time_begins_anew_with_the_epoch);
  CPPUNIT_TEST(an_epoch_that_somebody_else_began_counts_too);
  CPPUNIT_TEST(want_of_room_does_not_wait);
  CPPUNIT_TEST(want_of_room_is_no_matter_out_of_office);
  CPPUNIT_TEST(one_proposal_at_a_time);
  CPPUNIT_TEST(a_failed_proposal_is_made_again_at_the_next_look);
  CPPUNIT_TEST_SUITE_END();

  void remember() {
    const std::uint64_t sequence = kv::first_sequence_of(table_.epoch()) + number_;
    static_cast<void>(
        table_.remember({1, sequence, 1}, {kv::Applied::Outcome::kApplied, 1, ++number_}));
  }
  void fill() {
    while (!table_.wants_epoch()) remember();
  }
  // Looks each time that it wants to be looked at, for so long; how often an epoch was due. Each
  // proposal ends badly.
  int looks(Duration span, bool in_office) {
    int due = 0;
    for (const TimePoint end = now_ + span; now_ < end;) {
      now_ = now_ + seconds(1);
      if (!keeper_.is_due(now_, in_office, table_)) continue;
      ++due;
      keeper_.proposal_ended();
    }
    return due;
  }

  void nothing_is_due_while_nothing_is_remembered() {
    CPPUNIT_ASSERT(keeper_.next_look(table_) == kNever);
    CPPUNIT_ASSERT_EQUAL(0, looks(kAgeMax * 3, true));
    remember();
    CPPUNIT_ASSERT(keeper_.next_look(table_) != kNever);
    CPPUNIT_ASSERT(looks(seconds(2), true) > 0);  // it has been in office for long enough
  }

  void an_epoch_is_due_after_so_long_in_office() {
    remember();
    CPPUNIT_ASSERT_EQUAL(0, looks(kAgeMax, true));  // the first look is after a second
    CPPUNIT_ASSERT_EQUAL(1, looks(seconds(1), true));
  }

  void only_time_in_office_counts() {
    remember();
    CPPUNIT_ASSERT_EQUAL(0, looks(kAgeMax * 3, false));
    CPPUNIT_ASSERT_EQUAL(0, looks(kAgeMax / 2, true));
    CPPUNIT_ASSERT_EQUAL(0, looks(kAgeMax * 3, false));
    CPPUNIT_ASSERT_EQUAL(0, looks(kAgeMax / 2, true));
    CPPUNIT_ASSERT(looks(seconds(3), true) > 0);
  }

  void the_time_begins_anew_with_the_epoch() {
    remember();
    CPPUNIT_ASSERT_EQUAL(1, looks(kAgeMax + seconds(1), true));
    static_cast<void>(table_.begin_epoch(1));
    remember();
    CPPUNIT_ASSERT_EQUAL(0, looks(kAgeMax, true));
    CPPUNIT_ASSERT(looks(seconds(2), true) > 0);
  }

  void an_epoch_that_somebody_else_began_counts_too() {
    remember();
    CPPUNIT_ASSERT_EQUAL(0, looks(kAgeMax - seconds(5), true));
    static_cast<void>(table_.begin_epoch(1));
    CPPUNIT_ASSERT_EQUAL(0, looks(kAgeMax - seconds(5), true));
    static_cast<void>(table_.begin_epoch(2));
    CPPUNIT_ASSERT_EQUAL(0, looks(kAgeMax - seconds(5), true));
  }

  void want_of_room_does_not_wait() {
    remember();
    CPPUNIT_ASSERT_EQUAL(0, looks(seconds(5), true));
    CPPUNIT_ASSERT(!keeper_.is_pressed(table_));
    fill();
    CPPUNIT_ASSERT(keeper_.is_pressed(table_) && now_ < keeper_.next_look(table_));
    CPPUNIT_ASSERT(keeper_.is_due(now_, true, table_));
    CPPUNIT_ASSERT(!keeper_.is_pressed(table_));
    static_cast<void>(table_.begin_epoch(1));
    keeper_.proposal_ended();
    CPPUNIT_ASSERT(table_.wants_epoch());  // what is of the epoch before is still there
    CPPUNIT_ASSERT(keeper_.is_pressed(table_) && keeper_.is_due(now_, true, table_));
    static_cast<void>(table_.begin_epoch(2));
    keeper_.proposal_ended();
    CPPUNIT_ASSERT(!keeper_.is_pressed(table_) && !keeper_.is_due(now_, true, table_));
  }

  void want_of_room_is_no_matter_out_of_office() {
    fill();
    CPPUNIT_ASSERT_EQUAL(0, looks(seconds(5), false));
    CPPUNIT_ASSERT(!keeper_.is_due(now_, false, table_));
    CPPUNIT_ASSERT(keeper_.is_due(now_, true, table_));  // it came into office
  }

  void one_proposal_at_a_time() {
    fill();
    CPPUNIT_ASSERT(keeper_.is_due(now_, true, table_));
    for (int i = 0; i < 10; ++i) {
      now_ = now_ + kAgeMax;
      CPPUNIT_ASSERT(!keeper_.is_pressed(table_) && !keeper_.is_due(now_, true, table_));
    }
    keeper_.proposal_ended();
    now_ = now_ + seconds(1);
    CPPUNIT_ASSERT(keeper_.is_due(now_, true, table_));
  }

  void a_failed_proposal_is_made_again_at_the_next_look() {
    fill();
    CPPUNIT_ASSERT(keeper_.is_due(now_, true, table_));
    keeper_.proposal_ended();
    CPPUNIT_ASSERT(!keeper_.is_pressed(table_) && !keeper_.is_due(now_, true, table_));
    const TimePoint look = keeper_.next_look(table_);
    CPPUNIT_ASSERT(look == now_ + seconds(1));
    CPPUNIT_ASSERT(!keeper_.is_due(TimePoint{look.ns - 1}, true, table_));
    CPPUNIT_ASSERT(keeper_.is_due(look, true, table_));
  }

  TimePoint now_{1'000'000'000};
  kv::SessionTable table_{{8, 8, 8, 100}};
  EpochKeeper keeper_{kAgeMax};
  std::uint64_t number_ = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(EpochKeeperTest);

}  // namespace
}  // namespace rkv::replica
