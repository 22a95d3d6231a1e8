#include "../../history/sequential.h"

#include <cppunit/extensions/HelperMacros.h>

#include <optional>
#include <string>
#include <utility>

namespace rkv::history {
namespace {

constexpr std::optional<std::uint64_t> kNoSlot = std::nullopt;

// Histories whose answers name slots, written by hand.
class SequentialTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SequentialTest);
  CPPUNIT_TEST(without_slots_nothing_is_said);
  CPPUNIT_TEST(an_old_state_is_sequential);
  CPPUNIT_TEST(going_backwards);
  CPPUNIT_TEST(a_read_behind_an_own_write);
  CPPUNIT_TEST(calls_under_way_together_have_no_order);
  CPPUNIT_TEST(an_eventual_read_may_go_backwards);
  CPPUNIT_TEST(a_value_of_another_slot);
  CPPUNIT_TEST(a_removal_and_a_version);
  CPPUNIT_TEST(an_unanswered_write_may_be_what_was_seen);
  CPPUNIT_TEST(an_unanswered_write_is_not_seen_before_its_request);
  CPPUNIT_TEST(steps_of_transactions);
  CPPUNIT_TEST(two_writes_of_one_slot_say_nothing);
  CPPUNIT_TEST(linearizable_calls_of_all_do_not_go_back);
  CPPUNIT_TEST(slots_that_are_told_are_those_of_the_writes);
  CPPUNIT_TEST(a_list_has_every_key);
  CPPUNIT_TEST(a_page_covers_its_part);
  CPPUNIT_TEST(a_page_in_reverse_covers_its_part);
  CPPUNIT_TEST(the_order_of_a_list);
  CPPUNIT_TEST(a_count);
  CPPUNIT_TEST(a_range_that_was_removed);
  CPPUNIT_TEST(compares_of_slots);
  CPPUNIT_TEST(what_is_said_of_it);
  CPPUNIT_TEST_SUITE_END();

  Operation& add(std::uint64_t process, Kind kind, Time invoked, Time returned,
                 std::optional<std::uint64_t> slot) {
    Operation& operation = history_.emplace_back();
    operation.process = process;
    operation.kind = kind;
    operation.key = "k";
    operation.invoked = invoked;
    operation.returned = returned;
    operation.outcome = returned == kNever ? Outcome::kUnknown : Outcome::kOk;
    operation.position = slot;
    return operation;
  }
  Operation& put(std::uint64_t process, Time at, const std::string& value,
                 std::optional<std::uint64_t> slot) {
    Operation& operation = add(process, Kind::kPut, at, at + 5, slot);
    operation.argument = value;
    return operation;
  }
  Operation& get(std::uint64_t process, Time at, const std::string& value,
                 std::optional<std::uint64_t> slot) {
    Operation& operation = add(process, Kind::kGet, at, at + 5, slot);
    operation.value = value;
    operation.consistency = Consistency::kSequential;
    return operation;
  }
  Operation& get_nothing(std::uint64_t process, Time at, std::optional<std::uint64_t> slot) {
    Operation& operation = get(process, at, "", slot);
    operation.outcome = Outcome::kNotFound;
    return operation;
  }

  Operation& list(Time at, std::uint64_t slot, std::vector<ListedKey> keys) {
    Operation& operation = add(9, Kind::kList, at, at + 5, slot);
    operation.key.clear();
    operation.listed.keys = std::move(keys);
    operation.consistency = Consistency::kEventual;
    return operation;
  }
  Operation& put_key(const std::string& key, std::uint64_t slot) {
    Operation& operation = put(1, 10 * slot, "v" + std::to_string(slot), slot);
    operation.key = key;
    return operation;
  }

  void assert_good() const {
    const SequentialReport report = check_sequential(history_);
    CPPUNIT_ASSERT_MESSAGE(report.explanation, report.holds);
    CPPUNIT_ASSERT(report.explanation.empty());
  }
  void assert_bad() const {
    const SequentialReport report = check_sequential(history_);
    CPPUNIT_ASSERT(!report.holds && !report.explanation.empty());
  }

  void without_slots_nothing_is_said() {
    put(1, 10, "a", kNoSlot);
    get(1, 20, "never", kNoSlot);
    assert_good();
    CPPUNIT_ASSERT(check_sequential(history_).positions == 0);
  }

  void an_old_state_is_sequential() {
    put(1, 10, "a", 4);
    put(1, 20, "b", 5);
    get(2, 30, "a", 4);
    get_nothing(3, 30, 3);
    get(2, 40, "b", 7);
    assert_good();
    CPPUNIT_ASSERT(check_sequential(history_).positions == 5);
    CPPUNIT_ASSERT(check_sequential(history_).values == 3);
  }

  void going_backwards() {
    put(1, 10, "a", 4);
    put(1, 20, "b", 5);
    get(2, 30, "b", 5);
    assert_good();
    get(2, 40, "a", 4);
    assert_bad();
  }

  void a_read_behind_an_own_write() {
    put(1, 10, "a", 4);
    get(1, 20, "a", 4);
    assert_good();
    get_nothing(1, 30, 3);
    assert_bad();
  }

  void calls_under_way_together_have_no_order() {
    put(1, 10, "a", 4);
    add(1, Kind::kGet, 20, 60, 9).value = "a";
    get_nothing(1, 60, 3).process = 2;
    get(1, 25, "a", 5);
    assert_good();
    get(1, 61, "a", 8);
    assert_bad();
  }

  void an_eventual_read_may_go_backwards() {
    put(1, 10, "a", 4);
    put(1, 20, "b", 5);
    get(1, 30, "a", 4).consistency = Consistency::kEventual;
    get(1, 40, "b", 5);
    assert_good();
    get(1, 50, "c", 5).consistency = Consistency::kEventual;
    assert_bad();
  }

  void a_value_of_another_slot() {
    put(1, 10, "a", 4);
    put(1, 20, "b", 8);
    get(2, 30, "a", 7);
    assert_good();
    get(3, 30, "b", 7);
    assert_bad();
  }

  void a_removal_and_a_version() {
    put(1, 10, "a", 4).version = 1;
    add(1, Kind::kDel, 20, 25, 6);
    get(2, 30, "a", 5).version = 1;
    get_nothing(2, 40, 6);
    assert_good();
    get(3, 40, "a", 5).version = 2;
    assert_bad();
    history_.pop_back();
    get(3, 40, "a", 6);
    assert_bad();
  }

  void an_unanswered_write_may_be_what_was_seen() {
    put(1, 10, "a", 4);
    add(2, Kind::kPut, 20, kNever, kNoSlot).argument = "late";
    get(3, 30, "a", 9);
    get(4, 30, "late", 9);
    assert_good();
    get(5, 40, "b", 9);
    assert_bad();
  }

  void an_unanswered_write_is_not_seen_before_its_request() {
    put(1, 10, "a", 4);
    add(2, Kind::kPut, 50, kNever, kNoSlot).argument = "late";
    get(3, 30, "late", 9);
    assert_bad();
  }

  void steps_of_transactions() {
    Operation& write = add(1, Kind::kTransact, 10, 15, 4);
    write.transaction.then = {{Step::Kind::kIncr, "n", "", 3}, {Step::Kind::kAppend, "k", "x", 0}};
    write.transacted = {true, {{false, 1, std::nullopt, 3}, {false, 2, std::nullopt, {}}}};
    Operation& read = add(2, Kind::kTransact, 20, 25, 6);
    read.consistency = Consistency::kSequential;
    read.transaction.then = {{Step::Kind::kGet, "n", "", 0}, {Step::Kind::kGet, "k", "", 0}};
    read.transacted = {true, {{true, 1, "3", {}}, {true, 2, "whatever was there, and x", {}}}};
    assert_good();
    CPPUNIT_ASSERT(check_sequential(history_).values == 2);
    const History good = history_;
    history_.back().transacted.results[0].value = "2";
    assert_bad();
    history_ = good;
    history_.back().transacted.results[1].version = 1;
    assert_bad();
    // One that may have been there in between explains both.
    Operation& unknown = add(3, Kind::kTransact, 12, kNever, kNoSlot);
    unknown.transaction.then = {{Step::Kind::kAppend, "k", "y", 0}};
    assert_good();
  }

  void two_writes_of_one_slot_say_nothing() {
    put(1, 10, "a", 4);
    put(2, 10, "b", 4);
    get(3, 30, "c", 4);
    assert_good();
    CPPUNIT_ASSERT(check_sequential(history_).values == 0);
  }

  void linearizable_calls_of_all_do_not_go_back() {
    put(1, 10, "a", 4);
    get(2, 30, "a", 4).consistency = Consistency::kLinearizable;
    get_nothing(3, 50, 3);  // sequential, and the first one of its process
    assert_good();
    get_nothing(4, 70, 3).consistency = Consistency::kLinearizable;
    assert_bad();
  }

  void slots_that_are_told_are_those_of_the_writes() {
    put(1, 10, "a", 4);
    put(1, 20, "b", 6);
    Operation& read = get(2, 30, "b", 7);
    read.created = 4;
    read.modified = 6;
    assert_good();
    history_.back().modified = 5;
    assert_bad();
    // A write of which nobody knows where it was may explain it, if the value is right.
    add(3, Kind::kDel, 12, kNever, kNoSlot);
    assert_good();
    history_.pop_back();
    history_.back().modified = 6;
    history_.back().created = 6;
    assert_bad();
    // Within one write it was removed and made again.
    history_.erase(history_.begin() + 1);
    Operation& anew = add(1, Kind::kTransact, 20, 25, 6);
    anew.transaction.then = {{Step::Kind::kDel, "k", "", 0}, {Step::Kind::kPut, "k", "b", 0}};
    anew.transacted = {true, {{true, {}, {}, {}}, {}}};
    assert_good();
  }

  void a_list_has_every_key() {
    put_key("a", 1);
    put_key("b", 2);
    put_key("c", 3);
    list(40, 2, {{"a", "v1", 1, 1, 1}, {"b", "v2", {}, {}, {}}});
    assert_good();
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, check_sequential(history_).values);
    const History good = history_;
    history_.back().listed.keys.pop_back();
    assert_bad();
    history_ = good;
    history_.back().position = 3;
    assert_bad();
    history_.back().list.range.end = "c";
    assert_good();
    history_ = good;
    history_.back().listed.keys[1].value = "v1";
    assert_bad();
    history_ = good;
    history_.back().listed.keys[0].modified = 2;
    assert_bad();
  }

  void a_page_covers_its_part() {
    for (const char* key : {"a", "b", "c", "d"}) put_key(key, history_.size() + 1);
    Operation& page = list(50, 4, {{"b", {}, {}, {}, {}}, {"c", {}, {}, {}, {}}});
    page.list.goes_on = true;
    page.listed.more = true;
    assert_good();  // where it begins is not known
    history_.back().list.behind = "a";
    assert_good();
    history_.back().list.behind = "A";
    assert_bad();
    history_.back().list.behind = "a";
    history_.back().listed.more = false;
    assert_bad();
    history_.back().list.range.end = "d";
    assert_good();
    // A first page begins where the range does.
    history_.back().list = {{"", "d"}, false, false, ""};
    assert_bad();
    history_.back().list.range.first = "aa";
    assert_good();
    // A page without keys covers all of its range, or nothing.
    history_.pop_back();
    list(60, 4, {}).listed.more = true;
    assert_good();
    history_.back().listed.more = false;
    assert_bad();
  }

  void a_page_in_reverse_covers_its_part() {
    for (const char* key : {"a", "b", "c", "d"}) put_key(key, history_.size() + 1);
    Operation& page = list(50, 4, {{"c", {}, {}, {}, {}}, {"b", {}, {}, {}, {}}});
    page.list.reverse = true;
    page.list.goes_on = true;
    page.list.behind = "d";
    page.listed.more = true;
    assert_good();
    history_.back().list.behind = "e";
    assert_bad();
    history_.back().list.behind = "d";
    history_.back().listed.more = false;
    assert_bad();
    history_.back().list.range.first = "b";
    assert_good();
  }

  void the_order_of_a_list() {
    put_key("a", 1);
    put_key("b", 2);
    list(40, 2, {{"b", {}, {}, {}, {}}, {"a", {}, {}, {}, {}}});
    assert_bad();
    history_.back().list.reverse = true;
    assert_good();
    history_.back().listed.keys[1].key = "b";
    assert_bad();
    history_.pop_back();
    list(40, 2, {{"a", {}, {}, {}, {}}, {"b", {}, {}, {}, {}}}).list.range.end = "b";
    assert_bad();
  }

  void a_count() {
    put_key("a", 1);
    put_key("b", 2);
    Operation& count = list(40, 2, {});
    count.listed.count = 2;
    assert_good();
    history_.back().listed.count = 1;
    assert_bad();
    history_.back().list.range.first = "b";
    assert_good();
    history_.back().list.range.first = "";
    history_.back().listed.more = true;
    assert_good();
  }

  void a_range_that_was_removed() {
    put_key("a", 1);
    put_key("b", 2);
    put_key("c", 3);
    Operation& removal = add(1, Kind::kTransact, 40, 45, 4);
    removal.transaction.then = {{Step::Kind::kDelRange, "", "", 0, {"", "c"}}};
    removal.transacted = {true, {{}}};
    list(50, 4, {{"c", {}, {}, {}, {}}});
    list(60, 3, {{"a", {}, {}, {}, {}}, {"b", {}, {}, {}, {}}, {"c", {}, {}, {}, {}}});
    assert_good();
    const History good = history_;
    list(70, 4, {{"a", {}, {}, {}, {}}, {"c", {}, {}, {}, {}}});
    assert_bad();
    // Which ones were left is not told.
    history_[3].transacted.results[0].more = true;
    assert_good();
    history_ = good;
    history_[3].outcome = Outcome::kUnknown;
    history_[3].returned = kNever;
    history_[3].position = kNoSlot;
    assert_good();
    list(30, 3, {{"c", {}, {}, {}, {}}});
    assert_bad();
  }

  void compares_of_slots() {
    put_key("a", 1);
    put_key("a", 3);
    Operation& write = add(1, Kind::kTransact, 40, 45, 4);
    write.transaction.compares = {{"a", Compare::Target::kModified, {}, 3, ""},
                                  {"a", Compare::Target::kCreated, {}, 1, ""},
                                  {"b", Compare::Target::kModified, {}, 0, ""}};
    write.transaction.then = {{Step::Kind::kPut, "a", "x", 0}};
    write.transacted = {true, {{}}};
    assert_good();
    const History good = history_;
    history_.back().transaction.compares[0].number = 4;  // its own
    assert_bad();
    history_.back().transacted.succeeded = false;
    history_.back().transacted.results.clear();
    assert_good();
    history_ = good;
    history_.back().transaction.compares[1].relation = Compare::Relation::kNotEqual;
    assert_bad();
    add(2, Kind::kDel, 20, kNever, kNoSlot).key = "a";
    assert_good();
  }

  void what_is_said_of_it() {
    put(1, 10, "a", 4);
    get(2, 20, "b", 5);
    CPPUNIT_ASSERT_EQUAL(
        std::string("key \"k\": this read, at slot 5,\n"
                    "    process 2 sequential get \"k\" -> \"b\", slot 5 [20, 25]\n"
                    "  did not see the last write up to that slot:\n"
                    "    process 1 put \"k\" = \"a\" -> ok, slot 4 [10, 15]"),
        check_sequential(history_).explanation);
    get_nothing(2, 40, 3);
    CPPUNIT_ASSERT_EQUAL(
        std::string("process 2 went back: after\n"
                    "    process 2 sequential get \"k\" -> \"b\", slot 5 [20, 25]\n"
                    "  it was told\n"
                    "    process 2 sequential get \"k\" -> nothing, slot 3 [40, 45]"),
        check_sequential(history_).explanation);
  }

  History history_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(SequentialTest);

}  // namespace
}  // namespace rkv::history
