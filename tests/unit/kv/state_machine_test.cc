#include "kv/state_machine.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../../contract/deferring_store.h"

namespace rkv::kv {
namespace {

Command put_of(std::string key, std::string value) {
  return {Command::Kind::kPut, {}, std::move(key), std::move(value)};
}

// What is the same on every store is in tests/contract; this is about a store that answers late.
class StateMachineTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(StateMachineTest);
  CPPUNIT_TEST(later_commands_wait_for_the_first);
  CPPUNIT_TEST(reads_behind_applies_wait);
  CPPUNIT_TEST(reads_do_not_hold_up_applies);
  CPPUNIT_TEST(look_ups_behind_applies_wait);
  CPPUNIT_TEST(look_ups_need_no_store);
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
    machine_.reset();
    while (store_.pending() > 0) store_.finish(0);
    CPPUNIT_ASSERT(!called);
    CPPUNIT_ASSERT(store_.applied() == 0);
  }

  contract::DeferringStore store_;
  std::unique_ptr<StateMachine> machine_ =
      std::make_unique<StateMachine>(store_, StateMachine::Options());
};

CPPUNIT_TEST_SUITE_REGISTRATION(StateMachineTest);

}  // namespace
}  // namespace rkv::kv
