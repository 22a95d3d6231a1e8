#include "paxos/learner.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <vector>

#include "paxos/lease.h"
#include "values.h"

namespace rkv::paxos {
namespace {

constexpr Ballot kOld{1, ReplicaId{1}};
constexpr Ballot kNew{2, ReplicaId{2}};
constexpr TimePoint kNow{1'000'000'000};

class LearnerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LearnerTest);
  CPPUNIT_TEST(it_learns_from_votes_of_the_ballot_at_which_they_were_chosen);
  CPPUNIT_TEST(a_vote_of_another_ballot_may_be_for_a_value_that_lost);
  CPPUNIT_TEST(it_learns_without_gaps);
  CPPUNIT_TEST(what_is_learned_is_taken_once_and_in_order);
  CPPUNIT_TEST(values_are_kept_until_the_state_has_them);
  CPPUNIT_TEST(values_are_kept_for_others_up_to_a_limit);
  CPPUNIT_TEST(it_goes_on_after_a_restart);
  CPPUNIT_TEST(a_lease_needs_a_majority_and_ends_before_the_word_that_was_given);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    options_ = Options();
    options_.kept_slots = 2;
    acceptor_ = std::make_unique<Acceptor>(options_);
    acceptor_->recover({}, {}, {}, TimePoint{0});
    learner_ = std::make_unique<Learner>(options_);
  }

  void it_learns_from_votes_of_the_ballot_at_which_they_were_chosen() {
    vote(kOld, 1, "one");
    vote(kOld, 2, "two");
    CPPUNIT_ASSERT_EQUAL(Slot{2}, learner_->told_chosen(2, kOld, *acceptor_));
    CPPUNIT_ASSERT((taken() == std::vector<std::string>{"one", "two"}));
  }

  void a_vote_of_another_ballot_may_be_for_a_value_that_lost() {
    vote(kOld, 1, "lost?");
    CPPUNIT_ASSERT_EQUAL(Slot{0}, learner_->told_chosen(1, kNew, *acceptor_));
    CPPUNIT_ASSERT_EQUAL(Slot{1}, learner_->known_chosen());
    learner_->learn(value_of("won"));
    CPPUNIT_ASSERT((taken() == std::vector<std::string>{"won"}));
  }

  void it_learns_without_gaps() {
    vote(kOld, 1, "one");
    vote(kOld, 3, "three");
    CPPUNIT_ASSERT_EQUAL(Slot{1}, learner_->told_chosen(3, kOld, *acceptor_));
    CPPUNIT_ASSERT_EQUAL(Slot{3}, learner_->known_chosen());
    learner_->learn(value_of("two"));
    CPPUNIT_ASSERT_EQUAL(Slot{3}, learner_->told_chosen(3, kOld, *acceptor_));
  }

  void what_is_learned_is_taken_once_and_in_order() {
    learner_->learn(value_of("one"));
    CPPUNIT_ASSERT((taken() == std::vector<std::string>{"one"}));
    learner_->learn(Value());
    learner_->learn(value_of("three"));
    CPPUNIT_ASSERT((taken() == std::vector<std::string>{"no-op", "three"}));
    CPPUNIT_ASSERT(taken().empty());
  }

  void values_are_kept_until_the_state_has_them() {
    for (int i = 0; i < 5; ++i) learner_->learn(value_of("value"));
    taken();
    CPPUNIT_ASSERT(!learner_->cut_kept());
    CPPUNIT_ASSERT_EQUAL(Slot{0}, learner_->cut());
    learner_->saved(1);
    CPPUNIT_ASSERT(learner_->cut_kept());
    CPPUNIT_ASSERT_EQUAL(Slot{1}, learner_->cut());
  }

  void values_are_kept_for_others_up_to_a_limit() {
    for (int i = 0; i < 5; ++i) learner_->learn(value_of("value " + std::to_string(i)));
    taken();
    learner_->saved(5);
    learner_->cut_kept();
    CPPUNIT_ASSERT_EQUAL(Slot{3}, learner_->cut());
    CPPUNIT_ASSERT_EQUAL(std::string("value 3"), text_of(learner_->value(4)));
    options_.kept_bytes = 7;
    learner_->cut_kept();
    CPPUNIT_ASSERT_EQUAL(Slot{4}, learner_->cut());
  }

  void it_goes_on_after_a_restart() {
    learner_->recover(7, {value_of("six"), value_of("seven")});
    CPPUNIT_ASSERT_EQUAL(Slot{7}, learner_->learned());
    CPPUNIT_ASSERT_EQUAL(Slot{5}, learner_->cut());
    CPPUNIT_ASSERT_EQUAL(std::string("six"), text_of(learner_->value(6)));
    CPPUNIT_ASSERT(taken().empty());
    learner_->learn(value_of("eight"));
    CPPUNIT_ASSERT((taken() == std::vector<std::string>{"eight"}));
  }

  void a_lease_needs_a_majority_and_ends_before_the_word_that_was_given() {
    options_.lease = milliseconds(100);
    options_.drift_per_mille = 20;
    LeaderLease lease(options_, 5, 3);
    lease.heard_from(0, kNow + milliseconds(30));
    lease.heard_from(1, kNow + milliseconds(20));
    CPPUNIT_ASSERT(lease.holds_until() < kNow);
    lease.heard_from(4, kNow + milliseconds(10));
    CPPUNIT_ASSERT(lease.majority_heard_at() == kNow + milliseconds(10));
    CPPUNIT_ASSERT(lease.holds_until() == kNow + milliseconds(108));
    lease.heard_from(4, kNow);  // an older message that was answered late
    CPPUNIT_ASSERT(lease.majority_heard_at() == kNow + milliseconds(10));
  }

 private:
  void vote(const Ballot& ballot, Slot slot, const std::string& command) {
    CPPUNIT_ASSERT(acceptor_->follow(ballot, kNow));
    CPPUNIT_ASSERT(acceptor_->accept(ballot, slot, value_of(command), learner_->learned()));
  }
  std::vector<std::string> taken() {
    std::vector<std::string> texts;
    learner_->take_learned([&texts](Slot, const Value& value) { texts.push_back(text_of(value)); });
    return texts;
  }

  Options options_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<Learner> learner_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(LearnerTest);

}  // namespace
}  // namespace rkv::paxos
