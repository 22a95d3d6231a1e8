#include "twopc/participant.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <vector>

#include "driver.h"

namespace rkv::twopc {
namespace {

using Words = std::vector<std::string>;
using Type = Record::Type;

// The votes of a replica on what others coordinate, and its reads: replica 1 of three.
class ParticipantTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ParticipantTest);
  CPPUNIT_TEST(a_yes_is_told_when_the_vote_is_durable);
  CPPUNIT_TEST(the_same_prepare_twice_has_the_same_vote_and_one_record);
  CPPUNIT_TEST(a_commit_is_acknowledged_when_durable_and_then_applied);
  CPPUNIT_TEST(a_commit_that_comes_twice_is_applied_once);
  CPPUNIT_TEST(an_abort_frees_the_key_and_writes_nothing_at_once);
  CPPUNIT_TEST(a_prepare_after_its_abort_is_refused);
  CPPUNIT_TEST(a_younger_one_is_in_conflict_with_an_older_holder);
  CPPUNIT_TEST(an_older_one_waits_and_votes_late);
  CPPUNIT_TEST(who_waited_and_died_says_so);
  CPPUNIT_TEST(who_waited_and_is_aborted_votes_no_more);
  CPPUNIT_TEST(a_foreign_write_waits_for_an_own_one_that_is_decided);
  CPPUNIT_TEST(an_own_write_waits_for_a_foreign_holder);
  CPPUNIT_TEST(the_next_may_vote_before_the_first_is_applied);
  CPPUNIT_TEST(votes_of_many_share_one_batch_and_one_answer);
  CPPUNIT_TEST(a_full_disk_or_table_refuses_to_vote);
  CPPUNIT_TEST(a_read_of_a_free_key_does_not_wait);
  CPPUNIT_TEST(a_read_waits_for_a_foreign_holder_until_its_commit_is_applied);
  CPPUNIT_TEST(a_read_waits_for_a_foreign_holder_until_its_abort);
  CPPUNIT_TEST(a_read_does_not_wait_for_an_own_write_that_is_not_decided);
  CPPUNIT_TEST(a_read_waits_for_a_commit_that_is_not_applied);
  CPPUNIT_TEST(a_read_that_came_before_the_next_holder_does_not_wait_for_it);
  CPPUNIT_TEST(after_an_abort_a_read_still_waits_for_the_commit_before);
  CPPUNIT_TEST(a_read_is_refused_when_the_doubt_lasts_too_long);
  CPPUNIT_TEST(too_many_reads_of_one_key_are_refused);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { begin(Driver::default_options()); }

  void a_yes_is_told_when_the_vote_is_durable() {
    CPPUNIT_ASSERT(driver().prepare(aged(5)) == Vote::kYes);
    CPPUNIT_ASSERT(driver().written() == std::vector{Type::kPrepared});
    CPPUNIT_ASSERT_EQUAL(driver().persists(), driver().after());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, driver().view().prepared);
  }

  void the_same_prepare_twice_has_the_same_vote_and_one_record() {
    driver().prepare(aged(5));
    CPPUNIT_ASSERT(driver().prepare(aged(5)) == Vote::kYes);
    CPPUNIT_ASSERT(driver().written().empty());
    CPPUNIT_ASSERT_EQUAL(driver().persists(), driver().after());  // it may not be durable yet
    CPPUNIT_ASSERT(driver().prepare(aged(4)) == Vote::kWaits);
    CPPUNIT_ASSERT(driver().prepare(aged(4)) == Vote::kWaits);
  }

  void a_commit_is_acknowledged_when_durable_and_then_applied() {
    driver().prepare(aged(5));
    driver().sync();
    driver().decide(aged(5)->id, Decision::kCommit);
    CPPUNIT_ASSERT(driver().written() == std::vector{Type::kCommitted});
    CPPUNIT_ASSERT_EQUAL(driver().persists(), driver().after());
    CPPUNIT_ASSERT(driver().applied().empty());
    driver().sync();
    CPPUNIT_ASSERT(driver().applied() == std::vector<Position>{1});
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, driver().view().prepared);
  }

  void a_commit_that_comes_twice_is_applied_once() {
    driver().prepare(aged(5));
    driver().decide(aged(5)->id, Decision::kCommit);
    driver().decide(aged(5)->id, Decision::kCommit);
    CPPUNIT_ASSERT(driver().written().empty());
    CPPUNIT_ASSERT_EQUAL(driver().persists(), driver().after());
    driver().sync();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, driver().applied().size());
    driver().decide(aged(5)->id, Decision::kCommit);
    driver().sync();
    CPPUNIT_ASSERT(driver().applied().empty());
    CPPUNIT_ASSERT(driver().prepare(aged(5)) == Vote::kConflict);
  }

  void an_abort_frees_the_key_and_writes_nothing_at_once() {
    driver().prepare(aged(5));
    driver().decide(aged(5)->id, Decision::kAbort);
    CPPUNIT_ASSERT(driver().written().empty());
    CPPUNIT_ASSERT(driver().prepare(aged(6)) == Vote::kYes);
    CPPUNIT_ASSERT((driver().written() == std::vector{Type::kPrepared, Type::kAborted}));
  }

  void a_prepare_after_its_abort_is_refused() {
    driver().decide(aged(5)->id, Decision::kAbort);
    CPPUNIT_ASSERT(driver().prepare(aged(5)) == Vote::kConflict);
    driver().prepare(aged(7), {kIncarnation, 7});  // those below 7 are finished
    driver().decide(aged(7)->id, Decision::kAbort);
    CPPUNIT_ASSERT(driver().prepare(aged(6)) == Vote::kConflict);
  }

  void a_younger_one_is_in_conflict_with_an_older_holder() {
    driver().prepare(aged(5));
    CPPUNIT_ASSERT(driver().prepare(aged(6)) == Vote::kConflict);
    CPPUNIT_ASSERT(driver().written().empty());
    driver().decide(aged(5)->id, Decision::kAbort);
    CPPUNIT_ASSERT(driver().said_nothing());  // it is not remembered
  }

  void an_older_one_waits_and_votes_late() {
    driver().prepare(aged(5));
    CPPUNIT_ASSERT(driver().prepare(aged(4)) == Vote::kWaits);
    CPPUNIT_ASSERT(driver().written().empty());
    driver().decide(aged(5)->id, Decision::kCommit);
    CPPUNIT_ASSERT((driver().written() == std::vector{Type::kCommitted, Type::kPrepared}));
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"vote yes"});
    CPPUNIT_ASSERT_EQUAL(driver().persists(), last_votes().after);
  }

  void who_waited_and_died_says_so() {
    driver().prepare(aged(5));
    driver().prepare(aged(4));
    driver().prepare(aged(3));
    driver().decide(aged(5)->id, Decision::kAbort);
    const auto votes = last_votes().message->votes;
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, votes.size());
    for (const LateVote& each : votes) {
      const bool is_oldest = each.id == aged(3)->id;
      CPPUNIT_ASSERT(each.vote == (is_oldest ? Vote::kYes : Vote::kConflict));
    }
  }

  void who_waited_and_is_aborted_votes_no_more() {
    driver().prepare(aged(5));
    driver().prepare(aged(4));
    driver().decide(aged(4)->id, Decision::kAbort);
    driver().decide(aged(5)->id, Decision::kAbort);
    CPPUNIT_ASSERT(driver().said_nothing());
    CPPUNIT_ASSERT(driver().prepare(aged(9)) == Vote::kYes);
  }

  void a_foreign_write_waits_for_an_own_one_that_is_decided() {
    driver().put(1, "a");
    CPPUNIT_ASSERT(driver().prepare(aged(50)) == Vote::kConflict);
    driver().both_vote_yes();
    CPPUNIT_ASSERT(driver().prepare(aged(51)) == Vote::kWaits);
    driver().sync();
    CPPUNIT_ASSERT(driver().is_done(1));
    CPPUNIT_ASSERT((driver().said_to(kThird) == Words{"commit", "vote yes"}));
  }

  void an_own_write_waits_for_a_foreign_holder() {
    driver().prepare(aged(5));
    driver().put(1, "a");
    CPPUNIT_ASSERT(driver().said_nothing());
    driver().decide(aged(5)->id, Decision::kAbort);
    CPPUNIT_ASSERT(driver().said_to(kThird) == Words{"prepare"});
    const TransactionPtr own = driver().last_prepare(kSecond).message->transactions.front();
    CPPUNIT_ASSERT(own->timestamp > aged(5)->timestamp);  // Lamport's clock
  }

  void the_next_may_vote_before_the_first_is_applied() {
    driver().prepare(aged(5));
    driver().decide(aged(5)->id, Decision::kCommit);
    CPPUNIT_ASSERT(driver().prepare(aged(6)) == Vote::kYes);
    driver().decide(aged(6)->id, Decision::kCommit);
    driver().sync();
    CPPUNIT_ASSERT((driver().applied() == std::vector<Position>{1, 2}));
  }

  void votes_of_many_share_one_batch_and_one_answer() {
    TxnPrepareFields fields;
    fields.transactions = {aged(5), aged(6), transaction_of(kThird, 7, {"b"}, 7), aged(4)};
    const auto call = driver().request<TxnPrepare>(kThird, fields);
    const auto answer = driver().answer_to<TxnPrepared>(call);
    CPPUNIT_ASSERT(
        (answer->votes == std::vector{Vote::kYes, Vote::kConflict, Vote::kYes, Vote::kWaits}));
    CPPUNIT_ASSERT((driver().written() == std::vector{Type::kPrepared, Type::kPrepared}));
    CPPUNIT_ASSERT_EQUAL(protocol::SyncPoint{1}, driver().persists());
  }

  void a_full_disk_or_table_refuses_to_vote() {
    driver().step(protocol::LogRoom{false});
    CPPUNIT_ASSERT(driver().prepare(aged(5)) == Vote::kRefused);
    CPPUNIT_ASSERT_EQUAL(std::string("the disk of replica 1 is nearly full"), driver().reason());
    Options options = Driver::default_options();
    options.prepared_max = 1;
    begin(options);
    driver().prepare(aged(5));
    CPPUNIT_ASSERT(driver().prepare(transaction_of(kThird, 6, {"b"}, 6)) == Vote::kRefused);
    CPPUNIT_ASSERT_EQUAL(std::string("replica 1 has too many open transactions"),
                         driver().reason());
    options.prepared_max = 10;
    options.prepared_bytes_max = 8;
    begin(options);
    driver().prepare(aged(5));
    CPPUNIT_ASSERT(driver().prepare(transaction_of(kThird, 6, {"b"}, 6)) == Vote::kRefused);
    driver().decide(aged(5)->id, Decision::kAbort);
    CPPUNIT_ASSERT(driver().prepare(transaction_of(kThird, 7, {"b"}, 7)) == Vote::kYes);
  }

  void a_read_of_a_free_key_does_not_wait() {
    driver().prepare(aged(5));
    driver().read(1, "b");
    CPPUNIT_ASSERT(driver().is_read(1));
  }

  void a_read_waits_for_a_foreign_holder_until_its_commit_is_applied() {
    driver().prepare(aged(5));
    driver().read(1, "a");
    CPPUNIT_ASSERT(!driver().is_read(1));
    driver().decide(aged(5)->id, Decision::kCommit);
    CPPUNIT_ASSERT(!driver().is_read(1));
    driver().sync();
    CPPUNIT_ASSERT(driver().is_read(1) && driver().applied().size() == 1);
    CPPUNIT_ASSERT(std::holds_alternative<protocol::Apply>(driver().effects().front()));
  }

  void a_read_waits_for_a_foreign_holder_until_its_abort() {
    driver().prepare(aged(5));
    driver().read(1, "a");
    driver().decide(aged(5)->id, Decision::kAbort);
    CPPUNIT_ASSERT(driver().is_read(1));
  }

  void a_read_does_not_wait_for_an_own_write_that_is_not_decided() {
    driver().put(1, "a");
    driver().read(1, "a");
    CPPUNIT_ASSERT(driver().is_read(1));
    driver().both_vote_yes();
    driver().read(2, "a");  // nobody has been told of the decision
    CPPUNIT_ASSERT(driver().is_read(2));
  }

  void a_read_waits_for_a_commit_that_is_not_applied() {
    driver().prepare(aged(5));
    driver().decide(aged(5)->id, Decision::kCommit);
    driver().read(1, "a");
    CPPUNIT_ASSERT(!driver().is_read(1));
    driver().sync();
    CPPUNIT_ASSERT(driver().is_read(1));
  }

  void a_read_that_came_before_the_next_holder_does_not_wait_for_it() {
    driver().prepare(aged(5));
    driver().prepare(aged(4));
    driver().read(1, "a");
    driver().decide(aged(5)->id, Decision::kAbort);
    CPPUNIT_ASSERT(driver().is_read(1));
    driver().read(2, "a");
    CPPUNIT_ASSERT(!driver().is_read(2));
  }

  void after_an_abort_a_read_still_waits_for_the_commit_before() {
    driver().prepare(aged(5));
    driver().decide(aged(5)->id, Decision::kCommit);
    driver().prepare(aged(6));
    driver().read(1, "a");
    driver().decide(aged(6)->id, Decision::kAbort);
    CPPUNIT_ASSERT(!driver().is_read(1));
    driver().sync();
    CPPUNIT_ASSERT(driver().is_read(1));
  }

  void a_read_is_refused_when_the_doubt_lasts_too_long() {
    driver().prepare(aged(5));
    driver().read(1, "a");
    driver().advance(driver().options().request_timeout);
    const auto refused = all_of<protocol::RefuseRead>(driver().effects());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, refused.size());
    CPPUNIT_ASSERT(refused[0].status.code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT(refused[0].status.reason().find("replica 3 coordinates") != std::string::npos);
    driver().decide(aged(5)->id, Decision::kAbort);
    CPPUNIT_ASSERT(!driver().is_read(1));
  }

  void too_many_reads_of_one_key_are_refused() {
    Options options = Driver::default_options();
    options.reads_per_key_max = 2;
    begin(options);
    driver().prepare(aged(5));
    driver().read(1, "a");
    driver().read(2, "a");
    driver().read(3, "a");
    const auto refused = all_of<protocol::RefuseRead>(driver().effects());
    CPPUNIT_ASSERT(refused.size() == 1 && refused[0].read == 3);
    CPPUNIT_ASSERT(refused[0].status.code() == StatusCode::kBusy);
  }

 private:
  void begin(const Options& options) {
    driver_ = std::make_unique<Driver>(options);
    driver_->all_up();
  }
  Driver& driver() { return *driver_; }
  // A write of "a" that replica 3 coordinates; the lower the number, the older.
  static TransactionPtr aged(std::uint64_t number) {
    return transaction_of(kThird, number, {"a"}, number);
  }
  SentMessage<TxnVotes> last_votes() const {
    const auto votes = sent<TxnVotes>(driver_->effects(), kTxnVotes);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, votes.size());
    return votes.front();
  }

  std::unique_ptr<Driver> driver_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ParticipantTest);

}  // namespace
}  // namespace rkv::twopc
