#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <vector>

#include "paxos_fixture.h"

namespace rkv::paxos {
namespace {

// What a replica of three does while one of its roles is stopped, and when that is back.
class RoleFailuresTest : public PaxosFixture {
  CPPUNIT_TEST_SUITE(RoleFailuresTest);
  CPPUNIT_TEST(a_stopped_acceptor_gives_no_promise_no_vote_and_no_word);
  CPPUNIT_TEST(a_stopped_acceptor_finds_the_log_as_it_has_left_it);
  CPPUNIT_TEST(a_started_acceptor_remembers_its_promise_and_its_votes);
  CPPUNIT_TEST(a_started_acceptor_promises_nothing_for_one_lease);
  CPPUNIT_TEST(a_leader_counts_no_stopped_acceptor);
  CPPUNIT_TEST(a_leader_goes_on_without_its_own_acceptor);
  CPPUNIT_TEST(the_acceptor_of_a_leader_votes_for_what_is_open_when_it_is_back);
  CPPUNIT_TEST(a_leader_without_acceptor_gives_way_to_a_higher_ballot);
  CPPUNIT_TEST(a_candidate_without_acceptor_stands_down);
  CPPUNIT_TEST(too_much_that_is_not_written_down_ends_the_taking_of_writes);
  CPPUNIT_TEST(a_stopped_proposer_does_not_lead_or_stand);
  CPPUNIT_TEST(a_started_proposer_never_has_a_ballot_again);
  CPPUNIT_TEST(clients_of_a_replica_without_proposer_are_passed_on);
  CPPUNIT_TEST(a_stopped_learner_applies_and_tells_nothing);
  CPPUNIT_TEST(a_started_learner_has_what_it_kept_from_the_log);
  CPPUNIT_TEST(a_started_learner_has_what_still_waits_to_be_written);
  CPPUNIT_TEST(a_started_learner_finds_what_was_not_written_when_the_log_was_read);
  CPPUNIT_TEST(a_started_learner_trusts_no_vote_below_the_cut);
  CPPUNIT_TEST(a_replica_without_learner_does_not_lead);
  CPPUNIT_TEST_SUITE_END();

 public:
  // ---- The acceptor ----

  void a_stopped_acceptor_gives_no_promise_no_vote_and_no_word() {
    accept(kTheirs, 1, {"one"});
    stop("acceptor");
    const Accepted& accepted = accept(kTheirs, 2, {"two"});
    CPPUNIT_ASSERT(accepted.taken == 0 && accepted.promised == kNone);
    now_ = now_ + seconds(1);
    const auto& promise = ask<Promise>(kThird, make<Prepare>({kHigher}));
    CPPUNIT_ASSERT(!promise.granted && promise.promised == kNone && promise.accepted.empty());
    const auto& pre_vote = ask<PreVoteAnswer>(kThird, make<PreVote>({kHigher}));
    CPPUNIT_ASSERT(!pre_vote.granted && pre_vote.promised == kNone);
  }

  void a_stopped_acceptor_finds_the_log_as_it_has_left_it() {
    accept(kTheirs, 1, {"one"});
    const std::string standing = log_.standing;
    stop("acceptor");
    // It knows that more is chosen, and fetches it.
    accept(kTheirs, 3, {}, 2);
    answer(kFetch, kSecond, make<Fetched>({1, {value_of("one"), value_of("two")}, 2, 0}));
    CPPUNIT_ASSERT((applied_ == std::vector<std::string>{"one", "two"}));
    now_ = now_ + seconds(10);
    tick();
    CPPUNIT_ASSERT(log_.standing == standing && log_.records.size() == 1);
    CPPUNIT_ASSERT(paxos_->next_tick() > now_);
    start_role("acceptor");
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, log_.records.size());
    CPPUNIT_ASSERT(decode_record(log_.records[2])->type == SlotRecord::Type::kChosen);
    CPPUNIT_ASSERT_EQUAL(Slot{2}, decode_standing(log_.standing)->chosen);
  }

  void a_started_acceptor_remembers_its_promise_and_its_votes() {
    accept(kTheirs, 1, {"one"});
    stop("acceptor");
    start_role("acceptor");
    const Accepted& lower = accept({6, kThird}, 1, {"other"});
    CPPUNIT_ASSERT(lower.taken == 0 && lower.promised == kTheirs);
    now_ = now_ + options_.lease;
    const auto& promise = ask<Promise>(kThird, make<Prepare>({kHigher}));
    CPPUNIT_ASSERT(promise.granted && promise.accepted.size() == 1);
    CPPUNIT_ASSERT(promise.accepted[0].ballot == kTheirs);
    CPPUNIT_ASSERT_EQUAL(std::string("one"), text_of(promise.accepted[0].value));
  }

  void a_started_acceptor_promises_nothing_for_one_lease() {
    accept(kTheirs, 1, {"one"});
    stop("acceptor");
    now_ = now_ + milliseconds(10);
    start_role("acceptor");
    now_ = now_ + (options_.lease - Duration{1});
    CPPUNIT_ASSERT(!ask<Promise>(kThird, make<Prepare>({kHigher})).granted);
    CPPUNIT_ASSERT(accept(kTheirs, 2, {"votes it gives at once"}).taken == 1);
    now_ = now_ + options_.lease;
    CPPUNIT_ASSERT(ask<Promise>(kThird, make<Prepare>({kHigher})).granted);
  }

  void a_leader_counts_no_stopped_acceptor() {
    lead();
    const TimePoint lease = paxos_->view().lease_until;
    now_ = now_ + milliseconds(10);
    propose("one");
    answer(kAccept, kSecond, make<Accepted>({0, kNone, 0}));
    answer(kAccept, kThird, make<Accepted>({0, kNone, 0}));
    sync();
    CPPUNIT_ASSERT_EQUAL(Slot{0}, paxos_->view().chosen);
    CPPUNIT_ASSERT(paxos_->view().lease_until == lease);
    // Its acceptor is back, and is asked again.
    now_ = now_ + options_.heartbeat;
    tick();
    answer(kAccept, kSecond, make<Accepted>({1, paxos_->view().ballot, 0}));
    CPPUNIT_ASSERT_EQUAL(Slot{1}, paxos_->view().chosen);
    CPPUNIT_ASSERT(paxos_->view().lease_until > lease);
  }

  void a_leader_goes_on_without_its_own_acceptor() {
    lead();
    stop("acceptor");
    const std::size_t records = log_.records.size();
    propose("one");
    answer(kAccept, kSecond, make<Accepted>({1, paxos_->view().ballot, 0}));
    CPPUNIT_ASSERT(applied_.empty());  // one vote of three
    answer(kAccept, kThird, make<Accepted>({1, paxos_->view().ballot, 0}));
    CPPUNIT_ASSERT(applied_ == std::vector<std::string>{"one"});
    CPPUNIT_ASSERT(finished_.size() == 1 && finished_[0].ok());
    CPPUNIT_ASSERT_EQUAL(records, log_.records.size());
  }

  void the_acceptor_of_a_leader_votes_for_what_is_open_when_it_is_back() {
    lead();
    propose("voted before");
    stop("acceptor");
    sync();
    propose("open");
    start_role("acceptor");
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, log_.records.size());
    CPPUNIT_ASSERT_EQUAL(Slot{2}, decode_record(log_.records[1])->slot);
    answer(kAccept, kSecond, make<Accepted>({1, paxos_->view().ballot, 0}));
    answer(kAccept, kSecond, make<Accepted>({1, paxos_->view().ballot, 0}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, applied_.size());  // the second vote is not durable yet
    sync();
    CPPUNIT_ASSERT((applied_ == std::vector<std::string>{"voted before", "open"}));
  }

  void a_leader_without_acceptor_gives_way_to_a_higher_ballot() {
    lead();
    stop("acceptor");
    const Ballot lower{0, kThird};
    accept(lower, 1, {});
    CPPUNIT_ASSERT(paxos_->view().leading);
    const Ballot higher{paxos_->view().ballot.round + 1, kThird};
    accept(higher, 1, {});
    CPPUNIT_ASSERT(!paxos_->view().leading && paxos_->role().leader == kThird);
  }

  void a_candidate_without_acceptor_stands_down() {
    stand();
    stop("acceptor");
    grant(kSecond);
    grant(kThird);
    CPPUNIT_ASSERT(!paxos_->view().leading);
    // It does not stand again before its acceptor is back.
    sent_.clear();
    now_ = now_ + seconds(1);
    tick();
    CPPUNIT_ASSERT(count(kPreVote) == 0);
    start_role("acceptor");
    now_ = now_ + seconds(1);
    tick();
    CPPUNIT_ASSERT(count(kPreVote) == 2);
  }

  void too_much_that_is_not_written_down_ends_the_taking_of_writes() {
    options_.unwritten_slots_max = 1;
    start({});
    now_ = now_ + options_.lease;
    lead();
    stop("acceptor");
    propose("one");
    answer(kAccept, kSecond, make<Accepted>({1, paxos_->view().ballot, 0}));
    answer(kAccept, kThird, make<Accepted>({1, paxos_->view().ballot, 0}));
    propose("two");
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, finished_.size());
    CPPUNIT_ASSERT(finished_[1].code() == StatusCode::kUnavailable);
    start_role("acceptor");
    propose("three");
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, finished_.size());
  }

  // ---- The proposer ----

  void a_stopped_proposer_does_not_lead_or_stand() {
    lead();
    stop("proposer");
    CPPUNIT_ASSERT(!paxos_->view().leading);
    sent_.clear();
    now_ = now_ + seconds(1);
    tick();
    CPPUNIT_ASSERT(sent_.empty());
    // Its acceptor helps others.
    CPPUNIT_ASSERT(ask<Promise>(kThird, make<Prepare>({kHigher})).granted);
  }

  void a_started_proposer_never_has_a_ballot_again() {
    lead();
    const Ballot before = paxos_->view().ballot;
    stop("proposer");
    start_role("proposer");
    now_ = now_ + seconds(1);
    lead();
    CPPUNIT_ASSERT(paxos_->view().ballot > before);
  }

  void clients_of_a_replica_without_proposer_are_passed_on() {
    stop("proposer");
    accept(kTheirs, 1, {});
    propose("one");
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, count(kSubmit));
  }

  // ---- The learner ----

  void a_stopped_learner_applies_and_tells_nothing() {
    accept(kTheirs, 1, {"one", "two"});
    accept(kTheirs, 3, {}, 1);
    stop("learner");
    accept(kTheirs, 3, {}, 2);
    CPPUNIT_ASSERT(applied_ == std::vector<std::string>{"one"});
    const auto& fetched = ask<Fetched>(kThird, make<Fetch>({1}));
    CPPUNIT_ASSERT(fetched.values.empty() && fetched.cut == 0);
    // Its acceptor votes on.
    CPPUNIT_ASSERT(accept(kTheirs, 3, {"three"}, 2).taken == 1);
    start_role("learner");
    accept(kTheirs, 4, {}, 3);
    CPPUNIT_ASSERT((applied_ == std::vector<std::string>{"one", "two", "three"}));
  }

  void a_started_learner_has_what_it_kept_from_the_log() {
    accept(kTheirs, 1, {"one", "two"});
    accept(kTheirs, 3, {}, 2);  // the standing on disk does not say so yet
    stop("learner");
    accept(kHigher, 3, {"three"}, 2);
    start_role("learner");
    const auto& fetched = ask<Fetched>(kThird, make<Fetch>({1}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, fetched.values.size());
    CPPUNIT_ASSERT_EQUAL(std::string("two"), text_of(fetched.values[1]));
    CPPUNIT_ASSERT(fetched.cut == 0 && fetched.chosen == 2);
  }

  void a_started_learner_has_what_still_waits_to_be_written() {
    stop("acceptor");
    accept(kTheirs, 2, {}, 1);
    answer(kFetch, kSecond, make<Fetched>({1, {value_of("one")}, 1, 0}));
    stop("learner");
    start_role("learner");
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, ask<Fetched>(kThird, make<Fetch>({1})).values.size());
    CPPUNIT_ASSERT(applied_ == std::vector<std::string>{"one"});
  }

  // The log is read for it, then the acceptor is back and could write; what was read has a vote for
  // a value that lost.
  void a_started_learner_finds_what_was_not_written_when_the_log_was_read() {
    accept(kTheirs, 1, {"lost"});
    stop("acceptor");
    accept(kHigher, 2, {}, 1);
    answer(kFetch, kThird, make<Fetched>({1, {value_of("won")}, 1, 0}));
    stop("learner");
    const RecoveredLog read_before = log_;
    start_role("acceptor");
    now_ = now_ + seconds(10);
    tick();
    CPPUNIT_ASSERT_EQUAL(Slot{0}, decode_standing(log_.standing)->chosen);
    start_role("learner", read_before);
    const auto& fetched = ask<Fetched>(kThird, make<Fetch>({1}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, fetched.values.size());
    CPPUNIT_ASSERT_EQUAL(std::string("won"), text_of(fetched.values[0]));
    CPPUNIT_ASSERT_EQUAL(Slot{1}, decode_standing(log_.standing)->chosen);
    CPPUNIT_ASSERT(decode_record(log_.records.back())->type == SlotRecord::Type::kChosen);
  }

  // What the log has there is a vote for a value that may have lost.
  void a_started_learner_trusts_no_vote_below_the_cut() {
    accept(kTheirs, 1, {"lost?"});
    log_.standing = encode_standing({kTheirs, 1, 1, 0});
    start(log_, 1);
    stop("learner");
    start_role("learner");
    const auto& fetched = ask<Fetched>(kThird, make<Fetch>({1}));
    CPPUNIT_ASSERT(fetched.values.empty() && fetched.cut == 1);
  }

  void a_replica_without_learner_does_not_lead() {
    lead();
    stop("learner");
    CPPUNIT_ASSERT(!paxos_->view().leading);
    sent_.clear();
    now_ = now_ + seconds(1);
    tick();
    CPPUNIT_ASSERT(count(kPreVote) == 0);
    start_role("learner");
    now_ = now_ + seconds(1);
    lead();
    CPPUNIT_ASSERT(paxos_->view().leading);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RoleFailuresTest);

}  // namespace
}  // namespace rkv::paxos
