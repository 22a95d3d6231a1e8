#include "twopc/submitter.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <vector>

#include "driver.h"

namespace rkv::twopc {
namespace {

using Words = std::vector<std::string>;
using What = SubmissionEnd::What;

constexpr OperationId kOperation{7, 1, 1};

// All writes go through replica 3, and this is replica 1 of three; or this is the coordinator.
class SubmitterTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SubmitterTest);
  CPPUNIT_TEST(a_write_is_handed_to_the_coordinator_and_done_when_applied_here);
  CPPUNIT_TEST(a_coordinator_that_is_down_fails_writes_at_once_and_is_named);
  CPPUNIT_TEST(other_members_may_be_down_as_seen_from_here);
  CPPUNIT_TEST(what_was_not_sent_has_not_happened_when_the_coordinator_goes_down);
  CPPUNIT_TEST(what_was_sent_is_unknown_when_the_coordinator_goes_down);
  CPPUNIT_TEST(what_is_not_taken_is_refused);
  CPPUNIT_TEST(a_submission_that_fails_is_unknown_if_it_may_have_arrived);
  CPPUNIT_TEST(the_coordinator_tells_why_a_write_was_not_made);
  CPPUNIT_TEST(what_was_made_before_has_its_reply_in_the_state);
  CPPUNIT_TEST(what_was_made_before_is_in_doubt_where_there_is_no_room);
  CPPUNIT_TEST(the_coordinator_says_when_it_has_no_room);
  CPPUNIT_TEST(the_reply_is_looked_up_behind_a_doubt);
  CPPUNIT_TEST(ends_of_an_earlier_life_are_nobodys);
  CPPUNIT_TEST(nobody_waits_for_ever);
  CPPUNIT_TEST(too_many_writes_are_refused);
  CPPUNIT_TEST(the_coordinator_makes_others_writes_and_tells_of_failures);
  CPPUNIT_TEST(who_is_not_the_coordinator_takes_nothing);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { begin(options_with(kThird)); }

  void a_write_is_handed_to_the_coordinator_and_done_when_applied_here() {
    driver().put(1, "a", kOperation);
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"submit"});
    CPPUNIT_ASSERT(driver().said_to(kSecond).empty());
    const auto submit = submitted();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, submit.message->submissions.size());
    const Submission& submission = submit.message->submissions[0];
    CPPUNIT_ASSERT(submission.proposal == 1 && submission.operation == kOperation);
    CPPUNIT_ASSERT(submission.keys == Words{"a"} && *submission.command == "value");
    take(submit.call, 1);
    CPPUNIT_ASSERT(!driver().ended(1));
    make(1);
    CPPUNIT_ASSERT(!driver().ended(1));
    driver().sync();
    CPPUNIT_ASSERT(driver().is_done(1));
    CPPUNIT_ASSERT_EQUAL(protocol::ProposalId{1},
                         all_of<protocol::Apply>(driver().effects()).at(0).proposal);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().waiting);
  }

  void a_coordinator_that_is_down_fails_writes_at_once_and_is_named() {
    driver().down(kThird);
    driver().put(1, "a");
    CPPUNIT_ASSERT(driver().ended(1)->code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT_EQUAL(std::string("replica 3 is down; all writes go through it"),
                         driver().ended(1)->reason());
    CPPUNIT_ASSERT(driver().said_nothing());
  }

  void other_members_may_be_down_as_seen_from_here() {
    driver().down(kSecond);
    driver().put(1, "a");
    CPPUNIT_ASSERT(!driver().ended(1) && driver().said_to(kThird) == Words{"submit"});
  }

  void what_was_not_sent_has_not_happened_when_the_coordinator_goes_down() {
    Options options = options_with(kThird);
    options.messages_in_flight_max = 0;
    begin(options);
    driver().put(1, "a");
    driver().down(kThird);
    CPPUNIT_ASSERT(driver().ended(1)->code() == StatusCode::kUnavailable);
  }

  void what_was_sent_is_unknown_when_the_coordinator_goes_down() {
    driver().put(1, "a");
    const protocol::CallId call = submitted().call;
    driver().down(kThird);
    CPPUNIT_ASSERT(driver().ended(1)->code() == StatusCode::kUnknown);
    CPPUNIT_ASSERT(driver().ended(1)->reason().find("replica 3 is down") != std::string::npos);
    driver().fail(kThird, call);
    CPPUNIT_ASSERT(!driver().ended(1));  // once
  }

  void what_is_not_taken_is_refused() {
    driver().put(1, "a");
    driver().step(protocol::Answer{
        kThird, submitted().call,
        std::make_shared<TxnSubmitted>(TxnSubmittedFields{1, 0, "not the coordinator"})});
    CPPUNIT_ASSERT(driver().ended(1)->code() == StatusCode::kBusy);
    CPPUNIT_ASSERT_EQUAL(std::string("not the coordinator"), driver().ended(1)->reason());
  }

  void a_submission_that_fails_is_unknown_if_it_may_have_arrived() {
    driver().put(1, "a");
    driver().fail(kThird, submitted().call);
    CPPUNIT_ASSERT(driver().ended(1)->code() == StatusCode::kUnknown);
    driver().put(2, "a");
    driver().step(protocol::SendFailed{kThird, submitted().call, false, "no connection"});
    CPPUNIT_ASSERT(driver().ended(2)->code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT_EQUAL(
        std::string("replica 3, through which all writes go, has not answered: no connection"),
        driver().ended(2)->reason());
  }

  void the_coordinator_tells_why_a_write_was_not_made() {
    for (const protocol::ProposalId proposal : {1, 2}) {
      driver().put(proposal, "a");
      take(submitted().call, 1);
    }
    end({{1, What::kNotAvailable, "replica 2 is down"}, {2, What::kBusy, "too many writes"}});
    CPPUNIT_ASSERT(driver().ended(1)->code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT_EQUAL(std::string("replica 2 is down"), driver().ended(1)->reason());
    CPPUNIT_ASSERT(driver().ended(2)->code() == StatusCode::kBusy);
    end({{1, What::kNotAvailable, "again"}});
    CPPUNIT_ASSERT(!driver().ended(1));
  }

  void what_was_made_before_has_its_reply_in_the_state() {
    for (const bool is_known : {true, false}) {
      driver().put(is_known ? 1 : 2, "a", kOperation);
      take(submitted().call, 1);
      end({{is_known ? 1U : 2U, What::kRepeated, {}}});
      const auto checks = all_of<protocol::Check>(driver().effects());
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, checks.size());
      CPPUNIT_ASSERT(checks[0].operation == kOperation);
      CPPUNIT_ASSERT_EQUAL(protocol::ProposalId{is_known ? 1U : 2U}, checks[0].proposal);
      driver().step(protocol::Checked{checks[0].check, is_known});
      if (is_known) {
        CPPUNIT_ASSERT(driver().is_done(1));
      } else {
        CPPUNIT_ASSERT(driver().ended(2)->code() == StatusCode::kUnknown);
      }
    }
  }

  // The coordinator knew it; that there is no room here says nothing of what it did.
  void what_was_made_before_is_in_doubt_where_there_is_no_room() {
    driver().put(1, "a", kOperation);
    take(submitted().call, 1);
    end({{1, What::kRepeated, {}}});
    const auto check = all_of<protocol::Check>(driver().effects()).at(0);
    driver().step(protocol::Checked{check.check, false, true});
    CPPUNIT_ASSERT(driver().ended(1)->code() == StatusCode::kUnknown);
  }

  void the_coordinator_says_when_it_has_no_room() {
    begin(options_with(kSelf));
    TxnSubmitFields fields{1, 4, {{11, kOperation, {"a"}, shared("value")}}, 1, 1};
    driver().request<TxnSubmit>(kSecond, fields);
    const auto check = all_of<protocol::Check>(driver().effects()).at(0);
    driver().step(protocol::Checked{check.check, false, true});
    CPPUNIT_ASSERT(ends_to(kSecond).at(0).what == What::kBusy);
  }

  void the_reply_is_looked_up_behind_a_doubt() {
    const TransactionPtr first = transaction_of(kThird, 9, {"a"}, 9);
    driver().prepare(first);
    driver().put(1, "a", kOperation);
    take(submitted().call, 1);
    end({{1, What::kRepeated, {}}});
    CPPUNIT_ASSERT(all_of<protocol::Check>(driver().effects()).empty());
    driver().decide(first->id, Decision::kCommit);
    CPPUNIT_ASSERT(all_of<protocol::Check>(driver().effects()).empty());
    driver().sync();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, all_of<protocol::Check>(driver().effects()).size());
    CPPUNIT_ASSERT(std::holds_alternative<protocol::Apply>(driver().effects().front()));
  }

  void ends_of_an_earlier_life_are_nobodys() {
    driver().restart();
    driver().all_up();
    driver().put(1, "a");
    take(submitted().call, 1);
    end({{1, What::kNotAvailable, "of the first life"}});
    CPPUNIT_ASSERT(!driver().ended(1));
    make(1);  // the same: its origin is the first life
    driver().sync();
    CPPUNIT_ASSERT(driver().applied().size() == 1 && !driver().ended(1));
  }

  void nobody_waits_for_ever() {
    driver().put(1, "a");
    take(submitted().call, 1);
    driver().advance(driver().options().request_timeout * 2);
    CPPUNIT_ASSERT(driver().ended(1)->code() == StatusCode::kUnknown);
    CPPUNIT_ASSERT_EQUAL(std::string("replica 3, the coordinator, has not told"),
                         driver().ended(1)->reason());
  }

  void too_many_writes_are_refused() {
    Options options = options_with(kThird);
    options.waiting_max = 1;
    begin(options);
    driver().put(1, "a");
    driver().put(2, "a");
    CPPUNIT_ASSERT(driver().ended(2)->code() == StatusCode::kBusy);
  }

  void the_coordinator_makes_others_writes_and_tells_of_failures() {
    begin(options_with(kSelf));
    CPPUNIT_ASSERT_EQUAL(std::string_view("coordinator"), driver().twopc().role().name);
    TxnSubmitFields fields{1, 4, {{11, kOperation, {"a"}, shared("value")}}, 1, 1};
    auto call = driver().request<TxnSubmit>(kSecond, fields);
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{1}, driver().answer_to<TxnSubmitted>(call)->taken);
    const TransactionPtr begun = driver().last_prepare(kThird).message->transactions.front();
    CPPUNIT_ASSERT((begun->origin == Origin{kSecond, 4, 11}));
    CPPUNIT_ASSERT(begun->operation == kOperation);
    const auto check = all_of<protocol::Check>(driver().effects()).at(0);
    CPPUNIT_ASSERT_EQUAL(protocol::ProposalId{0}, check.proposal);  // nobody waits for it here
    driver().step(protocol::Checked{check.check, false});
    driver().both_vote_yes();
    driver().sync();
    CPPUNIT_ASSERT(all_of<protocol::Finish>(driver().effects()).empty());
    CPPUNIT_ASSERT_EQUAL(protocol::ProposalId{0},
                         all_of<protocol::Apply>(driver().effects()).at(0).proposal);
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"commit"});

    // The same message once more, and then the same operation in another one.
    driver().request<TxnSubmit>(kSecond, fields);
    CPPUNIT_ASSERT(all_of<protocol::Check>(driver().effects()).empty());
    fields.number = 2;
    driver().request<TxnSubmit>(kSecond, fields);
    const auto again = all_of<protocol::Check>(driver().effects()).at(0);
    driver().step(protocol::Checked{again.check, true});
    CPPUNIT_ASSERT(ends_to(kSecond).at(0).what == What::kRepeated);

    driver().down(kThird);
    fields.number = 3;
    call = driver().request<TxnSubmit>(kSecond, fields);
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{1}, driver().answer_to<TxnSubmitted>(call)->taken);
    const SubmissionEnd ended = ends_to(kSecond).at(0);
    CPPUNIT_ASSERT(ended.proposal == 11 && ended.what == What::kNotAvailable);
    CPPUNIT_ASSERT_EQUAL(std::string("replica 3 is down"), ended.reason);
  }

  void who_is_not_the_coordinator_takes_nothing() {
    const auto call = driver().request<TxnSubmit>(
        kSecond, TxnSubmitFields{1, 4, {{11, kOperation, {"a"}, shared("value")}}, 1, 1});
    const auto answer = driver().answer_to<TxnSubmitted>(call);
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{0}, answer->taken);
    CPPUNIT_ASSERT_EQUAL(std::string("writes do not go through replica 1"), answer->reason);
  }

 private:
  static Options options_with(ReplicaId coordinator) {
    Options options = Driver::default_options();
    options.coordinator = coordinator;
    return options;
  }
  void begin(const Options& options) {
    driver_ = std::make_unique<Driver>(options);
    driver_->all_up();
  }
  Driver& driver() { return *driver_; }
  SentMessage<TxnSubmit> submitted() const {
    const auto submits = sent<TxnSubmit>(driver_->effects(), kTxnSubmit);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, submits.size());
    return submits.front();
  }
  void take(protocol::CallId call, std::uint32_t count) {
    driver().step(protocol::Answer{
        kThird, call, std::make_shared<TxnSubmitted>(TxnSubmittedFields{1, count, {}})});
  }
  // The coordinator has this write of the first life of this replica made.
  void make(protocol::ProposalId proposal) {
    auto transaction = std::make_shared<Transaction>(*transaction_of(kThird, 9, {"a"}, 9));
    transaction->origin = {kSelf, 1, proposal};
    CPPUNIT_ASSERT(driver().prepare(transaction) == Vote::kYes);
    driver().decide(transaction->id, Decision::kCommit);
  }
  // The coordinator tells the first life of this replica what was not made.
  void end(std::vector<SubmissionEnd> ends) {
    const auto call = driver().request<TxnEnded>(kThird, TxnEndedFields{1, 1, std::move(ends)});
    driver().answer_to<TxnNoted>(call);
  }
  std::vector<SubmissionEnd> ends_to(ReplicaId to) const {
    for (const auto& each : sent<TxnEnded>(driver_->effects(), kTxnEnded)) {
      if (each.to == to && each.message->incarnation == 4) return each.message->ends;
    }
    return {};
  }

  std::unique_ptr<Driver> driver_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(SubmitterTest);

}  // namespace
}  // namespace rkv::twopc
