#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "../../contract/deferring_store.h"
#include "kv/memory_store.h"
#include "replica/manager.h"
#include "scripted_protocol.h"

namespace rkv::replica {
namespace {

constexpr ReplicaId kSelf{1};
constexpr OperationId kOperation{7, 1, 1};

// A protocol that asks the state about operations: does what the test says, in its next turn, and
// keeps what it is told.
class AskingProtocol final : public protocol::Protocol {
 public:
  void recover(protocol::Recovery, TimePoint, protocol::Effects&) override {}
  bool keeps_log() const override { return true; }
  bool checks_operations() const override { return true; }
  void step(protocol::Event event, TimePoint, protocol::Effects&) override {
    if (const auto* checked = std::get_if<protocol::Checked>(&event)) told.push_back(*checked);
    if (auto* propose = std::get_if<protocol::Propose>(&event)) proposed = std::move(*propose);
  }
  void tick(TimePoint, protocol::Effects&) override {}
  TimePoint next_tick() const override { return kNever; }
  void flush(TimePoint, protocol::Effects& effects) override {
    for (protocol::Effect& effect : std::exchange(next, {})) effects.push_back(std::move(effect));
  }
  protocol::Role role() const override { return {"replica", {}, {}}; }

  protocol::Effects next;
  std::vector<protocol::Checked> told;
  protocol::Propose proposed;
};

class ManagerChecksTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ManagerChecksTest);
  CPPUNIT_TEST(what_is_proposed_names_its_key_and_its_operation);
  CPPUNIT_TEST(an_operation_that_was_not_applied_is_not_known);
  CPPUNIT_TEST(an_operation_that_was_applied_is_known_and_has_its_reply);
  CPPUNIT_TEST(an_operation_that_is_too_old_is_known_and_has_expired);
  CPPUNIT_TEST(without_room_an_operation_is_not_known_and_must_not_be_made);
  CPPUNIT_TEST(a_check_is_behind_every_apply_before_it);
  CPPUNIT_TEST(the_protocol_has_everything_applied_that_it_decided_on);
  CPPUNIT_TEST(a_check_may_be_of_nobodys_write);
  CPPUNIT_TEST(a_check_wants_a_turn);
  CPPUNIT_TEST(a_check_that_ends_after_the_manager_goes_nowhere);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    store_ = std::make_unique<kv::MemoryStore>();
    start(*store_);
  }
  void tearDown() override { manager_.reset(); }

  void what_is_proposed_names_its_key_and_its_operation() {
    write(kOperation);
    turn();
    CPPUNIT_ASSERT(protocol_->proposed.keys == std::vector<std::string>{"key"});
    CPPUNIT_ASSERT(protocol_->proposed.operation == kOperation);
    const Result<kv::Command> command = kv::decode_command(*protocol_->proposed.command);
    CPPUNIT_ASSERT(command.ok() && command.value().operation == kOperation);
    write({});  // without an operation id it gets none here
    turn();
    CPPUNIT_ASSERT(protocol_->proposed.operation == OperationId{});
  }

  void an_operation_that_was_not_applied_is_not_known() {
    check(5, kOperation, 0);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->told.size());
    CPPUNIT_ASSERT(protocol_->told[0].check == 5 && !protocol_->told[0].is_known);
  }

  void an_operation_that_was_applied_is_known_and_has_its_reply() {
    apply(1, kOperation, 0);
    apply(2, {}, 0);
    write(kOperation);
    turn();
    const protocol::ProposalId proposal = protocol_->proposed.proposal;
    check(5, kOperation, proposal);
    CPPUNIT_ASSERT(protocol_->told[0].is_known && !result_);
    finish(proposal);
    CPPUNIT_ASSERT(result_ && result_->status.ok());
    CPPUNIT_ASSERT(result_->applied.position == 1 && result_->applied.version == 1);
  }

  void an_operation_that_is_too_old_is_known_and_has_expired() {
    apply(1, {7, 3, 3}, 0);
    write(kOperation);
    turn();
    const protocol::ProposalId proposal = protocol_->proposed.proposal;
    check(5, kOperation, proposal);
    CPPUNIT_ASSERT(protocol_->told[0].is_known);
    finish(proposal);
    CPPUNIT_ASSERT(result_ && result_->applied.outcome == kv::Applied::Outcome::kExpired);
  }

  void without_room_an_operation_is_not_known_and_must_not_be_made() {
    limits_.sessions = {1, 8, 8, 1000};
    start(*store_);
    apply(1, {8, 1, 1}, 0);
    check(5, kOperation, 0);
    CPPUNIT_ASSERT(!protocol_->told[0].is_known && protocol_->told[0].is_full);
    check(6, {8, 1, 1}, 0);
    CPPUNIT_ASSERT(protocol_->told[1].is_known && !protocol_->told[1].is_full);
    check(7, {8, 2, 1}, 0);
    CPPUNIT_ASSERT(!protocol_->told[2].is_known && !protocol_->told[2].is_full);
  }

  void a_check_is_behind_every_apply_before_it() {
    start(slow_);
    protocol_->next.emplace_back(apply_of(1, kOperation, 0));
    protocol_->next.emplace_back(protocol::Check{5, kOperation, 0});
    turn();
    turn();
    CPPUNIT_ASSERT(protocol_->told.empty());
    slow_.finish(0);
    turn();
    CPPUNIT_ASSERT(protocol_->told.size() == 1 && protocol_->told[0].is_known);
  }

  // It has asked before; if it decides all the same, it knows why.
  void the_protocol_has_everything_applied_that_it_decided_on() {
    apply(1, kOperation, 0);
    write(kOperation);
    turn();
    apply(2, kOperation, protocol_->proposed.proposal);
    finish(protocol_->proposed.proposal);
    CPPUNIT_ASSERT(result_ && result_->applied.position == 2 && result_->applied.version == 2);
  }

  void a_check_may_be_of_nobodys_write() {
    apply(1, kOperation, 0);
    check(5, kOperation, 99);  // it has ended
    CPPUNIT_ASSERT(protocol_->told[0].is_known);
  }

  void a_check_wants_a_turn() {
    protocol_->next.emplace_back(protocol::Check{5, kOperation, 0});
    write({});
    wanted_ = 0;
    manager_->turn(now_);
    CPPUNIT_ASSERT_EQUAL(1, wanted_);
    manager_->turn(now_);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->told.size());
  }

  void a_check_that_ends_after_the_manager_goes_nowhere() {
    start(slow_);
    protocol_->next.emplace_back(apply_of(1, kOperation, 0));
    protocol_->next.emplace_back(protocol::Check{5, kOperation, 0});
    turn();
    wanted_ = 0;
    manager_.reset();
    while (slow_.pending() > 0) slow_.finish(0);
    CPPUNIT_ASSERT_EQUAL(0, wanted_);
  }

 private:
  void start(kv::Store& store) {
    auto protocol = std::make_unique<AskingProtocol>();
    protocol_ = protocol.get();
    manager_ = std::make_unique<Manager>(std::move(protocol),
                                         Manager::Environment{store, transport_, &log_, kSelf, 1},
                                         limits_, now_, [this] { ++wanted_; });
    result_.reset();
    turn();
  }
  // A turn in which something has happened.
  void turn() {
    manager_->peer_up(kSelf);
    manager_->turn(now_);
  }
  static kv::Command put(const OperationId& operation) {
    return {kv::Command::Kind::kPut, operation, "key", "value"};
  }
  void write(const OperationId& operation) {
    result_.reset();
    manager_->write(put(operation), [this](const WriteResult& result) { result_ = result; });
  }
  static protocol::Apply apply_of(Position position, const OperationId& operation,
                                  protocol::ProposalId proposal) {
    const auto command = std::make_shared<const std::string>(kv::encode_command(put(operation)));
    return {position, command, proposal};
  }
  void apply(Position position, const OperationId& operation, protocol::ProposalId proposal) {
    protocol_->next.emplace_back(apply_of(position, operation, proposal));
    turn();
  }
  void check(protocol::CallId check, const OperationId& operation, protocol::ProposalId proposal) {
    protocol_->next.emplace_back(protocol::Check{check, operation, proposal});
    turn();
    turn();  // what came back is an event
  }
  void finish(protocol::ProposalId proposal) {
    protocol_->next.emplace_back(protocol::Finish{proposal, Status(), {}, 0});
    turn();
  }

  const TimePoint now_{1'000'000'000};
  Manager::Limits limits_;
  UnreadLog log_;
  SilentTransport transport_;
  std::unique_ptr<kv::MemoryStore> store_;
  contract::DeferringStore slow_;
  std::unique_ptr<Manager> manager_;
  AskingProtocol* protocol_ = nullptr;
  int wanted_ = 0;
  std::optional<WriteResult> result_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ManagerChecksTest);

}  // namespace
}  // namespace rkv::replica
