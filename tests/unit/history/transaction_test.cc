// Histories with transactions, written by hand: each named for what happened.

#include <cppunit/extensions/HelperMacros.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../../history/checker.h"
#include "../../history/recorder.h"

namespace rkv::history {
namespace {

Step incr(const std::string& key, std::int64_t amount) {
  return {Step::Kind::kIncr, key, "", amount};
}
Step append(const std::string& key, const std::string& value) {
  return {Step::Kind::kAppend, key, value, 0};
}
Step put(const std::string& key, const std::string& value) {
  return {Step::Kind::kPut, key, value, 0};
}
Step get(const std::string& key) { return {Step::Kind::kGet, key, "", 0}; }
Step del(const std::string& key) { return {Step::Kind::kDel, key, "", 0}; }

Step del_range(const std::string& first, const std::string& end) {
  return {Step::Kind::kDelRange, "", "", 0, {first, end}};
}

StepResult removed_keys(std::uint64_t count) {
  StepResult result;
  result.removed = count;
  return result;
}
StepResult version(std::uint64_t version) { return {false, version, std::nullopt, std::nullopt}; }
StepResult number(std::int64_t number) { return {false, std::nullopt, std::nullopt, number}; }
StepResult read(const std::string& value) { return {true, std::nullopt, value, std::nullopt}; }
StepResult removed() { return {true, std::nullopt, std::nullopt, std::nullopt}; }
StepResult nothing() { return {}; }

Compare exists(const std::string& key, bool there) {
  return {key, Compare::Target::kExists, Compare::Relation::kEqual, there ? 1U : 0U, ""};
}
Compare version_is(const std::string& key, Compare::Relation relation, std::uint64_t version) {
  return {key, Compare::Target::kVersion, relation, version, ""};
}
Compare modified_at(const std::string& key, std::uint64_t slot) {
  return {key, Compare::Target::kModified, Compare::Relation::kEqual, slot, ""};
}
Compare value_is(const std::string& key, Compare::Relation relation, const std::string& value) {
  return {key, Compare::Target::kValue, relation, 0, value};
}

class TransactionTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TransactionTest);
  CPPUNIT_TEST(increments_that_are_all_there);
  CPPUNIT_TEST(an_update_lost_by_incr);
  CPPUNIT_TEST(an_increment_that_was_done_twice);
  CPPUNIT_TEST(an_unanswered_increment_may_be_seen_later);
  CPPUNIT_TEST(an_increment_of_what_is_no_number_does_nothing);
  CPPUNIT_TEST(an_increment_does_not_overflow);
  CPPUNIT_TEST(the_order_of_appends);
  CPPUNIT_TEST(put_if_absent);
  CPPUNIT_TEST(a_condition_that_held_on_a_wrong_version);
  CPPUNIT_TEST(values_are_compared_bytewise);
  CPPUNIT_TEST(of_a_key_that_is_not_there_no_value_is_less);
  CPPUNIT_TEST(a_transaction_seen_half);
  CPPUNIT_TEST(a_transfer_keeps_the_sum);
  CPPUNIT_TEST(steps_see_what_those_before_them_did);
  CPPUNIT_TEST(every_change_counts_in_the_version);
  CPPUNIT_TEST(an_unanswered_transaction_may_take_effect_later);
  CPPUNIT_TEST(an_unanswered_transaction_takes_the_branch_of_its_moment);
  CPPUNIT_TEST(an_unanswered_transaction_takes_effect_once);
  CPPUNIT_TEST(one_unanswered_transaction_prepares_for_another);
  CPPUNIT_TEST(many_unanswered_transfers);
  CPPUNIT_TEST(keys_that_no_transaction_joins_are_apart);
  CPPUNIT_TEST(reads_that_promise_less_are_left_out);
  CPPUNIT_TEST(a_long_history_of_counters_is_decided);
  CPPUNIT_TEST(a_range_is_removed_at_once);
  CPPUNIT_TEST(a_range_removes_what_was_put_before_only);
  CPPUNIT_TEST(a_range_removes_so_many_keys);
  CPPUNIT_TEST(a_range_without_keys_says_nothing);
  CPPUNIT_TEST(an_unanswered_removal_may_come_later);
  CPPUNIT_TEST(a_compare_of_slots_may_fail_anyhow);
  CPPUNIT_TEST(an_unanswered_compare_of_slots_takes_either_branch);
  CPPUNIT_TEST(the_counterexample_names_the_keys);
  CPPUNIT_TEST(the_counterexample_of_a_range_names_its_keys);
  CPPUNIT_TEST_SUITE_END();

  // A transaction that was answered: `then` ran.
  void transact(Time invoked, Time returned, std::vector<Step> steps,
                std::vector<StepResult> results) {
    transact(invoked, returned, {}, std::move(steps), true, std::move(results));
  }
  void transact(Time invoked, Time returned, std::vector<Compare> compares, std::vector<Step> then,
                bool succeeded, std::vector<StepResult> results) {
    const Recorder::Id id =
        recorder_.invoke(1, {std::move(compares), std::move(then), {}}, invoked);
    recorder_.finish(id, {succeeded, std::move(results)}, returned);
  }
  void unanswered(Time invoked, Transaction transaction) {
    recorder_.invoke(1, std::move(transaction), invoked);
  }
  void put_one(Time invoked, Time returned, const std::string& key, const std::string& value) {
    const Recorder::Id id = recorder_.invoke(1, Kind::kPut, key, value, invoked);
    recorder_.finish(id, Outcome::kOk, std::nullopt, "", returned);
  }
  void get_one(Time invoked, Time returned, const std::string& key, const std::string& value) {
    const Recorder::Id id = recorder_.invoke(1, Kind::kGet, key, "", invoked);
    recorder_.finish(id, Outcome::kOk, std::nullopt, value, returned);
  }

  void assert_good() const {
    const Report report = check(recorder_.history());
    CPPUNIT_ASSERT_MESSAGE(report.explanation, report.verdict == Verdict::kLinearizable);
  }
  void assert_bad() const {
    CPPUNIT_ASSERT(check(recorder_.history()).verdict == Verdict::kNotLinearizable);
  }

  void increments_that_are_all_there() {
    transact(10, 50, {incr("n", 1)}, {number(2)});
    transact(10, 50, {incr("n", 1)}, {number(1)});
    transact(20, 60, {incr("n", 5)}, {number(7)});
    get_one(70, 80, "n", "7");
    assert_good();
    get_one(90, 99, "n", "6");
    assert_bad();
  }

  void an_update_lost_by_incr() {
    transact(10, 20, {incr("n", 1)}, {number(1)});
    transact(30, 50, {incr("n", 1)}, {number(2)});
    assert_good();
    transact(40, 60, {incr("n", 1)}, {number(2)});
    assert_bad();
  }

  void an_increment_that_was_done_twice() {
    transact(10, 20, {incr("n", 1)}, {number(1)});
    get_one(30, 40, "n", "1");
    assert_good();
    get_one(50, 60, "n", "2");
    assert_bad();
  }

  void an_unanswered_increment_may_be_seen_later() {
    transact(10, 20, {incr("n", 1)}, {number(1)});
    unanswered(30, {{}, {incr("n", 10)}, {}});
    get_one(40, 50, "n", "1");
    transact(60, 70, {incr("n", 1)}, {number(12)});
    get_one(80, 90, "n", "12");
    assert_good();
    get_one(100, 110, "n", "22");
    assert_bad();
  }

  void an_increment_of_what_is_no_number_does_nothing() {
    put_one(10, 20, "k", "x");
    unanswered(30, {{}, {put("other", "1"), incr("k", 1)}, {}});
    get_one(40, 50, "k", "x");
    assert_good();
    get_one(60, 70, "other", "1");
    assert_bad();
  }

  void an_increment_does_not_overflow() {
    put_one(10, 20, "k", "9223372036854775807");
    unanswered(30, {{}, {incr("k", 1)}, {}});
    transact(40, 50, {incr("k", -1)}, {number(INT64_MAX - 1)});
    assert_good();
    transact(60, 70, {incr("k", 2)}, {number(INT64_MIN)});
    assert_bad();
  }

  void the_order_of_appends() {
    transact(10, 30, {append("k", "a")}, {version(1)});
    transact(10, 30, {append("k", "b")}, {version(2)});
    transact(40, 50, {append("k", "c")}, {version(3)});
    get_one(60, 70, "k", "abc");
    assert_good();
    get_one(80, 90, "k", "bac");
    assert_bad();
  }

  void put_if_absent() {
    transact(10, 20, {exists("k", false)}, {put("k", "a")}, true, {version(1)});
    transact(30, 40, {exists("k", false)}, {put("k", "b")}, false, {});
    get_one(50, 60, "k", "a");
    assert_good();
    transact(70, 80, {exists("k", false)}, {put("k", "c")}, true, {version(1)});
    assert_bad();
  }

  void a_condition_that_held_on_a_wrong_version() {
    using enum Compare::Relation;
    put_one(10, 20, "k", "a");
    put_one(30, 40, "k", "b");
    transact(50, 60, {version_is("k", kEqual, 1)}, {put("k", "c")}, false, {});
    transact(50, 60, {version_is("k", kGreater, 1), version_is("k", kLess, 3)}, {get("k")}, true,
             {read("b")});
    assert_good();
    transact(70, 80, {version_is("k", kEqual, 1)}, {put("k", "c")}, true, {version(3)});
    assert_bad();
  }

  void values_are_compared_bytewise() {
    using enum Compare::Relation;
    put_one(10, 20, "k", "9");
    transact(30, 40, {value_is("k", kGreater, "10")}, {get("k")}, true, {read("9")});
    transact(30, 40, {value_is("k", kNotEqual, "9")}, {get("k")}, false, {});
    assert_good();
    transact(50, 60, {value_is("k", kLess, "10")}, {get("k")}, true, {read("9")});
    assert_bad();
  }

  void of_a_key_that_is_not_there_no_value_is_less() {
    using enum Compare::Relation;
    transact(10, 20, {value_is("k", kNotEqual, "a")}, {get("k")}, true, {nothing()});
    transact(10, 20, {value_is("k", kEqual, "")}, {get("k")}, false, {});
    transact(10, 20, {version_is("k", kLess, 1)}, {get("k")}, true, {nothing()});
    assert_good();
    transact(30, 40, {value_is("k", kLess, "a")}, {get("k")}, true, {nothing()});
    assert_bad();
  }

  void a_transaction_seen_half() {
    transact(10, 50, {put("a", "1"), put("b", "1")}, {version(1), version(1)});
    transact(20, 30, {get("a"), get("b")}, {nothing(), nothing()});
    transact(35, 40, {get("a"), get("b")}, {read("1"), read("1")});
    assert_good();
    transact(15, 30, {get("a"), get("b")}, {read("1"), nothing()});
    assert_bad();
  }

  void a_transfer_keeps_the_sum() {
    transact(10, 20, {put("a", "5"), put("b", "5")}, {version(1), version(1)});
    transact(30, 60, {incr("a", -2), incr("b", 2)}, {number(3), number(7)});
    transact(30, 60, {incr("b", -1), incr("a", 1)}, {number(6), number(4)});
    transact(40, 70, {get("a"), get("b")}, {read("3"), read("7")});
    assert_good();
    transact(40, 70, {get("a"), get("b")}, {read("6"), read("4")});
    assert_bad();
  }

  void steps_see_what_those_before_them_did() {
    transact(10, 20, {put("k", "a"), append("k", "b"), get("k"), del("k"), get("k"), put("k", "c")},
             {version(1), version(2), read("ab"), removed(), nothing(), version(1)});
    assert_good();
    transact(30, 40, {put("k", "d"), get("k")}, {version(2), read("c")});
    assert_bad();
  }

  void every_change_counts_in_the_version() {
    put_one(10, 20, "k", "1");
    transact(30, 40, {incr("k", 1)}, {version(2)});
    transact(50, 60, {append("k", "0")}, {version(3)});
    transact(70, 80, {put("k", "x")}, {version(4)});
    transact(90, 100, {del("k")}, {removed()});
    transact(110, 120, {incr("k", 1)}, {version(1)});
    assert_good();
    transact(130, 140, {append("k", "0")}, {version(1)});
    assert_bad();
  }

  void an_unanswered_transaction_may_take_effect_later() {
    transact(10, 20, {put("a", "1"), put("b", "1")}, {version(1), version(1)});
    unanswered(30, {{}, {put("a", "2"), put("b", "2")}, {}});
    transact(40, 50, {get("a"), get("b")}, {read("1"), read("1")});
    put_one(60, 70, "a", "3");
    transact(80, 90, {get("a"), get("b")}, {read("3"), read("1")});
    transact(100, 110, {get("a"), get("b")}, {read("2"), read("2")});
    assert_good();
    transact(120, 130, {get("a"), get("b")}, {read("3"), read("2")});
    assert_bad();
  }

  void an_unanswered_transaction_takes_the_branch_of_its_moment() {
    unanswered(10, {{exists("a", true)}, {put("b", "then")}, {put("b", "else")}});
    put_one(20, 30, "a", "1");
    assert_good();
    get_one(40, 50, "b", "then");
    assert_good();
    get_one(60, 70, "b", "else");
    assert_bad();
  }

  void an_unanswered_transaction_takes_effect_once() {
    unanswered(10, {{}, {append("k", "x"), incr("n", 1)}, {}});
    get_one(20, 30, "k", "x");
    get_one(40, 50, "n", "1");
    assert_good();
    get_one(60, 70, "k", "xx");
    assert_bad();
  }

  // Each of a row of them can only change something behind the one before it.
  void one_unanswered_transaction_prepares_for_another() {
    for (int i = 5; i > 0; --i) {
      const std::string before = "k" + std::to_string(i - 1);
      unanswered(10, {{exists(before, true)}, {put("k" + std::to_string(i), "1")}, {}});
    }
    put_one(10, 20, "k0", "1");
    get_one(30, 40, "k5", "1");
    assert_good();
    transact(50, 60, {get("k3")}, {nothing()});
    assert_bad();
  }

  void many_unanswered_transfers() {
    transact(1, 2, {put("a", "0"), put("b", "0")}, {version(1), version(1)});
    for (std::int64_t i = 1; i <= 20; ++i) {
      unanswered(5, {{}, {incr("a", -i), incr("b", i)}, {}});
    }
    std::int64_t sum = 0;
    Time now = 10;
    for (const std::int64_t i : {7, 19, 2, 11}) {
      sum += i;
      transact(
          now, now + 5, {get("a"), get("b")},
          {{true, std::nullopt, std::to_string(-sum), std::nullopt}, read(std::to_string(sum))});
      now += 10;
    }
    assert_good();
  }

  void keys_that_no_transaction_joins_are_apart() {
    transact(10, 20, {put("a", "1"), put("b", "1")}, {version(1), version(1)});
    transact(10, 20, {put("b", "1"), put("c", "1")}, {version(2), version(1)});
    put_one(10, 20, "d", "1");
    const Report report = check(recorder_.history());
    CPPUNIT_ASSERT(report.verdict == Verdict::kLinearizable);
    CPPUNIT_ASSERT(report.keys == 4 && report.operations == 3);
    get_one(30, 40, "d", "2");
    const Report wrong = check(recorder_.history());
    CPPUNIT_ASSERT_MESSAGE(wrong.explanation, wrong.explanation.starts_with("key \"d\": no order"));
  }

  void reads_that_promise_less_are_left_out() {
    put_one(10, 20, "k", "a");
    put_one(30, 40, "k", "b");
    get_one(50, 60, "k", "a");
    History history = recorder_.history();
    CPPUNIT_ASSERT(check(history).verdict == Verdict::kNotLinearizable);
    for (const Consistency consistency : {Consistency::kSequential, Consistency::kEventual}) {
      history.back().consistency = consistency;
      CPPUNIT_ASSERT(check(history).verdict == Verdict::kLinearizable);
      CPPUNIT_ASSERT(check(history).operations == 2);
    }
    // A write is looked at, whatever its process wants of its reads.
    history.pop_back();
    history[1].consistency = Consistency::kSequential;
    history[1].version = 3;
    CPPUNIT_ASSERT(check(history).verdict == Verdict::kNotLinearizable);
  }

  void a_long_history_of_counters_is_decided() {
    for (Time i = 0; i < 20'000; ++i) {
      transact(10 * i, 10 * i + 15, {incr("n", 1), incr("m", 2)},
               {number(static_cast<std::int64_t>(i) + 1), version(i + 1)});
    }
    assert_good();
    get_one(300'000, 300'010, "n", "19999");
    assert_bad();
  }

  void a_range_is_removed_at_once() {
    put_one(10, 20, "a", "1");
    put_one(10, 20, "b", "2");
    put_one(10, 20, "c", "3");
    transact(30, 50, {del_range("a", "c")}, {removed_keys(2)});
    transact(60, 70, {get("a"), get("b"), get("c")}, {nothing(), nothing(), read("3")});
    assert_good();
    transact(32, 34, {get("a"), get("b")}, {nothing(), read("2")});
    assert_bad();
  }

  void a_range_removes_what_was_put_before_only() {
    transact(10, 20, {del_range("", "")}, {removed_keys(0)});
    put_one(30, 40, "a", "1");
    get_one(50, 60, "a", "1");
    assert_good();
    transact(62, 64, {del_range("a", "")}, {removed_keys(1)});
    assert_good();
    get_one(70, 80, "a", "1");
    assert_bad();
  }

  void a_range_removes_so_many_keys() {
    put_one(10, 20, "a", "1");
    put_one(10, 20, "b", "2");
    const Recorder before = recorder_;
    transact(30, 40, {del_range("", "b")}, {removed_keys(1)});
    assert_good();
    recorder_ = before;
    transact(30, 40, {del_range("", "b")}, {removed_keys(2)});
    assert_bad();
    recorder_ = before;
    transact(30, 40, {del_range("", "")}, {removed_keys(1)});
    assert_bad();
    recorder_ = before;
    transact(30, 40, {del_range("", ""), del_range("a", ""), put("a", "3")},
             {removed_keys(2), removed_keys(0), version(1)});
    assert_good();
  }

  void a_range_without_keys_says_nothing() {
    put_one(10, 20, "a", "1");
    transact(30, 40, {del_range("b", "")}, {removed_keys(0)});
    get_one(50, 60, "a", "1");
    assert_good();
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, check(recorder_.history()).operations);
  }

  void an_unanswered_removal_may_come_later() {
    put_one(10, 20, "a", "1");
    unanswered(30, {{}, {del_range("", "b")}, {}});
    get_one(40, 50, "a", "1");
    transact(60, 70, {get("a")}, {nothing()});
    assert_good();
    get_one(80, 90, "a", "1");
    assert_bad();
  }

  void a_compare_of_slots_may_fail_anyhow() {
    put_one(10, 20, "a", "1");
    transact(30, 40, {modified_at("a", 7)}, {put("a", "2")}, true, {version(2)});
    transact(50, 60, {modified_at("a", 7)}, {put("a", "3")}, false, {});
    get_one(70, 80, "a", "2");
    assert_good();
    // Another compare that did not hold is still no success.
    transact(90, 95, {modified_at("a", 7), exists("b", true)}, {put("a", "3")}, true, {version(3)});
    assert_bad();
  }

  void an_unanswered_compare_of_slots_takes_either_branch() {
    put_one(10, 20, "a", "1");
    unanswered(30, {{modified_at("a", 7), exists("a", true)}, {put("a", "2")}, {put("a", "3")}});
    const Recorder before = recorder_;
    get_one(40, 50, "a", "1");
    get_one(60, 70, "a", "2");
    assert_good();
    recorder_ = before;
    get_one(60, 70, "a", "3");
    assert_good();
    get_one(80, 90, "a", "4");
    assert_bad();
  }

  void the_counterexample_of_a_range_names_its_keys() {
    put_one(10, 20, "a", "1");
    put_one(10, 20, "b", "1");
    transact(30, 40, {del_range("", "c")}, {removed_keys(1)});
    const std::string explanation = check(recorder_.history()).explanation;
    const std::string first =
        "keys \"a\", \"b\": no order of what touches them fits\n"
        "  this answer, number 3 of 3, has no place any more:\n"
        "    process 1 transact then del from the first key to \"c\" -> succeeded: 1 keys";
    CPPUNIT_ASSERT_EQUAL(first, explanation.substr(0, first.size()));
  }

  void the_counterexample_names_the_keys() {
    transact(10, 20, {put("a", "1"), incr("b", 1)}, {version(1), number(1)});
    transact(30, 40, {exists("a", true)}, {get("a"), get("b")}, true, {read("1"), nothing()});
    CPPUNIT_ASSERT_EQUAL(
        std::string("keys \"a\", \"b\": no order of what touches them fits\n"
                    "  this answer, number 2 of 2, has no place any more:\n"
                    "    process 1 transact if exists \"a\" = 1 then get \"a\", get \"b\" -> "
                    "succeeded: \"1\"; nothing [30, 40]\n"
                    "  an order of what was answered before:\n"
                    "    process 1 transact then put \"a\" = \"1\", incr \"b\" by 1 -> succeeded: "
                    "ok, version 1; 1 [10, 20]\n"
                    "  which leaves: \"a\" has a value that nobody read, version 1; "
                    "\"b\" = \"1\", version 1\n"
                    "  writes under way then, their answers yet unknown:"),
        check(recorder_.history()).explanation);
  }

  Recorder recorder_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(TransactionTest);

}  // namespace
}  // namespace rkv::history
