#include "forward/forward.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/limits.h"

namespace rkv::forward {
namespace {

using protocol::AllowRead;
using protocol::Apply;
using protocol::Effects;
using protocol::Finish;
using protocol::Respond;
using protocol::Send;

constexpr ReplicaId kSelf{1};
constexpr ReplicaId kSecond{2};
constexpr ReplicaId kThird{3};
constexpr TimePoint kStart{1000};
constexpr Duration kTimeout = milliseconds(100);

SharedBytes shared(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

template <typename Kind>
std::vector<Kind> all_of(const Effects& effects) {
  std::vector<Kind> found;
  for (const protocol::Effect& effect : effects) {
    if (const Kind* one = std::get_if<Kind>(&effect)) found.push_back(*one);
  }
  return found;
}

// One replica of three, driven by hand.
class ForwardTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ForwardTest);
  CPPUNIT_TEST(a_write_is_applied_here_first_and_sent_when_durable);
  CPPUNIT_TEST(a_write_ends_well_when_every_peer_has_answered);
  CPPUNIT_TEST(a_peer_known_to_be_down_refuses_writes_before_anything_happens);
  CPPUNIT_TEST(a_peer_never_reached_counts_as_down);
  CPPUNIT_TEST(a_failed_peer_makes_it_partly_applied_and_is_named);
  CPPUNIT_TEST(a_silent_peer_counts_as_missing_after_the_timeout);
  CPPUNIT_TEST(an_answer_after_the_timeout_changes_nothing);
  CPPUNIT_TEST(writes_of_a_turn_travel_together);
  CPPUNIT_TEST(a_full_message_leaves_before_it_is_overfilled);
  CPPUNIT_TEST(a_message_is_bounded_in_bytes);
  CPPUNIT_TEST(a_request_is_applied_and_answered_when_durable);
  CPPUNIT_TEST(requests_are_answered_while_own_writes_wait);
  CPPUNIT_TEST(reads_are_allowed_whatever_the_peers_do);
  CPPUNIT_TEST(positions_go_on_after_a_restart);
  CPPUNIT_TEST(a_single_replica_needs_nobody);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    forward_ = std::make_unique<Forward>(Forward::Options{kSelf, {kSecond, kThird}, kTimeout});
    recover(0);
  }

  void a_write_is_applied_here_first_and_sent_when_durable() {
    all_up();
    Effects effects = propose(7, "write");
    forward_->flush(kStart, effects);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, effects.size());
    const auto& apply = std::get<Apply>(effects[0]);
    CPPUNIT_ASSERT_EQUAL(Position{1}, apply.position);
    CPPUNIT_ASSERT_EQUAL(std::string("write"), *apply.command);
    CPPUNIT_ASSERT_EQUAL(protocol::ProposalId{7}, apply.proposal);
    for (const Send& send : all_of<Send>(effects)) CPPUNIT_ASSERT_EQUAL(Position{1}, send.after);
    CPPUNIT_ASSERT(all_of<Finish>(effects).empty());
  }

  void a_write_ends_well_when_every_peer_has_answered() {
    all_up();
    propose(7, "write");
    const std::vector<Send> sends = all_of<Send>(flush());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, sends.size());
    CPPUNIT_ASSERT(answer(sends[1]).empty());
    const std::vector<Finish> finishes = all_of<Finish>(answer(sends[0]));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, finishes.size());
    CPPUNIT_ASSERT_EQUAL(protocol::ProposalId{7}, finishes[0].proposal);
    CPPUNIT_ASSERT(finishes[0].status.ok());
    CPPUNIT_ASSERT(forward_->next_tick() == kNever);
  }

  void a_peer_known_to_be_down_refuses_writes_before_anything_happens() {
    all_up();
    step(protocol::PeerDown{kThird, "replica 3 is down: no power"});
    const Effects effects = propose(7, "write");
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, effects.size());
    const auto& finish = std::get<Finish>(effects[0]);
    CPPUNIT_ASSERT(finish.status.code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT_EQUAL(std::string("replica 3 is down: no power"), finish.status.reason());
    CPPUNIT_ASSERT(flush().empty());
    step(protocol::PeerUp{kThird});
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, all_of<Apply>(propose(8, "write")).size());
  }

  void a_peer_never_reached_counts_as_down() {
    step(protocol::PeerUp{kSecond});
    const Finish finish = std::get<Finish>(propose(7, "write").at(0));
    CPPUNIT_ASSERT(finish.status.code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT(finish.status.reason().find("replica 3") != std::string::npos);
  }

  void a_failed_peer_makes_it_partly_applied_and_is_named() {
    all_up();
    propose(7, "write");
    const std::vector<Send> sends = all_of<Send>(flush());
    step(protocol::SendFailed{sends[1].to, sends[1].call, true, "cable pulled"});
    const std::vector<Finish> finishes = all_of<Finish>(answer(sends[0]));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, finishes.size());
    CPPUNIT_ASSERT(finishes[0].status.code() == StatusCode::kPartlyApplied);
    CPPUNIT_ASSERT(finishes[0].missing == std::vector<ReplicaId>{kThird});
    const std::string& reason = finishes[0].status.reason();
    CPPUNIT_ASSERT(reason.find("replica 3 (cable pulled)") != std::string::npos);
  }

  void a_silent_peer_counts_as_missing_after_the_timeout() {
    all_up();
    propose(7, "write");
    const std::vector<Send> sends = all_of<Send>(flush());
    answer(sends[0]);
    CPPUNIT_ASSERT(forward_->next_tick() == kStart + kTimeout);
    Effects effects;
    forward_->tick(kStart + (kTimeout - Duration{1}), effects);
    CPPUNIT_ASSERT(effects.empty());
    forward_->tick(kStart + kTimeout, effects);
    const std::vector<Finish> finishes = all_of<Finish>(effects);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, finishes.size());
    CPPUNIT_ASSERT(finishes[0].missing == std::vector<ReplicaId>{kThird});
  }

  void an_answer_after_the_timeout_changes_nothing() {
    all_up();
    propose(7, "write");
    const std::vector<Send> sends = all_of<Send>(flush());
    Effects effects;
    forward_->tick(kStart + kTimeout, effects);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, all_of<Finish>(effects).size());
    CPPUNIT_ASSERT(answer(sends[0]).empty());
    CPPUNIT_ASSERT(answer(sends[1]).empty());
    CPPUNIT_ASSERT(forward_->next_tick() == kNever);
  }

  void writes_of_a_turn_travel_together() {
    all_up();
    for (protocol::ProposalId id = 1; id <= 10; ++id) propose(id, "write");
    const std::vector<Send> sends = all_of<Send>(flush());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, sends.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{10}, commands_of(sends[0]).size());
    CPPUNIT_ASSERT_EQUAL(Position{10}, sends[0].after);
    answer(sends[0]);
    CPPUNIT_ASSERT_EQUAL(std::size_t{10}, all_of<Finish>(answer(sends[1])).size());
  }

  void a_full_message_leaves_before_it_is_overfilled() {
    all_up();
    Effects effects;
    for (protocol::ProposalId id = 1; id <= kBatchCommandsMax + 1; ++id) {
      forward_->step(protocol::Propose{id, shared("write")}, kStart, effects);
    }
    forward_->flush(kStart, effects);
    std::map<ReplicaId, std::vector<std::size_t>> sizes;
    for (const Send& send : all_of<Send>(effects)) {
      sizes[send.to].push_back(commands_of(send).size());
    }
    const std::vector<std::size_t> expected = {kBatchCommandsMax, 1};
    CPPUNIT_ASSERT(sizes[kSecond] == expected);
    CPPUNIT_ASSERT(sizes[kThird] == expected);
  }

  void a_message_is_bounded_in_bytes() {
    all_up();
    Effects effects;
    for (protocol::ProposalId id = 1; id <= 5; ++id) {
      forward_->step(protocol::Propose{id, shared(std::string(kCommandSizeMax, 'x'))}, kStart,
                     effects);
    }
    forward_->flush(kStart, effects);
    std::size_t commands = 0;
    for (const Send& send : all_of<Send>(effects)) {
      std::size_t bytes = 0;
      for (const std::string& command : commands_of(send)) bytes += command.size();
      CPPUNIT_ASSERT(bytes <= kBatchBytesMax);
      commands += commands_of(send).size();
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{10}, commands);
  }

  void a_request_is_applied_and_answered_when_durable() {
    const auto message =
        std::make_shared<Writes>(std::vector<SharedBytes>{shared("one"), shared("two")});
    const Effects effects = step(protocol::Request{kSecond, 40, message});
    const std::vector<Apply> applies = all_of<Apply>(effects);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, applies.size());
    CPPUNIT_ASSERT_EQUAL(std::string("two"), *applies[1].command);
    CPPUNIT_ASSERT_EQUAL(protocol::ProposalId{0}, applies[1].proposal);
    const std::vector<Respond> responds = all_of<Respond>(effects);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, responds.size());
    CPPUNIT_ASSERT_EQUAL(protocol::CallId{40}, responds[0].call);
    CPPUNIT_ASSERT_EQUAL(Position{2}, responds[0].after);
  }

  // The deadlock of the toys: two replicas that write to each other at once.
  void requests_are_answered_while_own_writes_wait() {
    all_up();
    propose(7, "mine");
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, all_of<Send>(flush()).size());
    const auto message = std::make_shared<Writes>(std::vector<SharedBytes>{shared("theirs")});
    const Effects effects = step(protocol::Request{kSecond, 41, message});
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, all_of<Respond>(effects).size());
  }

  void reads_are_allowed_whatever_the_peers_do() {
    const Effects effects = step(protocol::Read{5});
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, effects.size());
    CPPUNIT_ASSERT_EQUAL(protocol::ReadId{5}, std::get<AllowRead>(effects[0]).read);
  }

  void positions_go_on_after_a_restart() {
    recover(41);
    all_up();
    CPPUNIT_ASSERT_EQUAL(Position{42}, std::get<Apply>(propose(1, "write").at(0)).position);
  }

  void a_single_replica_needs_nobody() {
    forward_ = std::make_unique<Forward>(Forward::Options{kSelf, {}, kTimeout});
    recover(0);
    propose(7, "write");
    const std::vector<Finish> finishes = all_of<Finish>(flush());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, finishes.size());
    CPPUNIT_ASSERT(finishes[0].status.ok());
    CPPUNIT_ASSERT_EQUAL(Position{1}, finishes[0].after);
  }

 private:
  void recover(Position applied) {
    Effects effects;
    forward_->recover({applied, 1, {}}, kStart, effects);
    CPPUNIT_ASSERT(effects.empty());
  }
  Effects step(protocol::Event event) {
    Effects effects;
    forward_->step(std::move(event), kStart, effects);
    return effects;
  }
  Effects propose(protocol::ProposalId id, std::string command) {
    return step(protocol::Propose{id, shared(std::move(command))});
  }
  Effects flush() {
    Effects effects;
    forward_->flush(kStart, effects);
    return effects;
  }
  Effects answer(const Send& send) {
    return step(protocol::Answer{send.to, send.call, std::make_shared<Written>(Position{1})});
  }
  void all_up() {
    step(protocol::PeerUp{kSecond});
    step(protocol::PeerUp{kThird});
  }
  static std::vector<std::string> commands_of(const Send& send) {
    std::vector<std::string> commands;
    for (const SharedBytes& command : static_cast<const Writes&>(*send.message).commands()) {
      commands.push_back(*command);
    }
    return commands;
  }

  std::unique_ptr<Forward> forward_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ForwardTest);

}  // namespace
}  // namespace rkv::forward
