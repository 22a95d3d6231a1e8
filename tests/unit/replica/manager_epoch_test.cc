#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "replica/manager.h"
#include "scripted_manager.h"

namespace rkv::replica {
namespace {

constexpr ReplicaId kOther{2};
constexpr ReplicaId kNobody{};

// Epochs of operations: who begins them, and what they do to writes without an operation id.
class ManagerEpochTest : public ScriptedManagerFixture {
  CPPUNIT_TEST_SUITE(ManagerEpochTest);
  CPPUNIT_TEST(a_leader_begins_an_epoch_after_so_long_in_office);
  CPPUNIT_TEST(a_follower_begins_none);
  CPPUNIT_TEST(without_a_leader_only_who_locks_keys_begins_one);
  CPPUNIT_TEST(nothing_is_begun_while_nothing_is_remembered);
  CPPUNIT_TEST(want_of_room_begins_an_epoch_in_the_next_turn);
  CPPUNIT_TEST(a_failed_proposal_is_made_again_a_second_later);
  CPPUNIT_TEST(own_operations_follow_the_epoch);
  CPPUNIT_TEST(an_own_operation_that_comes_too_late_is_in_doubt);
  CPPUNIT_TEST(own_operations_tell_what_is_outstanding);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { begin(false); }

  void a_leader_begins_an_epoch_after_so_long_in_office() {
    protocol_->leader = kSelf;
    remember();
    pass(limits_.epoch_age_max - seconds(1));
    CPPUNIT_ASSERT(protocol_->proposed.empty());
    pass(seconds(2));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->proposed.size());
    const kv::Command command = proposed(0);
    CPPUNIT_ASSERT(command.kind == kv::Command::Kind::kEpoch && command.epoch == 1);
    CPPUNIT_ASSERT(command.operation == OperationId{});
    pass(limits_.epoch_age_max);  // while it is under way there is no other one
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->proposed.size());
    choose(0);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, manager_->epoch());
    CPPUNIT_ASSERT(manager_->quiet());
    pass(limits_.epoch_age_max - seconds(1));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->proposed.size());
    pass(seconds(2));
    CPPUNIT_ASSERT(protocol_->proposed.size() == 2 && proposed(1).epoch == 2);
    choose(1);
    CPPUNIT_ASSERT(manager_->epoch() == 2 && store_->epoch() == 2);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, manager_->counters().writes);
  }

  void a_follower_begins_none() {
    for (const bool checks_operations : {false, true}) {
      begin(checks_operations);
      protocol_->leader = kOther;
      remember();
      fill();
      pass(limits_.epoch_age_max * 3);
      CPPUNIT_ASSERT(protocol_->proposed.empty());
      protocol_->leader = kSelf;  // it has the office now
      pass(seconds(1));
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->proposed.size());
    }
  }

  void without_a_leader_only_who_locks_keys_begins_one() {
    protocol_->leader = kNobody;
    remember();
    pass(limits_.epoch_age_max * 2);
    CPPUNIT_ASSERT(protocol_->proposed.empty());
    begin(true);
    remember();
    pass(limits_.epoch_age_max + seconds(1));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->proposed.size());
    CPPUNIT_ASSERT(protocol_->proposed[0].keys ==
                   std::vector<std::string>{std::string(kv::kEpochKey)});
  }

  void nothing_is_begun_while_nothing_is_remembered() {
    protocol_->leader = kSelf;
    CPPUNIT_ASSERT(manager_->next_turn() == kNever);
    pass(limits_.epoch_age_max * 2);
    CPPUNIT_ASSERT(protocol_->proposed.empty());
    remember();
    CPPUNIT_ASSERT(manager_->next_turn() <= now_ + seconds(1));
  }

  void want_of_room_begins_an_epoch_in_the_next_turn() {
    protocol_->leader = kSelf;
    remember();
    pass(seconds(10));
    CPPUNIT_ASSERT(protocol_->proposed.empty());
    fill();
    wake();
    CPPUNIT_ASSERT(protocol_->proposed.size() == 1 && proposed(0).epoch == 1);
    wake();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->proposed.size());
    choose(0);  // what fills the table is of the epoch before: it takes another one
    wake();
    CPPUNIT_ASSERT(protocol_->proposed.size() == 2 && proposed(1).epoch == 2);
    choose(1);
    wake();
    pass(seconds(10));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, protocol_->proposed.size());
    CPPUNIT_ASSERT(store_->epoch() == 2 && manager_->next_turn() == kNever);
  }

  void a_failed_proposal_is_made_again_a_second_later() {
    protocol_->leader = kSelf;
    remember();
    pass(seconds(1));
    fill();
    wake();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->proposed.size());
    protocol_->next.emplace_back(protocol::Finish{
        protocol_->proposed[0].proposal, Status::unavailable("nobody answers"), {}, 0});
    wake();
    wake();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->proposed.size());
    pass(seconds(1));
    CPPUNIT_ASSERT(protocol_->proposed.size() == 2 && proposed(1).epoch == 1);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, manager_->counters().writes_failed);
  }

  void own_operations_follow_the_epoch() {
    write();
    write();
    const OperationId first = proposed(0).operation;
    CPPUNIT_ASSERT(first.client != 0);
    CPPUNIT_ASSERT_EQUAL(kv::first_sequence_of(0), first.sequence);
    CPPUNIT_ASSERT((proposed(1).operation == OperationId{first.client, first.sequence + 1, 1}));
    choose(0);
    choose(1);
    apply(epoch_command(1));
    apply(epoch_command(2));
    write();
    const std::uint64_t in_second = kv::first_sequence_of(2);
    CPPUNIT_ASSERT((proposed(2).operation == OperationId{first.client, in_second, in_second}));
    choose(2);
    CPPUNIT_ASSERT_EQUAL(Position{5}, store_->applied());
    write();
    CPPUNIT_ASSERT(
        (proposed(3).operation == OperationId{first.client, in_second + 1, in_second + 1}));
    choose(3);
    CPPUNIT_ASSERT(results_.size() == 4);
    for (const WriteResult& result : results_) {
      CPPUNIT_ASSERT(result.status.ok());
      CPPUNIT_ASSERT(result.applied.outcome == kv::Applied::Outcome::kApplied);
    }
  }

  // Its client has no id of which it could be said that it is too old.
  void an_own_operation_that_comes_too_late_is_in_doubt() {
    write();
    apply(epoch_command(1));
    apply(epoch_command(2));
    choose(0);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, results_.size());
    CPPUNIT_ASSERT(results_[0].status.code() == StatusCode::kUnknown);
    store_->get("key", [](const kv::Entry* entry) { CPPUNIT_ASSERT(entry == nullptr); });
  }

  void own_operations_tell_what_is_outstanding() {
    write();
    apply(epoch_command(1));
    write();
    const OperationId first = proposed(0).operation;
    CPPUNIT_ASSERT_EQUAL(first.sequence, proposed(1).operation.first_outstanding);
    choose(0);
    write();
    CPPUNIT_ASSERT_EQUAL(proposed(1).operation.sequence, proposed(2).operation.first_outstanding);
  }

 private:
  void begin(bool checks_operations) {
    Manager::Limits limits;
    limits.sessions = {8, 8, 8, 1000};
    limits.epoch_age_max = seconds(60);
    remembered_ = 0;
    results_.clear();
    start(limits, checks_operations);
  }
  // Turns when they are wanted.
  void pass(Duration span) {
    const TimePoint end = now_ + span;
    while (manager_->next_turn() <= end) {
      now_ = std::max(now_, manager_->next_turn());
      manager_->turn(now_);
    }
    now_ = end;
  }
  void apply(const kv::Command& command) {
    protocol_->next.emplace_back(
        protocol::Apply{store_->applied() + 1,
                        std::make_shared<const std::string>(kv::encode_command(command)), 0});
    wake();
  }
  static kv::Command epoch_command(std::uint64_t epoch) {
    kv::Command command;
    command.kind = kv::Command::Kind::kEpoch;
    command.epoch = epoch;
    return command;
  }
  // A client's write, which is remembered.
  void remember() {
    ++remembered_;
    apply({kv::Command::Kind::kPut, {remembered_, 1, 1}, "key", "value"});
  }
  // Until there is little room left.
  void fill() {
    while (remembered_ < limits_.sessions.sessions_max * 3 / 4) remember();
  }
  void write() {
    manager_->write({kv::Command::Kind::kPut, {}, "key", "value"},
                    [this](const WriteResult& result) { results_.push_back(result); });
    wake();
  }
  kv::Command proposed(std::size_t index) {
    Result<kv::Command> command = kv::decode_command(*protocol_->proposed.at(index).command);
    CPPUNIT_ASSERT(command.ok());
    return std::move(command).value();
  }
  void choose(std::size_t index) {
    const protocol::Propose& propose = protocol_->proposed.at(index);
    protocol_->next.emplace_back(
        protocol::Apply{store_->applied() + 1, propose.command, propose.proposal});
    protocol_->next.emplace_back(protocol::Finish{propose.proposal, Status(), {}, 0});
    wake();
  }

  std::uint64_t remembered_ = 0;
  std::vector<WriteResult> results_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ManagerEpochTest);

}  // namespace
}  // namespace rkv::replica
