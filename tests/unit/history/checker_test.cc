#include "../../history/checker.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "../../history/recorder.h"

namespace rkv::history {
namespace {

constexpr std::optional<std::uint64_t> kNotTold = std::nullopt;

// Histories written by hand: each named for what happened.
class CheckerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CheckerTest);
  CPPUNIT_TEST(nothing_is_linearizable);
  CPPUNIT_TEST(one_after_another);
  CPPUNIT_TEST(a_stale_read);
  CPPUNIT_TEST(a_lost_update);
  CPPUNIT_TEST(a_write_that_took_effect_twice);
  CPPUNIT_TEST(a_value_that_was_never_written);
  CPPUNIT_TEST(a_new_value_and_then_the_old_one);
  CPPUNIT_TEST(an_unanswered_write_may_take_effect_late);
  CPPUNIT_TEST(an_unanswered_write_may_never_take_effect);
  CPPUNIT_TEST(an_unanswered_write_takes_effect_once);
  CPPUNIT_TEST(an_unanswered_write_does_not_precede_its_request);
  CPPUNIT_TEST(unanswered_removals);
  CPPUNIT_TEST(removals);
  CPPUNIT_TEST(versions_tell_more_than_values);
  CPPUNIT_TEST(a_key_that_is_made_anew_begins_with_version_1);
  CPPUNIT_TEST(the_same_moment_is_concurrent);
  CPPUNIT_TEST(what_tells_nothing_is_left_out);
  CPPUNIT_TEST(many_unanswered_writes);
  CPPUNIT_TEST(a_key_that_is_wrong_is_found_among_others);
  CPPUNIT_TEST(too_few_steps_decide_nothing);
  CPPUNIT_TEST(a_long_history_of_one_key_is_decided);
  CPPUNIT_TEST(the_counterexample_is_short);
  CPPUNIT_TEST_SUITE_END();

  // Adds an operation that was answered (or, at kNever, not) to the history.
  void put(Time invoked, Time returned, const std::string& value,
           std::optional<std::uint64_t> version = kNotTold, const std::string& key = "k") {
    add(Kind::kPut, invoked, returned, key, value, Outcome::kOk, version, "");
  }
  void get(Time invoked, Time returned, const std::string& value,
           std::optional<std::uint64_t> version = kNotTold) {
    add(Kind::kGet, invoked, returned, "k", "", Outcome::kOk, version, value);
  }
  void get_nothing(Time invoked, Time returned) {
    add(Kind::kGet, invoked, returned, "k", "", Outcome::kNotFound, kNotTold, "");
  }
  void del(Time invoked, Time returned, std::optional<std::uint64_t> version = kNotTold) {
    add(Kind::kDel, invoked, returned, "k", "", Outcome::kOk, version, "");
  }
  void del_nothing(Time invoked, Time returned) {
    add(Kind::kDel, invoked, returned, "k", "", Outcome::kNotFound, kNotTold, "");
  }
  void add(Kind kind, Time invoked, Time returned, const std::string& key, const std::string& value,
           Outcome outcome, std::optional<std::uint64_t> version, const std::string& result) {
    const Recorder::Id id = recorder_.invoke(1, kind, key, value, invoked);
    if (returned != kNever) recorder_.finish(id, outcome, version, result, returned);
  }

  void assert_good() const {
    const Report report = check(recorder_.history());
    CPPUNIT_ASSERT_MESSAGE(report.explanation, report.verdict == Verdict::kLinearizable);
    CPPUNIT_ASSERT(report.explanation.empty());
  }
  void assert_bad() const {
    const Report report = check(recorder_.history());
    CPPUNIT_ASSERT(report.verdict == Verdict::kNotLinearizable);
    CPPUNIT_ASSERT(report.explanation.starts_with("key \"k\": no order of its operations fits\n"));
  }

  void nothing_is_linearizable() {
    assert_good();
    CPPUNIT_ASSERT(check({}).operations == 0 && check({}).keys == 0);
  }

  void one_after_another() {
    get_nothing(1, 2);
    del_nothing(3, 4);
    put(5, 6, "a", 1);
    get(7, 8, "a", 1);
    put(9, 10, "b", 2);
    get(11, 12, "b", 2);
    del(13, 14, 2);
    get_nothing(15, 16);
    put(17, 18, "a", 1);
    get(19, 20, "a", 1);
    assert_good();
    CPPUNIT_ASSERT(check(recorder_.history()).operations == 10);
  }

  void a_stale_read() {
    put(10, 20, "old");
    put(30, 50, "new");
    get(35, 45, "old");  // under way with the write
    assert_good();
    get(60, 70, "old");
    assert_bad();
  }

  void a_lost_update() {
    put(10, 20, "a");
    assert_good();
    get_nothing(30, 40);
    assert_bad();
  }

  void a_write_that_took_effect_twice() {
    put(10, 20, "a");
    put(30, 40, "b");
    get(50, 60, "b");
    assert_good();
    get(70, 80, "a");
    assert_bad();
  }

  void a_value_that_was_never_written() {
    put(10, 20, "a");
    get(15, 30, "a");
    assert_good();
    get(15, 30, "b");
    assert_bad();
  }

  void a_new_value_and_then_the_old_one() {
    put(10, 20, "old");
    put(30, 100, "new");
    get(40, 50, "old");
    get(55, 60, "new");
    assert_good();
    get(70, 80, "old");
    assert_bad();
  }

  void an_unanswered_write_may_take_effect_late() {
    put(10, 20, "a");
    put(30, kNever, "late");
    get(40, 50, "a");
    put(60, 70, "b");
    get(80, 90, "b");
    get(100, 110, "late");
    get(120, 130, "late");
    assert_good();
    get(140, 150, "b");
    assert_bad();
  }

  void an_unanswered_write_may_never_take_effect() {
    put(10, kNever, "never");
    get_nothing(20, 30);
    put(40, 50, "a", 1);
    get(60, 70, "a", 1);
    assert_good();
  }

  void an_unanswered_write_takes_effect_once() {
    put(10, kNever, "lost");
    get(20, 30, "lost");
    put(40, 50, "a");
    get(60, 70, "a");
    assert_good();
    get(80, 90, "lost");
    assert_bad();
  }

  void an_unanswered_write_does_not_precede_its_request() {
    get(10, 20, "lost");
    put(15, kNever, "lost");
    assert_good();
    get(5, 12, "lost");
    assert_bad();
  }

  void unanswered_removals() {
    put(10, 20, "a", 1);
    add(Kind::kDel, 30, kNever, "k", "", Outcome::kUnknown, kNotTold, "");
    get(40, 50, "a", 1);
    put(60, 70, "b", 1);
    get(80, 90, "b", 1);
    assert_good();
    get_nothing(100, 110);
    assert_bad();
  }

  void removals() {
    put(10, 20, "a");
    del(30, 50);
    del_nothing(30, 50);
    assert_good();
    del(30, 50);
    assert_bad();
  }

  void versions_tell_more_than_values() {
    put(10, 20, "a", 1);
    get(30, 40, "a", 1);
    assert_good();
    get(50, 60, "a", 2);
    assert_bad();
  }

  void a_key_that_is_made_anew_begins_with_version_1() {
    put(10, 20, "a", 1);
    put(30, 40, "a", 2);
    del(50, 60, 2);
    assert_good();
    put(70, 80, "a", 3);
    assert_bad();
  }

  void the_same_moment_is_concurrent() {
    put(10, 20, "a");
    get_nothing(20, 30);
    assert_good();
    get_nothing(21, 30);
    assert_bad();
  }

  void what_tells_nothing_is_left_out() {
    add(Kind::kPut, 10, 20, "k", "a", Outcome::kRefused, kNotTold, "");
    add(Kind::kGet, 10, kNever, "k", "", Outcome::kUnknown, kNotTold, "");
    get_nothing(30, 40);
    assert_good();
    CPPUNIT_ASSERT(check(recorder_.history()).operations == 1);
    get(50, 60, "a");
    assert_bad();
  }

  // 30 writes without an answer, each of which was read by somebody or by nobody, in another order.
  void many_unanswered_writes() {
    for (Time i = 0; i < 30; ++i) put(i, kNever, "v" + std::to_string(i));
    Time now = 100;
    std::uint64_t version = 0;
    for (const int read : {29, 3, 17, 4, 0, 11, 28}) {
      version += 2;  // there is one that nobody read before each
      get(now, now + 5, "v" + std::to_string(read), version);
      now += 10;
    }
    put(now, now + 5, "last", 15);
    assert_good();
    get(now + 10, now + 20, "v3", 16);
    assert_bad();
  }

  void a_key_that_is_wrong_is_found_among_others() {
    for (int i = 0; i < 100; ++i) put(10, 20, "a", 1, "good " + std::to_string(i));
    put(10, 20, "a", 2);
    for (int i = 100; i < 200; ++i) put(10, 20, "a", 1, "good " + std::to_string(i));
    assert_bad();
    CPPUNIT_ASSERT(check(recorder_.history()).keys == 201);
  }

  void too_few_steps_decide_nothing() {
    for (Time i = 0; i < 100; ++i) put(10 * i, 10 * i + 5, "a");
    const Report report = check(recorder_.history(), {.steps_max = 50});
    CPPUNIT_ASSERT(report.verdict == Verdict::kUnknown);
    CPPUNIT_ASSERT_EQUAL(
        std::string("50 steps did not suffice for 1 keys; one is \"k\" with 100 operations"),
        report.explanation);
    // What is wrong is told, though others are not decided.
    put(0, 1, "a", 7, "wrong");
    CPPUNIT_ASSERT(check(recorder_.history(), {.steps_max = 50}).verdict ==
                   Verdict::kNotLinearizable);
  }

  void a_long_history_of_one_key_is_decided() {
    for (Time i = 0; i < 50'000; ++i) put(10 * i, 10 * i + 15, "a", i + 1);
    assert_good();
    get(600'000, 600'010, "a", 7);
    assert_bad();
  }

  void the_counterexample_is_short() {
    put(10, 20, "a", 1);
    put(30, 40, "b", 2);
    put(45, kNever, "c");
    get(50, 60, "a", 1);
    put(55, 90, "d", 3);
    get(100, 110, "never", 9);
    CPPUNIT_ASSERT_EQUAL(std::string("key \"k\": no order of its operations fits\n"
                                     "  this answer, number 3 of 5, has no place any more:\n"
                                     "    process 1 get \"k\" -> \"a\", version 1 [50, 60]\n"
                                     "  an order of what was answered before:\n"
                                     "    process 1 put \"k\" = \"a\" -> ok, version 1 [10, 20]\n"
                                     "    process 1 put \"k\" = \"b\" -> ok, version 2 [30, 40]\n"
                                     "  which leaves: \"b\", version 2\n"
                                     "  writes under way then, their answers yet unknown:\n"
                                     "    process 1 put \"k\" = \"d\" -> ok, version 3 [55, 90]\n"
                                     "    process 1 put \"k\" = \"c\" -> unknown [45, never]"),
                         check(recorder_.history()).explanation);
  }

  Recorder recorder_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(CheckerTest);

}  // namespace
}  // namespace rkv::history
