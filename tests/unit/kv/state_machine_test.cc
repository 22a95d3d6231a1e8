#include "kv/state_machine.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../../contract/deferring_store.h"
#include "base/limits.h"
#include "kv/transaction_codec.h"

namespace rkv::kv {
namespace {

Command put_of(std::string key, std::string value) {
  return {Command::Kind::kPut, {}, std::move(key), std::move(value)};
}

Step step(Step::Kind kind, std::string key, std::string value = {}) {
  return {kind, std::move(key), std::move(value), 1, true};
}

std::shared_ptr<const Transaction> transaction_of(std::vector<Step> steps) {
  return std::make_shared<const Transaction>(Transaction{{}, std::move(steps), {}});
}

Command command_of(std::vector<Step> steps) {
  Command command;
  command.kind = Command::Kind::kTransaction;
  command.transaction = transaction_of(std::move(steps));
  return command;
}

// The values that the first steps told, "-" for none.
std::string told(const Applied& applied) {
  const Result<StepsResult> result = decode_result(*applied.told);
  CPPUNIT_ASSERT(result.ok());
  std::string values;
  for (const StepResult& each : result.value().results) {
    values += each.entry ? each.entry->value : "-";
  }
  return values;
}

// What is the same on every store is in tests/contract; this is about a store that answers late.
class StateMachineTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(StateMachineTest);
  CPPUNIT_TEST(later_commands_wait_for_the_first);
  CPPUNIT_TEST(reads_behind_applies_wait);
  CPPUNIT_TEST(reads_do_not_hold_up_applies);
  CPPUNIT_TEST(look_ups_behind_applies_wait);
  CPPUNIT_TEST(look_ups_need_no_store);
  CPPUNIT_TEST(a_transaction_holds_up_what_is_behind_it);
  CPPUNIT_TEST(a_transaction_that_is_read_sees_one_state);
  CPPUNIT_TEST(a_transaction_looks_at_so_many_bytes_of_values);
  CPPUNIT_TEST(a_transaction_that_is_read_waits_for_applies_before_it);
  CPPUNIT_TEST(a_scan_waits_for_applies_before_it);
  CPPUNIT_TEST(a_scan_that_is_not_the_last_page_leaves_a_pin);
  CPPUNIT_TEST(callback_may_apply_more);
  CPPUNIT_TEST(callbacks_end_with_the_state_machine);
  CPPUNIT_TEST_SUITE_END();

  void later_commands_wait_for_the_first() {
    std::vector<Position> done;
    for (Position position = 1; position <= 3; ++position) {
      machine_->apply(position, put_of("key " + std::to_string(position), "v"),
                      [&](const Applied& applied) { done.push_back(applied.position); });
    }
    CPPUNIT_ASSERT(machine_->waiting() == 3 && store_.pending() == 1 && done.empty());
    store_.finish(0);
    CPPUNIT_ASSERT(machine_->waiting() == 2 && store_.pending() == 1);
    CPPUNIT_ASSERT(store_.applied() == 1 && done.size() == 1);
    store_.finish(0);
    store_.finish(0);
    CPPUNIT_ASSERT(machine_->waiting() == 0 && store_.pending() == 0);
    CPPUNIT_ASSERT((done == std::vector<Position>{1, 2, 3}));
  }

  void reads_behind_applies_wait() {
    std::string seen = "unanswered";
    machine_->apply(1, put_of("key", "value"), nullptr);
    machine_->read("key", [&](const Entry* entry) { seen = entry->value; });
    CPPUNIT_ASSERT(machine_->waiting() == 2 && store_.pending() == 1);
    store_.finish(0);
    CPPUNIT_ASSERT(machine_->waiting() == 0 && seen == "unanswered");
    store_.finish(0);
    CPPUNIT_ASSERT_EQUAL(std::string("value"), seen);
  }

  void reads_do_not_hold_up_applies() {
    bool read_absent = false;
    machine_->read("key", [&](const Entry* entry) { read_absent = entry == nullptr; });
    machine_->apply(1, put_of("key", "value"), nullptr);
    CPPUNIT_ASSERT(store_.pending() == 2);
    store_.finish(1);
    CPPUNIT_ASSERT(store_.applied() == 1 && !read_absent);
    store_.finish(0);
    CPPUNIT_ASSERT(read_absent);
  }

  void look_ups_behind_applies_wait() {
    std::optional<Applied> known;
    Command put = put_of("key", "value");
    put.operation = {7, 1, 1};
    machine_->apply(1, put, nullptr);
    machine_->look_up(put.operation, [&](const std::optional<Applied>& it) { known = it; });
    CPPUNIT_ASSERT(machine_->waiting() == 2 && !known);
    store_.finish(0);
    CPPUNIT_ASSERT(machine_->waiting() == 0 && store_.pending() == 0);
    CPPUNIT_ASSERT(known && known->position == 1);
  }

  void look_ups_need_no_store() {
    bool is_unknown = false;
    machine_->read("key", [](const Entry*) {});  // does not hold it up
    machine_->look_up({7, 1, 1}, [&](const auto& known) { is_unknown = !known.has_value(); });
    CPPUNIT_ASSERT(is_unknown && store_.pending() == 1);
  }

  void a_transaction_holds_up_what_is_behind_it() {
    std::string first;
    std::string second;
    const auto read_both = [] {
      return command_of({step(Step::Kind::kGet, "a"), step(Step::Kind::kGet, "b")});
    };
    machine_->apply(1,
                    command_of({step(Step::Kind::kPut, "a", "1"), step(Step::Kind::kPut, "b", "1"),
                                step(Step::Kind::kDelRange, "c", "d")}),
                    nullptr);
    machine_->apply(2, read_both(), [&](const Applied& applied) { first = told(applied); });
    machine_->apply(3, put_of("b", "2"), nullptr);
    machine_->apply(4, read_both(), [&](const Applied& applied) { second = told(applied); });
    CPPUNIT_ASSERT(machine_->waiting() == 4 && store_.pending() == 3);
    store_.finish(2);
    store_.finish(0);
    CPPUNIT_ASSERT(store_.applied() == 0);
    store_.finish(0);
    CPPUNIT_ASSERT(store_.applied() == 1);
    while (store_.pending() > 0) store_.finish(store_.pending() - 1);
    CPPUNIT_ASSERT(store_.applied() == 4 && machine_->waiting() == 0);
    CPPUNIT_ASSERT_EQUAL(std::string("11"), first);
    CPPUNIT_ASSERT_EQUAL(std::string("12"), second);
  }

  void a_transaction_that_is_read_sees_one_state() {
    machine_->apply(
        1, command_of({step(Step::Kind::kPut, "a", "1"), step(Step::Kind::kPut, "b", "1")}),
        nullptr);
    while (store_.pending() > 0) store_.finish(0);
    std::string seen;
    machine_->read(transaction_of({step(Step::Kind::kGet, "a"), step(Step::Kind::kGet, "b")}),
                   [&](const Applied& applied) {
                     CPPUNIT_ASSERT_EQUAL(Position{1}, applied.position);
                     seen = told(applied);
                   });
    machine_->apply(
        2, command_of({step(Step::Kind::kPut, "a", "2"), step(Step::Kind::kPut, "b", "2")}),
        nullptr);
    store_.finish(0);
    while (store_.applied() < 2) store_.finish(store_.pending() - 1);
    CPPUNIT_ASSERT(seen.empty() || seen == "11");
    while (store_.pending() > 0) store_.finish(0);
    CPPUNIT_ASSERT_EQUAL(std::string("11"), seen);
  }

  // A short call can name many long values.
  void a_transaction_looks_at_so_many_bytes_of_values() {
    const std::string value(kValueSizeMax, 'v');
    std::vector<Step> told;
    std::vector<Step> seen;
    Position position = 0;
    for (const char key : std::string("abcdefghijklmnopq")) {
      const std::string name(1, key);
      machine_->apply(++position, put_of(name, value), nullptr);
      told.push_back(step(Step::Kind::kGet, name));
      seen.push_back({Step::Kind::kGet, name, {}, 0, false});
    }
    while (store_.pending() > 0) store_.finish(0);
    CPPUNIT_ASSERT_EQUAL(kTxnValuesSizeMax + kValueSizeMax, told.size() * kValueSizeMax);
    const auto outcome_of = [&](Transaction transaction) {
      Applied outcome;
      machine_->read(std::make_shared<const Transaction>(std::move(transaction)),
                     [&](const Applied& applied) { outcome = applied; });
      while (store_.pending() > 0) store_.finish(0);
      return outcome;
    };
    // Without their values they are no matter.
    CPPUNIT_ASSERT(outcome_of({{}, seen, seen}).outcome == Applied::Outcome::kApplied);
    // Also where the other branch runs.
    const Applied refused = outcome_of({{}, {seen[0]}, told});
    CPPUNIT_ASSERT(refused.outcome == Applied::Outcome::kOverLimit);
    CPPUNIT_ASSERT_EQUAL(std::string("the values that the transaction looks at have 17825792 "
                                     "bytes, the limit is 16777216"),
                         *refused.told);
    told.pop_back();
    CPPUNIT_ASSERT(outcome_of({{}, {seen[0]}, told}).outcome == Applied::Outcome::kApplied);
  }

  void a_transaction_that_is_read_waits_for_applies_before_it() {
    std::string seen;
    machine_->apply(1, put_of("a", "1"), nullptr);
    machine_->read(transaction_of({step(Step::Kind::kGet, "a"), step(Step::Kind::kGet, "none")}),
                   [&](const Applied& applied) { seen = told(applied); });
    CPPUNIT_ASSERT(machine_->waiting() == 2 && store_.pending() == 1);
    while (store_.pending() > 0) store_.finish(0);
    CPPUNIT_ASSERT_EQUAL(std::string("1-"), seen);
  }

  void a_scan_waits_for_applies_before_it() {
    std::vector<std::string> keys;
    machine_->apply(1, put_of("a", "1"), nullptr);
    machine_->scan({}, false, [&](ScanPage&& page) {
      CPPUNIT_ASSERT_EQUAL(Position{1}, page.position);
      for (const ScannedEntry& entry : page.entries) keys.push_back(entry.key);
    });
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, machine_->waiting());
    while (store_.pending() > 0) store_.finish(0);
    CPPUNIT_ASSERT(keys == std::vector<std::string>{"a"});
  }

  // Whether a state is kept shows when it is read after it has changed.
  bool is_kept(Position at) {
    Scan scan;
    scan.at = at;
    bool gone = true;
    machine_->scan(scan, true, [&](ScanPage&& page) { gone = page.gone; });
    while (store_.pending() > 0) store_.finish(0);
    return !gone;
  }

  void a_scan_that_is_not_the_last_page_leaves_a_pin() {
    machine_->apply(1, put_of("a", "1"), nullptr);
    machine_->apply(2, put_of("b", "1"), nullptr);
    while (store_.pending() > 0) store_.finish(0);
    Position next = 3;
    for (const bool pins : {false, true}) {
      for (const std::size_t entries_max : {1U, 2U}) {
        Scan scan;
        scan.entries_max = entries_max;
        Position at = 0;
        machine_->scan(scan, pins, [&](ScanPage&& page) {
          at = page.position;
          CPPUNIT_ASSERT_EQUAL(entries_max == 1, page.more);
        });
        while (store_.pending() > 0) store_.finish(0);
        machine_->apply(next++, put_of("a", "2"), nullptr);
        while (store_.pending() > 0) store_.finish(0);
        CPPUNIT_ASSERT_EQUAL(pins && entries_max == 1, is_kept(at));
      }
    }
  }

  void callback_may_apply_more() {
    bool second = false;
    std::string seen;
    machine_->apply(1, put_of("key", "one"), [&](const Applied&) {
      machine_->apply(2, put_of("key", "two"),
                      [&](const Applied& applied) { second = applied.version == 2; });
      machine_->read("key", [&](const Entry* entry) { seen = entry->value; });
    });
    while (store_.pending() > 0) store_.finish(0);
    CPPUNIT_ASSERT(second);
    CPPUNIT_ASSERT_EQUAL(std::string("two"), seen);
  }

  void callbacks_end_with_the_state_machine() {
    bool called = false;
    machine_->read("key", [&](const Entry*) { called = true; });
    machine_->apply(1, put_of("key", "one"), [&](const Applied&) { called = true; });
    machine_->read("key", [&](const Entry*) { called = true; });
    machine_->look_up({7, 1, 1}, [&](const std::optional<Applied>&) { called = true; });
    machine_->read(transaction_of({step(Step::Kind::kGet, "a")}),
                   [&](const Applied&) { called = true; });
    machine_->scan({}, true, [&](ScanPage&&) { called = true; });
    machine_.reset();
    while (store_.pending() > 0) store_.finish(0);
    CPPUNIT_ASSERT(!called);
    CPPUNIT_ASSERT(store_.applied() == 0);
    machine_ = std::make_unique<StateMachine>(store_, StateMachine::Options());
    machine_->read(transaction_of({step(Step::Kind::kGet, "a"), step(Step::Kind::kGet, "b")}),
                   [&](const Applied&) { called = true; });
    machine_->scan({}, true, [&](ScanPage&&) { called = true; });
    store_.finish(0);
    machine_.reset();
    while (store_.pending() > 0) store_.finish(0);
    CPPUNIT_ASSERT(!called);
  }

  contract::DeferringStore store_;
  std::unique_ptr<StateMachine> machine_ =
      std::make_unique<StateMachine>(store_, StateMachine::Options());
};

CPPUNIT_TEST_SUITE_REGISTRATION(StateMachineTest);

}  // namespace
}  // namespace rkv::kv
