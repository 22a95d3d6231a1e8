#include "paxos/proposer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <vector>

#include "values.h"

namespace rkv::paxos {
namespace {

constexpr ReplicaId kFirst{1};
constexpr ReplicaId kSecond{2};
constexpr ReplicaId kThird{3};
constexpr Ballot kOwn{5, kFirst};

// Each test is named after what section 2 of "Paxos Made Simple" says a proposer must do; the ones
// about slots after section 3.
class ProposerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ProposerTest);
  CPPUNIT_TEST(it_needs_the_promises_of_a_majority);
  CPPUNIT_TEST(a_member_counts_once);
  CPPUNIT_TEST(it_proposes_any_value_if_none_was_reported);
  CPPUNIT_TEST(it_proposes_the_value_of_the_highest_vote_reported);
  CPPUNIT_TEST(a_value_is_chosen_by_the_votes_of_a_majority);
  CPPUNIT_TEST(gaps_are_filled_with_no_ops);
  CPPUNIT_TEST(it_proposes_nothing_for_slots_that_a_promise_says_are_chosen);
  CPPUNIT_TEST(chosen_grows_without_gaps);
  CPPUNIT_TEST(votes_may_come_in_any_order_and_twice);
  CPPUNIT_TEST(it_knows_who_has_learned_most);
  CPPUNIT_TEST(what_is_learned_elsewhere_is_chosen);
  CPPUNIT_TEST(the_window_is_bounded_in_slots);
  CPPUNIT_TEST(the_window_is_bounded_in_bytes_but_takes_one_value);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    options_ = Options();
    proposer_ = std::make_unique<Proposer>(options_, quorum_, kOwn);
  }

  void it_needs_the_promises_of_a_majority() {
    proposer_->add_promise(kFirst, 0, {});
    CPPUNIT_ASSERT(!proposer_->has_majority());
    proposer_->add_promise(kThird, 0, {});
    CPPUNIT_ASSERT(proposer_->has_majority());
  }

  void a_member_counts_once() {
    proposer_->add_promise(kThird, 0, {});
    proposer_->add_promise(kThird, 0, {});
    CPPUNIT_ASSERT(!proposer_->has_majority());
    proposer_->add_promise(kFirst, 0, {});
    proposer_->begin_phase_two();
    proposer_->propose(value_of("value"));
    proposer_->add_votes(kThird, 1, 1);
    proposer_->add_votes(kThird, 1, 1);
    CPPUNIT_ASSERT_EQUAL(Slot{0}, proposer_->chosen());
  }

  void it_proposes_any_value_if_none_was_reported() {
    lead({}, {});
    CPPUNIT_ASSERT_EQUAL(Slot{1}, proposer_->next());
    proposer_->propose(value_of("mine"));
    CPPUNIT_ASSERT_EQUAL(std::string("mine"), text_of(proposer_->value(1)));
    CPPUNIT_ASSERT_EQUAL(Slot{2}, proposer_->next());
  }

  void it_proposes_the_value_of_the_highest_vote_reported() {
    lead({{1, {3, kSecond}, value_of("old")}, {2, {4, kThird}, value_of("new")}},
         {{1, {4, kThird}, value_of("new")}, {2, {3, kSecond}, value_of("old")}});
    CPPUNIT_ASSERT_EQUAL(std::string("new"), text_of(proposer_->value(1)));
    CPPUNIT_ASSERT_EQUAL(std::string("new"), text_of(proposer_->value(2)));
    CPPUNIT_ASSERT_EQUAL(Slot{2}, proposer_->inherited());
  }

  void a_value_is_chosen_by_the_votes_of_a_majority() {
    lead({}, {});
    proposer_->propose(value_of("value"));
    proposer_->add_votes(kFirst, 1, 1);
    CPPUNIT_ASSERT_EQUAL(Slot{0}, proposer_->chosen());
    proposer_->add_votes(kSecond, 1, 1);
    CPPUNIT_ASSERT_EQUAL(Slot{1}, proposer_->chosen());
  }

  void gaps_are_filled_with_no_ops() {
    lead({{2, {3, kSecond}, value_of("two")}}, {{5, {3, kSecond}, value_of("five")}});
    const std::vector<std::string> expected = {"no-op", "two", "no-op", "no-op", "five"};
    for (Slot slot = 1; slot <= 5; ++slot) {
      CPPUNIT_ASSERT_EQUAL(expected[slot - 1], text_of(proposer_->value(slot)));
    }
    CPPUNIT_ASSERT_EQUAL(Slot{6}, proposer_->next());
  }

  void it_proposes_nothing_for_slots_that_a_promise_says_are_chosen() {
    // The first member's vote for slot 2 may be for a value that lost.
    proposer_->add_promise(kFirst, 0, {{2, {3, kSecond}, value_of("lost?")}});
    proposer_->add_promise(kSecond, 3, {{4, {4, kThird}, value_of("four")}});
    proposer_->begin_phase_two();
    CPPUNIT_ASSERT_EQUAL(Slot{3}, proposer_->chosen());
    CPPUNIT_ASSERT(!proposer_->has_value(3));
    CPPUNIT_ASSERT_EQUAL(std::string("four"), text_of(proposer_->value(4)));
  }

  void chosen_grows_without_gaps() {
    lead({}, {});
    for (const char* value : {"one", "two", "three"}) proposer_->propose(value_of(value));
    proposer_->add_votes(kFirst, 1, 3);
    proposer_->add_votes(kSecond, 2, 2);
    CPPUNIT_ASSERT_EQUAL(Slot{0}, proposer_->chosen());
    proposer_->add_votes(kThird, 1, 1);
    CPPUNIT_ASSERT_EQUAL(Slot{3}, proposer_->chosen());
  }

  void votes_may_come_in_any_order_and_twice() {
    lead({}, {});
    proposer_->propose(value_of("one"));
    proposer_->propose(value_of("two"));
    proposer_->add_votes(kSecond, 2, 1);
    proposer_->add_votes(kSecond, 1, 1);
    proposer_->add_votes(kSecond, 1, 2);
    proposer_->add_votes(kFirst, 1, 2);
    CPPUNIT_ASSERT_EQUAL(Slot{2}, proposer_->chosen());
    proposer_->learned(2);
    proposer_->add_votes(kThird, 1, 2);  // late, for what is chosen and forgotten
    CPPUNIT_ASSERT_EQUAL(Slot{2}, proposer_->chosen());
    CPPUNIT_ASSERT_EQUAL(Slot{3}, proposer_->next());
  }

  void it_knows_who_has_learned_most() {
    proposer_->add_promise(kFirst, 4, {});
    proposer_->add_promise(kThird, 9, {});
    CPPUNIT_ASSERT(proposer_->most_learned() == kThird);
    proposer_->begin_phase_two();
    CPPUNIT_ASSERT_EQUAL(Slot{9}, proposer_->chosen());
    CPPUNIT_ASSERT_EQUAL(Slot{9}, proposer_->inherited());
  }

  void what_is_learned_elsewhere_is_chosen() {
    lead({{1, {3, kSecond}, value_of("one")}, {2, {3, kSecond}, value_of("two")}}, {});
    proposer_->learned(1);
    CPPUNIT_ASSERT_EQUAL(Slot{1}, proposer_->chosen());
    CPPUNIT_ASSERT(!proposer_->has_value(1) && proposer_->has_value(2));
    proposer_->learned(9);  // of a later leader: this one has proposed nothing there
    CPPUNIT_ASSERT_EQUAL(Slot{2}, proposer_->chosen());
    CPPUNIT_ASSERT_EQUAL(Slot{3}, proposer_->next());
  }

  void the_window_is_bounded_in_slots() {
    options_.window_slots_max = 2;
    lead({}, {});
    proposer_->propose(value_of("one"));
    CPPUNIT_ASSERT(proposer_->has_room(1));
    proposer_->propose(value_of("two"));
    CPPUNIT_ASSERT(!proposer_->has_room(1));
    proposer_->add_votes(kFirst, 1, 2);
    proposer_->add_votes(kSecond, 1, 1);
    CPPUNIT_ASSERT(proposer_->has_room(1));
  }

  void the_window_is_bounded_in_bytes_but_takes_one_value() {
    options_.window_bytes_max = 10;
    lead({}, {});
    CPPUNIT_ASSERT(proposer_->has_room(100));
    proposer_->propose(value_of("12345678"));
    CPPUNIT_ASSERT(proposer_->has_room(2));
    CPPUNIT_ASSERT(!proposer_->has_room(3));
  }

 private:
  void lead(const std::vector<AcceptedValue>& first, const std::vector<AcceptedValue>& second) {
    proposer_->add_promise(kFirst, 0, first);
    proposer_->add_promise(kSecond, 0, second);
    proposer_->begin_phase_two();
  }

  const protocol::Quorum quorum_{{kFirst, kSecond, kThird}};
  Options options_;
  std::unique_ptr<Proposer> proposer_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ProposerTest);

}  // namespace
}  // namespace rkv::paxos
