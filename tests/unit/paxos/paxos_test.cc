#include <cppunit/extensions/HelperMacros.h>

#include <optional>
#include <string>

#include "paxos_fixture.h"

namespace rkv::paxos {
namespace {

// What the roles of a replica are together, with nothing that fails.
class PaxosTest : public PaxosFixture {
  CPPUNIT_TEST_SUITE(PaxosTest);
  CPPUNIT_TEST(no_vote_is_given_against_what_is_known_to_be_chosen);
  CPPUNIT_TEST(a_state_waits_for_the_log_it_came_from);
  CPPUNIT_TEST(a_state_waits_until_the_acceptor_lets_the_log_be_written);
  CPPUNIT_TEST(what_a_saved_state_has_is_kept_for_others);
  CPPUNIT_TEST_SUITE_END();

 public:
  // A leader that does not know yet that it was outbid proposes another value for the slot. Nobody
  // would choose it, and a vote for it would not be on disk.
  void no_vote_is_given_against_what_is_known_to_be_chosen() {
    learn_from_others("won");
    CPPUNIT_ASSERT_EQUAL(0U, accept(kTheirs, 1, {"lost"}).taken);
    CPPUNIT_ASSERT_EQUAL(1U, accept(kTheirs, 1, {"won"}).taken);
    CPPUNIT_ASSERT_EQUAL(0U, accept(kTheirs, 1, {"lost", "two"}).taken);
    CPPUNIT_ASSERT_EQUAL(2U, accept(kTheirs, 1, {"won", "two"}).taken);
    stop("learner");
    CPPUNIT_ASSERT_EQUAL(0U, accept(kTheirs, 1, {"won"}).taken);
    CPPUNIT_ASSERT_EQUAL(1U, accept(kTheirs, 2, {"two"}).taken);
  }

  void a_state_waits_for_the_log_it_came_from() {
    CPPUNIT_ASSERT(paxos_->applied_sync() == protocol::SyncPoint{0});
    accept(kTheirs, 1, {"one"});
    CPPUNIT_ASSERT_EQUAL(protocol::SyncPoint{1}, persisted_);
    accept(kTheirs, 2, {}, 1);
    CPPUNIT_ASSERT(applied_ == std::vector<std::string>{"one"});
    CPPUNIT_ASSERT(paxos_->applied_sync() == persisted_);
    learn_from_others("two");
    CPPUNIT_ASSERT_EQUAL(protocol::SyncPoint{2}, persisted_);
    CPPUNIT_ASSERT(paxos_->applied_sync() == persisted_);
  }

  void a_state_waits_until_the_acceptor_lets_the_log_be_written() {
    stop("acceptor");
    learn_from_others("one");
    CPPUNIT_ASSERT(applied_ == std::vector<std::string>{"one"});
    CPPUNIT_ASSERT(!paxos_->applied_sync());
    start_role("acceptor");
    CPPUNIT_ASSERT_EQUAL(protocol::SyncPoint{1}, persisted_);
    CPPUNIT_ASSERT(paxos_->applied_sync() == persisted_);
  }

  // The log does not say yet how far all is chosen: the state does, which was saved behind it. All
  // replicas may have lost what they knew, and nobody else have the values as chosen ones.
  void what_a_saved_state_has_is_kept_for_others() {
    accept(kTheirs, 1, {"one", "two"});
    accept(kTheirs, 3, {}, 2);
    CPPUNIT_ASSERT_EQUAL(Slot{0}, decode_standing(log_.standing)->chosen);
    start(log_, 2);
    const auto& fetched = ask<Fetched>(kThird, make<Fetch>({1}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, fetched.values.size());
    CPPUNIT_ASSERT(text_of(fetched.values[0]) == "one" && text_of(fetched.values[1]) == "two");
    CPPUNIT_ASSERT(fetched.cut == 0);
  }

 private:
  // The next slot's value, which this replica has not voted for.
  void learn_from_others(const std::string& command) {
    const Slot slot = paxos_->view().applied + 1;
    accept(kTheirs, slot + 1, {}, slot);
    answer(kFetch, kSecond, make<Fetched>({slot, {value_of(command)}, slot, 0}));
    CPPUNIT_ASSERT_EQUAL(slot, paxos_->view().applied);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PaxosTest);

}  // namespace
}  // namespace rkv::paxos
