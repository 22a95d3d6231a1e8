#include "twopc/twopc.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <vector>

#include "driver.h"

namespace rkv::twopc {
namespace {

using Words = std::vector<std::string>;
using Type = Record::Type;

// What becomes of transactions when somebody dies: replica 1 of three, driven by events.
class TwoPcTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TwoPcTest);
  CPPUNIT_TEST(who_has_voted_and_hears_nothing_asks_the_coordinator);
  CPPUNIT_TEST(who_does_not_know_is_asked_again);
  CPPUNIT_TEST(the_outcome_that_is_told_is_final);
  CPPUNIT_TEST(the_others_are_asked_while_the_coordinator_is_down);
  CPPUNIT_TEST(a_coordinator_that_comes_back_is_asked_at_once);
  CPPUNIT_TEST(who_has_not_voted_refuses_durably_before_it_says_aborted);
  CPPUNIT_TEST(a_refusal_outlives_a_restart);
  CPPUNIT_TEST(who_waits_for_locks_refuses_too);
  CPPUNIT_TEST(who_has_voted_does_not_know);
  CPPUNIT_TEST(who_has_committed_knows_until_all_have);
  CPPUNIT_TEST(of_what_is_finished_a_participant_does_not_know);
  CPPUNIT_TEST(with_a_full_disk_nobody_refuses_anything);
  CPPUNIT_TEST(a_restart_has_the_locks_before_anything_is_served);
  CPPUNIT_TEST(a_vote_that_was_not_durable_was_not_told);
  CPPUNIT_TEST(a_restart_replays_what_the_state_lacks);
  CPPUNIT_TEST(a_commit_that_was_not_durable_is_in_doubt_again);
  CPPUNIT_TEST(a_restarted_coordinator_goes_on_telling);
  CPPUNIT_TEST(a_restarted_coordinator_has_not_decided_what_is_not_on_disk);
  CPPUNIT_TEST(no_id_comes_twice_and_no_age_goes_back);
  CPPUNIT_TEST(the_doubt_is_listed_with_its_age);
  CPPUNIT_TEST(what_is_done_with_leaves_the_log);
  CPPUNIT_TEST(a_stopped_coordinator_ends_what_is_not_decided);
  CPPUNIT_TEST(a_coordinator_stopped_while_it_decides_goes_on_when_it_is_back);
  CPPUNIT_TEST(a_stopped_participant_votes_not_and_holds_reads_back);
  CPPUNIT_TEST(a_participant_that_is_back_has_its_locks_and_its_doubt);
  CPPUNIT_TEST(a_participant_stopped_before_a_commit_is_applied_lets_reads_wait_for_it);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    driver_ = std::make_unique<Driver>();
    driver_->all_up();
  }

  void who_has_voted_and_hears_nothing_asks_the_coordinator() {
    driver().prepare(txn(5));
    driver().sync();
    driver().advance(driver().options().doubt_after - milliseconds(1));
    CPPUNIT_ASSERT(driver().said_nothing());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().in_doubt_count);
    driver().advance(milliseconds(1));
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"query"});
    CPPUNIT_ASSERT(driver().said_to(kSecond).empty());
    CPPUNIT_ASSERT(driver().last_query(kThird).message->ids == std::vector{txn(5)->id});
  }

  void who_does_not_know_is_asked_again() {
    doubt(5);
    tell(kThird, Knowledge::kUnknown);
    CPPUNIT_ASSERT(driver().said_nothing());
    driver().advance(driver().options().doubt_after);
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"query"});
    driver().fail(kThird, driver().last_query(kThird).call);
    driver().advance(driver().options().doubt_after);
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"query"});
    driver().advance(driver().options().doubt_after);
    // One question at a time; and the coordinator does not answer: others may know.
    CPPUNIT_ASSERT(driver().said_to(kThird).empty());
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"query"});
  }

  void the_outcome_that_is_told_is_final() {
    doubt(5);
    driver().read(1, "a");
    tell(kThird, Knowledge::kCommitted);
    CPPUNIT_ASSERT(driver().written() == std::vector{Type::kCommitted});
    driver().sync();
    CPPUNIT_ASSERT(driver().applied() == std::vector<Position>{1} && driver().is_read(1));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().in_doubt_count);
    doubt(6);
    driver().read(2, "a");
    tell(kThird, Knowledge::kAborted);
    CPPUNIT_ASSERT(driver().is_read(2) && driver().applied().empty());
    tell_again(kThird, Knowledge::kAborted);
    CPPUNIT_ASSERT(driver().written().empty());
  }

  void the_others_are_asked_while_the_coordinator_is_down() {
    driver().prepare(txn(5));
    driver().sync();
    driver().down(kThird);
    driver().advance(driver().options().doubt_after);
    CPPUNIT_ASSERT(driver().said_to(kSecond) == Words{"query"});
    CPPUNIT_ASSERT(driver().said_to(kThird).empty());
    tell(kSecond, Knowledge::kUnknown);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, driver().view().in_doubt_count);
    driver().advance(driver().options().doubt_after);
    tell(kSecond, Knowledge::kAborted);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().in_doubt_count);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().prepared);
  }

  void a_coordinator_that_comes_back_is_asked_at_once() {
    driver().prepare(txn(5));
    driver().down(kThird);
    driver().down(kSecond);
    driver().advance(driver().options().doubt_after);
    CPPUNIT_ASSERT(driver().said_nothing());
    driver().up(kThird);
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"query"});
  }

  void who_has_not_voted_refuses_durably_before_it_says_aborted() {
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kAborted);
    CPPUNIT_ASSERT(driver().written() == std::vector{Type::kRefused});
    CPPUNIT_ASSERT_EQUAL(driver().persists(), driver().after());
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kAborted);
    CPPUNIT_ASSERT(driver().written().empty());
    CPPUNIT_ASSERT_EQUAL(driver().persists(), driver().after());
    CPPUNIT_ASSERT(driver().prepare(txn(5)) == Vote::kConflict);
  }

  void a_refusal_outlives_a_restart() {
    driver().query(kSecond, txn(5)->id);
    driver().sync();
    driver().restart();
    CPPUNIT_ASSERT(driver().prepare(txn(5)) == Vote::kConflict);
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kAborted);
    CPPUNIT_ASSERT(driver().written().empty());
  }

  void who_waits_for_locks_refuses_too() {
    driver().prepare(txn(5));
    CPPUNIT_ASSERT(driver().prepare(txn(4)) == Vote::kWaits);
    CPPUNIT_ASSERT(driver().query(kSecond, txn(4)->id) == Knowledge::kAborted);
    CPPUNIT_ASSERT(driver().written() == std::vector{Type::kRefused});
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"vote no"});
    driver().decide(txn(5)->id, Decision::kAbort);
    CPPUNIT_ASSERT(driver().said_nothing());  // it is not waited for any more
  }

  void who_has_voted_does_not_know() {
    driver().prepare(txn(5));
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kUnknown);
    CPPUNIT_ASSERT(driver().written().empty());
    driver().decide(txn(5)->id, Decision::kAbort);
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kAborted);
  }

  void who_has_committed_knows_until_all_have() {
    commit(5);
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kCommitted);
    driver().restart();
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kCommitted);
    driver().prepare(txn(7), {kIncarnation, 6});
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kUnknown);
  }

  void of_what_is_finished_a_participant_does_not_know() {
    driver().prepare(txn(7), {kIncarnation, 6});
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kUnknown);
    CPPUNIT_ASSERT(driver().written().empty());
    CPPUNIT_ASSERT(driver().query(kSecond, txn(6)->id) == Knowledge::kAborted);
  }

  void with_a_full_disk_nobody_refuses_anything() {
    driver().step(protocol::LogRoom{false});
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kUnknown);
    CPPUNIT_ASSERT(driver().written().empty());
  }

  void a_restart_has_the_locks_before_anything_is_served() {
    driver().prepare(txn(5));
    driver().sync();
    driver().restart();
    driver().read(1, "a");
    CPPUNIT_ASSERT(!driver().is_read(1));
    driver().read(2, "b");
    CPPUNIT_ASSERT(driver().is_read(2));
    CPPUNIT_ASSERT(driver().prepare(txn(6)) == Vote::kConflict);
    CPPUNIT_ASSERT(driver().prepare(txn(5)) == Vote::kYes);  // it has not forgotten
    driver().up(kThird);
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"query"});
    tell(kThird, Knowledge::kCommitted);
    driver().sync();
    CPPUNIT_ASSERT(driver().is_read(1));
  }

  void a_vote_that_was_not_durable_was_not_told() {
    driver().prepare(txn(5));
    CPPUNIT_ASSERT(driver().after() > 0);
    driver().restart();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().prepared);
    driver().read(1, "a");
    CPPUNIT_ASSERT(driver().is_read(1));
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kAborted);
  }

  void a_restart_replays_what_the_state_lacks() {
    commit(5);
    own_commit(1);
    commit(6);
    driver().restart(1);
    CPPUNIT_ASSERT((driver().applied() == std::vector<Position>{2, 3}));
    CPPUNIT_ASSERT_EQUAL(protocol::ProposalId{0},
                         all_of<protocol::Apply>(driver().effects()).at(0).proposal);
    driver().restart(3);
    CPPUNIT_ASSERT(driver().applied().empty());
    driver().all_up();
    commit(7);
    CPPUNIT_ASSERT(driver().applied() == std::vector<Position>{4});
  }

  void a_commit_that_was_not_durable_is_in_doubt_again() {
    driver().prepare(txn(5));
    driver().sync();
    driver().decide(txn(5)->id, Decision::kCommit);
    driver().restart();
    CPPUNIT_ASSERT(driver().applied().empty());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, driver().view().prepared);
    driver().decide(txn(5)->id, Decision::kCommit);
    driver().sync();
    CPPUNIT_ASSERT(driver().applied() == std::vector<Position>{1});
  }

  void a_restarted_coordinator_goes_on_telling() {
    own_commit(1);
    const TxnId id = driver().begun();
    driver().acknowledge(kSecond);
    driver().restart();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, driver().view().unfinished);
    CPPUNIT_ASSERT(driver().query(kThird, id) == Knowledge::kCommitted);
    driver().up(kThird);
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"commit"});
    driver().acknowledge(kThird);
    driver().up(kSecond);  // who has acknowledged it in an earlier life does so again
    driver().acknowledge(kSecond);
    driver().advance(seconds(2));
    CPPUNIT_ASSERT(driver().written() == std::vector{Type::kFinished});
    driver().sync();
    driver().restart();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().unfinished);
  }

  void a_restarted_coordinator_has_not_decided_what_is_not_on_disk() {
    driver().put(1, "a");
    const TxnId id = driver().begun();
    driver().both_vote_yes();
    driver().restart();
    CPPUNIT_ASSERT(driver().query(kThird, id) == Knowledge::kAborted);
    CPPUNIT_ASSERT(driver().written().empty());
    CPPUNIT_ASSERT(driver().query(kThird, {kSelf, 9, 1}) == Knowledge::kUnknown);  // of no life yet
  }

  void no_id_comes_twice_and_no_age_goes_back() {
    driver().prepare(transaction_of(kThird, 5, {"b"}, 1000));
    driver().sync();
    driver().put(1, "a");
    const TransactionPtr before = driver().last_prepare(kSecond).message->transactions.front();
    CPPUNIT_ASSERT(before->timestamp.clock > 1000);
    driver().both_vote_yes();
    driver().sync();
    driver().restart();
    driver().all_up();
    driver().put(2, "c");
    const TransactionPtr after = driver().last_prepare(kSecond).message->transactions.front();
    CPPUNIT_ASSERT(after->timestamp > before->timestamp);
    CPPUNIT_ASSERT(after->id > before->id && after->id.incarnation == 2);
  }

  void the_doubt_is_listed_with_its_age() {
    const TimePoint voted = driver().now();
    doubt(5);
    doubt(6, "b");
    const View view = driver().view();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, view.in_doubt_count);
    CPPUNIT_ASSERT(view.in_doubt[0].id == txn(5)->id && view.in_doubt[0].since == voted);
    CPPUNIT_ASSERT(view.in_doubt[1].key == "b" && view.in_doubt[1].since > voted);
    CPPUNIT_ASSERT(driver().twopc().role().trouble.starts_with("2 transactions are in doubt"));
    for (std::uint64_t i = 10; i < 40; ++i) driver().prepare(txn(i, std::to_string(i)));
    driver().advance(driver().options().doubt_after);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{32}, driver().view().in_doubt_count);
    CPPUNIT_ASSERT_EQUAL(kInDoubtShownMax, driver().view().in_doubt.size());
    driver().decide(txn(5)->id, Decision::kAbort);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{31}, driver().view().in_doubt_count);
  }

  void what_is_done_with_leaves_the_log() {
    commit(5);      // records 1 and 2
    own_commit(1);  // 3
    driver().step(protocol::StateSaved{2});
    driver().prepare(txn(8, "x"), {kIncarnation, 6});  // 4
    driver().sync();
    CPPUNIT_ASSERT_EQUAL(Position{2}, cut());  // the decision is not acknowledged
    driver().acknowledge(kSecond);
    driver().acknowledge(kThird);
    driver().prepare(txn(9, "y"));
    driver().sync();
    CPPUNIT_ASSERT_EQUAL(Position{3}, cut());
    driver().restart(2);
    CPPUNIT_ASSERT(driver().applied().empty());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, driver().view().prepared);
  }

  void a_stopped_coordinator_ends_what_is_not_decided() {
    driver().put(1, "a");
    const TxnId id = driver().begun();
    driver().put(2, "a");
    driver().stop_role("coordinator");
    for (const protocol::ProposalId proposal : {1, 2}) {
      CPPUNIT_ASSERT_EQUAL(std::string("the coordinator of replica 1 is stopped"),
                           driver().ended(proposal)->reason());
    }
    CPPUNIT_ASSERT(driver().query(kThird, id) == Knowledge::kUnknown);
    driver().put(3, "a");
    CPPUNIT_ASSERT(driver().ended(3)->code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT(driver().prepare(txn(5)) == Vote::kYes);  // the participant goes on
    driver().start_role("coordinator");
    CPPUNIT_ASSERT(driver().query(kThird, id) == Knowledge::kAborted);
    driver().put(4, "b");
    CPPUNIT_ASSERT(driver().begun() > id);
  }

  void a_coordinator_stopped_while_it_decides_goes_on_when_it_is_back() {
    driver().put(1, "a");
    const TxnId id = driver().begun();
    driver().both_vote_yes();
    driver().stop_role("coordinator");
    CPPUNIT_ASSERT(!driver().ended(1));
    driver().sync();
    CPPUNIT_ASSERT(driver().is_done(1) && driver().said_nothing());
    CPPUNIT_ASSERT(driver().query(kThird, id) == Knowledge::kUnknown);
    driver().start_role("coordinator");
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"commit"});
    CPPUNIT_ASSERT(driver().query(kThird, id) == Knowledge::kCommitted);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, driver().view().unfinished);
  }

  void a_stopped_participant_votes_not_and_holds_reads_back() {
    driver().put(1, "b");
    driver().stop_role("participant");
    CPPUNIT_ASSERT_EQUAL(std::string("the participant of replica 1 is stopped"),
                         driver().ended(1)->reason());
    CPPUNIT_ASSERT(driver().prepare(txn(5)) == Vote::kRefused);
    CPPUNIT_ASSERT_EQUAL(std::string("the participant of replica 1 is stopped"), driver().reason());
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kUnknown);
    driver().put(2, "b");
    CPPUNIT_ASSERT(driver().ended(2)->code() == StatusCode::kUnavailable);
    driver().read(1, "a");
    CPPUNIT_ASSERT(!driver().is_read(1));
    driver().start_role("participant");
    CPPUNIT_ASSERT(driver().is_read(1));
    CPPUNIT_ASSERT(driver().prepare(txn(5)) == Vote::kYes);
  }

  void a_participant_that_is_back_has_its_locks_and_its_doubt() {
    driver().prepare(txn(5));
    driver().read(1, "a");
    driver().stop_role("participant");
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().prepared);
    const auto call = driver().request<TxnDecide>(
        kThird, TxnDecideFields{1, {}, {{txn(5)->id, Decision::kCommit}}});
    CPPUNIT_ASSERT(!driver().answer_to<TxnDecided>(call)->refused.empty());
    driver().start_role("participant");
    CPPUNIT_ASSERT(!driver().is_read(1));
    CPPUNIT_ASSERT(driver().prepare(txn(6)) == Vote::kConflict);
    driver().advance({});
    tell(kThird, Knowledge::kCommitted);
    driver().sync();
    CPPUNIT_ASSERT(driver().is_read(1));
  }

  void a_participant_stopped_before_a_commit_is_applied_lets_reads_wait_for_it() {
    driver().prepare(txn(5));
    driver().decide(txn(5)->id, Decision::kCommit);
    driver().read(1, "a");
    driver().stop_role("participant");
    CPPUNIT_ASSERT(!driver().is_read(1));
    driver().sync();  // it is applied although the role is away
    CPPUNIT_ASSERT(driver().applied() == std::vector<Position>{1} && !driver().is_read(1));
    driver().start_role("participant");
    CPPUNIT_ASSERT(driver().is_read(1));
    CPPUNIT_ASSERT(driver().query(kSecond, txn(5)->id) == Knowledge::kCommitted);
  }

 private:
  Driver& driver() { return *driver_; }
  // A write that replica 3 coordinates; the lower the number, the older.
  static TransactionPtr txn(std::uint64_t number, const std::string& key = "a") {
    return transaction_of(kThird, number, {key}, number);
  }
  void doubt(std::uint64_t number, const std::string& key = "a") {
    CPPUNIT_ASSERT(driver().prepare(txn(number, key)) == Vote::kYes);
    driver().sync();
    driver().advance(driver().options().doubt_after);
  }
  void commit(std::uint64_t number) {
    CPPUNIT_ASSERT(driver().prepare(txn(number)) == Vote::kYes);
    driver().decide(txn(number)->id, Decision::kCommit);
    driver().sync();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, driver().applied().size());
  }
  void own_commit(protocol::ProposalId proposal) {
    driver().put(proposal, "own");
    driver().both_vote_yes();
    driver().sync();
    CPPUNIT_ASSERT(driver().is_done(proposal));
  }
  // Answers the last question that this replica asked.
  void tell(ReplicaId from, Knowledge knowledge) {
    const auto query = driver().last_query(from);
    const std::vector<Knowledge> outcomes(query.message->ids.size(), knowledge);
    driver().step(protocol::Answer{from, query.call,
                                   std::make_shared<TxnOutcome>(TxnOutcomeFields{1, outcomes})});
  }
  // The coordinator tells what another has told already.
  void tell_again(ReplicaId from, Knowledge knowledge) {
    const Decision decision =
        knowledge == Knowledge::kCommitted ? Decision::kCommit : Decision::kAbort;
    driver().decide(driver().last_query(from).message->ids.front(), decision);
  }
  Position cut() const {
    const auto cuts = all_of<protocol::CutLog>(driver_->effects());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, cuts.size());
    return cuts.front().slot;
  }

  std::unique_ptr<Driver> driver_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(TwoPcTest);

}  // namespace
}  // namespace rkv::twopc
