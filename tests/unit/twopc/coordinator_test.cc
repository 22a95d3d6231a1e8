#include "twopc/coordinator.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <vector>

#include "driver.h"

namespace rkv::twopc {
namespace {

using Words = std::vector<std::string>;

constexpr OperationId kOperation{7, 1, 1};

// The writes of a replica's own clients: replica 1 of three, driven by events.
class CoordinatorTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CoordinatorTest);
  CPPUNIT_TEST(a_write_is_committed_when_all_agree);
  CPPUNIT_TEST(nobody_is_told_before_the_decision_is_durable);
  CPPUNIT_TEST(one_refusal_aborts_and_is_told_to_the_client);
  CPPUNIT_TEST(a_prepare_that_is_not_answered_aborts_and_names_the_member);
  CPPUNIT_TEST(a_member_that_does_not_vote_in_time_aborts_and_is_named);
  CPPUNIT_TEST(a_member_that_is_down_fails_writes_at_once_and_is_named);
  CPPUNIT_TEST(a_member_that_was_never_reached_fails_writes_at_once);
  CPPUNIT_TEST(a_member_that_goes_down_ends_all_that_is_not_decided);
  CPPUNIT_TEST(what_is_decided_is_made_although_a_member_goes_down);
  CPPUNIT_TEST(a_conflict_is_tried_again_as_old_as_it_was_with_a_new_id);
  CPPUNIT_TEST(conflicts_rest_longer_and_longer);
  CPPUNIT_TEST(who_waits_votes_late);
  CPPUNIT_TEST(votes_after_the_end_change_nothing);
  CPPUNIT_TEST(writes_of_one_key_go_one_after_the_other);
  CPPUNIT_TEST(a_write_that_waits_too_long_says_who_holds_the_key);
  CPPUNIT_TEST(an_operation_that_the_state_knows_is_not_made_again);
  CPPUNIT_TEST(an_operation_that_could_not_be_remembered_is_not_made);
  CPPUNIT_TEST(an_operation_is_looked_up_with_each_try);
  CPPUNIT_TEST(a_commit_is_told_until_it_is_acknowledged);
  CPPUNIT_TEST(a_commit_is_told_again_to_a_member_that_comes_back);
  CPPUNIT_TEST(the_mark_says_what_is_finished);
  CPPUNIT_TEST(many_writes_share_one_message_and_one_batch);
  CPPUNIT_TEST(too_many_writes_are_refused);
  CPPUNIT_TEST(too_many_open_ones_hold_others_back);
  CPPUNIT_TEST(a_full_disk_refuses_writes);
  CPPUNIT_TEST(a_replica_alone_needs_nobody);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { begin(Driver::default_options()); }

  void a_write_is_committed_when_all_agree() {
    driver().put(1, "a");
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"prepare"});
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"prepare"});
    driver().vote(kSecond, Vote::kYes);
    CPPUNIT_ASSERT(driver().written().empty());
    driver().vote(kThird, Vote::kYes);
    CPPUNIT_ASSERT(driver().written() == std::vector{Record::Type::kDecided});
    driver().sync();
    CPPUNIT_ASSERT(driver().applied() == std::vector<Position>{1});
    CPPUNIT_ASSERT(driver().is_done(1));
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"commit"});
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"commit"});
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, driver().view().unfinished);
  }

  void nobody_is_told_before_the_decision_is_durable() {
    driver().put(1, "a");
    const TxnId id = driver().begun();
    driver().both_vote_yes();
    CPPUNIT_ASSERT(driver().said_nothing() && !driver().ended(1) && driver().applied().empty());
    CPPUNIT_ASSERT(driver().query(kThird, id) == Knowledge::kUnknown);
    driver().advance(seconds(20));
    CPPUNIT_ASSERT(driver().said_nothing() && !driver().ended(1));
    driver().sync();
    CPPUNIT_ASSERT(driver().is_done(1) && driver().said_to(kThird) == Words{"commit"});
    CPPUNIT_ASSERT(driver().query(kThird, id) == Knowledge::kCommitted);
  }

  void one_refusal_aborts_and_is_told_to_the_client() {
    driver().put(1, "a");
    const TxnId id = driver().begun();
    driver().vote(kSecond, Vote::kYes);
    driver().vote(kThird, Vote::kRefused, "the disk of replica 3 is nearly full");
    CPPUNIT_ASSERT(driver().ended(1)->code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT_EQUAL(std::string("the disk of replica 3 is nearly full"),
                         driver().ended(1)->reason());
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"abort"});
    CPPUNIT_ASSERT(driver().said_to(kThird).empty());  // it has nothing to take back
    CPPUNIT_ASSERT(driver().written().empty());        // what is not decided is aborted
    CPPUNIT_ASSERT(driver().query(kSecond, id) == Knowledge::kAborted);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, driver().view().aborted);
  }

  void a_prepare_that_is_not_answered_aborts_and_names_the_member() {
    driver().put(1, "a");
    driver().fail(kThird, driver().last_prepare(kThird).call);
    CPPUNIT_ASSERT(driver().failure_of(1).find(
                       "replica 3 has not voted: no answer within 500 ms") != std::string::npos);
    // Both may have voted yes.
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"abort"});
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"abort"});
  }

  void a_member_that_does_not_vote_in_time_aborts_and_is_named() {
    driver().put(1, "a");
    driver().vote(kSecond, Vote::kYes);
    driver().advance(driver().options().vote_timeout - milliseconds(1));
    CPPUNIT_ASSERT(!driver().ended(1));
    CPPUNIT_ASSERT(driver().twopc().next_tick() == driver().now() + milliseconds(1));
    driver().advance(milliseconds(1));
    CPPUNIT_ASSERT(driver().failure_of(1).find("replica 3 has not voted within 2000 ms") !=
                   std::string::npos);
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"abort"});
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"abort"});
  }

  void a_member_that_is_down_fails_writes_at_once_and_is_named() {
    driver().down(kThird);
    driver().put(1, "a");
    CPPUNIT_ASSERT(driver().failure_of(1).find("replica 3 is down") != std::string::npos);
    CPPUNIT_ASSERT(driver().ended(1)->code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT(driver().said_nothing() && driver().written().empty());
    driver().up(kThird);
    driver().put(2, "a");
    CPPUNIT_ASSERT(!driver().ended(2) && !driver().said_nothing());
  }

  void a_member_that_was_never_reached_fails_writes_at_once() {
    driver_ = std::make_unique<Driver>();
    driver().up(kSecond);
    driver().put(1, "a");
    CPPUNIT_ASSERT(driver().failure_of(1).find("replica 3 has not been reached since the start") !=
                   std::string::npos);
  }

  void a_member_that_goes_down_ends_all_that_is_not_decided() {
    driver().put(1, "a");
    driver().put(2, "a");  // waits for the first
    driver().put(3, "b");
    driver().vote(kThird, Vote::kConflict);  // rests
    driver().down(kThird);
    for (const protocol::ProposalId proposal : {1, 2, 3}) {
      CPPUNIT_ASSERT(driver().failure_of(proposal).find("replica 3 is down") != std::string::npos);
    }
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"abort"});
    CPPUNIT_ASSERT(driver().said_to(kThird).empty());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().waiting + driver().view().voting);
  }

  void what_is_decided_is_made_although_a_member_goes_down() {
    driver().put(1, "a");
    driver().both_vote_yes();
    driver().down(kThird);
    CPPUNIT_ASSERT(!driver().ended(1));
    driver().sync();
    CPPUNIT_ASSERT(driver().is_done(1));
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"commit"});
    CPPUNIT_ASSERT(driver().said_to(kThird).empty());
    driver().up(kThird);
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"commit"});
  }

  void a_conflict_is_tried_again_as_old_as_it_was_with_a_new_id() {
    driver().put(1, "a");
    const TransactionPtr first = driver().last_prepare(kSecond).message->transactions.front();
    driver().vote(kThird, Vote::kYes);
    driver().vote(kSecond, Vote::kConflict);
    CPPUNIT_ASSERT(!driver().ended(1));
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"abort"});
    CPPUNIT_ASSERT(driver().said_to(kSecond).empty());
    CPPUNIT_ASSERT(driver().twopc().next_tick() == driver().now() + driver().options().retry_min);
    driver().advance(driver().options().retry_min);
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"prepare"});
    const TransactionPtr again = driver().last_prepare(kSecond).message->transactions.front();
    CPPUNIT_ASSERT(again->timestamp == first->timestamp && again->id > first->id);
    CPPUNIT_ASSERT(again->operation == first->operation && again->origin == first->origin);
    driver().both_vote_yes();
    driver().sync();
    CPPUNIT_ASSERT(driver().is_done(1));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, driver().view().conflicts);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().aborted);
  }

  void conflicts_rest_longer_and_longer() {
    driver().put(1, "a");
    for (const std::int64_t rest : {1, 2, 4, 8, 16, 16, 16}) {
      driver().vote(kSecond, Vote::kConflict);
      driver().advance(milliseconds(rest) - microseconds(1));
      CPPUNIT_ASSERT(driver().said_nothing());
      driver().advance(microseconds(1));
      CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"prepare"});
    }
  }

  void who_waits_votes_late() {
    driver().put(1, "a");
    const TxnId id = driver().begun();
    driver().vote(kSecond, Vote::kYes);
    driver().vote(kThird, Vote::kWaits);
    CPPUNIT_ASSERT(!driver().ended(1) && driver().written().empty());
    driver().vote_late(kThird, id, Vote::kYes);
    CPPUNIT_ASSERT(driver().written() == std::vector{Record::Type::kDecided});
  }

  void votes_after_the_end_change_nothing() {
    driver().put(1, "a");
    const TxnId id = driver().begun();
    driver().vote(kThird, Vote::kRefused, "no");
    driver().vote(kSecond, Vote::kYes);
    driver().vote_late(kThird, id, Vote::kYes);
    driver().vote_late(kThird, {kSelf, 99, 1}, Vote::kYes);
    CPPUNIT_ASSERT(driver().written().empty() && !driver().ended(1));
    CPPUNIT_ASSERT(driver().query(kSecond, id) == Knowledge::kAborted);
  }

  void writes_of_one_key_go_one_after_the_other() {
    driver().put(1, "a");
    driver().put(2, "a");
    CPPUNIT_ASSERT(driver().said_nothing());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, driver().view().waiting);
    driver().both_vote_yes();
    CPPUNIT_ASSERT(driver().said_nothing());
    driver().sync();
    CPPUNIT_ASSERT(driver().is_done(1));
    CPPUNIT_ASSERT((driver().said_to(kSecond) == Words{"commit", "prepare"}));
  }

  void a_write_that_waits_too_long_says_who_holds_the_key() {
    const TransactionPtr other = transaction_of(kThird, 1, {"a"}, 1);
    CPPUNIT_ASSERT(driver().prepare(other) == Vote::kYes);
    driver().put(1, "a");
    CPPUNIT_ASSERT(driver().said_nothing());
    driver().advance(driver().options().request_timeout);
    CPPUNIT_ASSERT(driver().failure_of(1).find(
                       "its key is locked by a transaction that replica 3 coordinates") !=
                   std::string::npos);
    CPPUNIT_ASSERT(driver().said_to(kSecond).empty());
  }

  void an_operation_that_the_state_knows_is_not_made_again() {
    driver().put(1, "a", kOperation);
    const auto checks = all_of<protocol::Check>(driver().effects());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, checks.size());
    CPPUNIT_ASSERT(checks[0].operation == kOperation && checks[0].proposal == 1);
    driver().vote(kSecond, Vote::kYes);
    driver().step(protocol::Checked{checks[0].check, true});
    CPPUNIT_ASSERT(driver().is_done(1) && driver().written().empty());
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"abort"});
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().aborted);
  }

  void an_operation_that_could_not_be_remembered_is_not_made() {
    driver().put(1, "a", kOperation);
    const auto check = all_of<protocol::Check>(driver().effects()).at(0);
    driver().vote(kSecond, Vote::kYes);
    driver().step(protocol::Checked{check.check, false, true});
    CPPUNIT_ASSERT(driver().ended(1)->code() == StatusCode::kBusy && driver().written().empty());
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"abort"});
  }

  void an_operation_is_looked_up_with_each_try() {
    driver().put(1, "a", kOperation);
    const auto first = all_of<protocol::Check>(driver().effects()).at(0);
    driver().vote(kSecond, Vote::kConflict);
    driver().advance(driver().options().retry_min);
    const auto second = all_of<protocol::Check>(driver().effects()).at(0);
    driver().both_vote_yes();
    driver().step(protocol::Checked{first.check, true});  // of a try that is over
    CPPUNIT_ASSERT(!driver().ended(1) && driver().written().empty());
    driver().step(protocol::Checked{second.check, false});
    CPPUNIT_ASSERT(driver().written() == std::vector{Record::Type::kDecided});
  }

  void a_commit_is_told_until_it_is_acknowledged() {
    commit(1, "a");
    driver().acknowledge(kSecond);
    driver().fail(kThird, driver().last_decide(kThird).call);
    CPPUNIT_ASSERT(driver().said_nothing());
    driver().advance(driver().options().resend_after);
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"commit"});
    CPPUNIT_ASSERT(driver().said_to(kSecond).empty());
    driver().acknowledge(kThird, "the participant of replica 3 is stopped");
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, driver().view().unfinished);
    driver().advance(driver().options().resend_after);
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"commit"});
    driver().acknowledge(kThird);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().unfinished);
    driver().advance(seconds(1));
    CPPUNIT_ASSERT(driver().said_nothing());
    CPPUNIT_ASSERT(driver().written() == std::vector{Record::Type::kFinished});
  }

  void a_commit_is_told_again_to_a_member_that_comes_back() {
    commit(1, "a");
    const protocol::CallId call = driver().last_decide(kThird).call;
    driver().down(kThird);
    driver().fail(kThird, call);
    driver().advance(seconds(60));  // there is no time to live
    CPPUNIT_ASSERT(driver().said_nothing());
    CPPUNIT_ASSERT(driver().query(kThird, {kSelf, 1, 1}) == Knowledge::kCommitted);
    driver().up(kThird);
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"commit"});
  }

  void the_mark_says_what_is_finished() {
    commit(1, "a");
    commit(2, "b");
    commit(3, "c");
    // The messages are acknowledged in any order.
    driver().acknowledge(kSecond);
    driver().acknowledge(kThird);
    driver().put(4, "d");
    CPPUNIT_ASSERT((driver().last_prepare(kSecond).message->finished_below == TxnMark{1, 1}));
    driver().down(kThird);
    driver().up(kThird);  // the first two are told again
    driver().acknowledge(kThird);
    driver().down(kSecond);
    driver().up(kSecond);
    driver().acknowledge(kSecond);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().unfinished);
    driver().put(5, "e");
    CPPUNIT_ASSERT((driver().last_prepare(kSecond).message->finished_below == TxnMark{1, 5}));
  }

  void many_writes_share_one_message_and_one_batch() {
    Options options = Driver::default_options();
    options.messages_in_flight_max = 1;
    begin(options);
    for (protocol::ProposalId i = 1; i <= 5; ++i) driver().put(i, "key" + std::to_string(i));
    driver().vote(kSecond, Vote::kYes);
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"prepare"});
    CPPUNIT_ASSERT_EQUAL(std::size_t{4},
                         driver().last_prepare(kSecond).message->transactions.size());
  }

  void too_many_writes_are_refused() {
    Options options = Driver::default_options();
    options.waiting_max = 2;
    options.waiting_bytes_max = 12;
    begin(options);
    driver().put(1, "a");
    driver().put(2, "a");
    driver().put(3, "a");
    CPPUNIT_ASSERT(driver().ended(3)->code() == StatusCode::kBusy);
    options.waiting_max = 10;
    begin(options);
    driver().put(1, "a");
    driver().put(2, "a");
    driver().put(3, "a");  // "value" for the third time
    CPPUNIT_ASSERT(driver().ended(3)->code() == StatusCode::kBusy);
  }

  void too_many_open_ones_hold_others_back() {
    Options options = Driver::default_options();
    options.voting_max = 1;
    begin(options);
    driver().put(1, "a");
    driver().put(2, "b");
    CPPUNIT_ASSERT(driver().said_nothing());
    driver().both_vote_yes();
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"prepare"});
    driver().put(3, "c");
    driver().advance(options.request_timeout);  // it is given up without having begun
    CPPUNIT_ASSERT(driver().ended(2) && driver().ended(3) && !driver().is_done(3));
  }

  void a_full_disk_refuses_writes() {
    driver().step(protocol::LogRoom{false});
    driver().put(1, "a");
    CPPUNIT_ASSERT(driver().failure_of(1).find("the disk of replica 1 is nearly full") !=
                   std::string::npos);
    CPPUNIT_ASSERT(!driver().twopc().role().trouble.empty());
    driver().step(protocol::LogRoom{true});
    driver().put(2, "a");
    CPPUNIT_ASSERT(!driver().ended(2));
  }

  void a_replica_alone_needs_nobody() {
    Options options = Driver::default_options();
    options.replicas = {kSelf};
    driver_ = std::make_unique<Driver>(options);
    driver().put(1, "a");
    CPPUNIT_ASSERT(driver().written() == std::vector{Record::Type::kDecided});
    driver().sync();
    CPPUNIT_ASSERT(driver().is_done(1) && driver().said_nothing());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().unfinished);
    driver().restart();
    CPPUNIT_ASSERT(driver().applied() == std::vector<Position>{1});
  }

 private:
  void begin(const Options& options) {
    driver_ = std::make_unique<Driver>(options);
    driver_->all_up();
  }
  Driver& driver() { return *driver_; }
  void commit(protocol::ProposalId proposal, const std::string& key) {
    driver().put(proposal, key);
    driver().both_vote_yes();
    driver().sync();
    CPPUNIT_ASSERT(driver().is_done(proposal));
  }
  std::unique_ptr<Driver> driver_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(CoordinatorTest);

}  // namespace
}  // namespace rkv::twopc
