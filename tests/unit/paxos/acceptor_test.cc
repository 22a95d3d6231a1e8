#include "paxos/acceptor.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>

#include "values.h"

namespace rkv::paxos {
namespace {

constexpr Ballot kLow{1, ReplicaId{1}};
constexpr Ballot kMiddle{1, ReplicaId{2}};  // the same round: the replica's number decides
constexpr Ballot kHigh{2, ReplicaId{1}};
constexpr TimePoint kStart{1'000'000'000};
constexpr Duration kLease = milliseconds(100);
constexpr TimePoint kNow = kStart + kLease;  // what was promised before the start has run out

// Each test is named after what section 2 of "Paxos Made Simple" says an acceptor must do; the last
// ones after what was added to it.
class AcceptorTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(AcceptorTest);
  CPPUNIT_TEST(it_accepts_the_first_proposal_that_it_gets);
  CPPUNIT_TEST(it_accepts_what_comes_with_the_ballot_it_has_promised);
  CPPUNIT_TEST(it_accepts_nothing_below_a_ballot_it_has_promised);
  CPPUNIT_TEST(it_promises_only_more_than_it_has_promised_before);
  CPPUNIT_TEST(to_accept_is_to_promise_that_ballot);
  CPPUNIT_TEST(it_remembers_its_highest_vote_of_each_slot);
  CPPUNIT_TEST(promises_and_votes_are_written_down);
  CPPUNIT_TEST(it_remembers_promises_and_votes_over_a_restart);
  CPPUNIT_TEST(it_may_ignore_what_it_likes);
  CPPUNIT_TEST(one_promise_is_for_every_slot);
  CPPUNIT_TEST(votes_for_what_is_learned_are_history);
  CPPUNIT_TEST(after_a_start_it_promises_nothing_for_one_lease);
  CPPUNIT_TEST(who_follows_a_leader_promises_nobody_else_anything_for_one_lease);
  CPPUNIT_TEST(the_leader_itself_may_have_a_higher_ballot_within_its_lease);
  CPPUNIT_TEST(with_lost_votes_it_promises_nothing_and_votes_only_above_them);
  CPPUNIT_TEST(votes_are_bounded_in_slots_and_bytes);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    options_ = Options();
    options_.lease = kLease;
    restart({});
  }

  void it_accepts_the_first_proposal_that_it_gets() {
    CPPUNIT_ASSERT(accept(kLow, 1, "first"));
    CPPUNIT_ASSERT_EQUAL(std::string("first"), voted(1));
  }

  void it_accepts_what_comes_with_the_ballot_it_has_promised() {
    CPPUNIT_ASSERT(acceptor_->prepare(kMiddle, kNow));
    CPPUNIT_ASSERT(accept(kMiddle, 1, "value"));
  }

  void it_accepts_nothing_below_a_ballot_it_has_promised() {
    CPPUNIT_ASSERT(acceptor_->prepare(kMiddle, kNow));
    CPPUNIT_ASSERT(!acceptor_->follow(kLow, kNow));
    CPPUNIT_ASSERT(acceptor_->follow(kHigh, kNow));
  }

  void it_promises_only_more_than_it_has_promised_before() {
    CPPUNIT_ASSERT(acceptor_->prepare(kMiddle, kNow));
    CPPUNIT_ASSERT(!acceptor_->prepare(kMiddle, kNow));
    CPPUNIT_ASSERT(!acceptor_->prepare(kLow, kNow));
    CPPUNIT_ASSERT(acceptor_->promised() == kMiddle);
    CPPUNIT_ASSERT(acceptor_->prepare(kHigh, kNow));
    CPPUNIT_ASSERT(acceptor_->promised() == kHigh);
  }

  void to_accept_is_to_promise_that_ballot() {
    CPPUNIT_ASSERT(accept(kMiddle, 1, "value"));
    CPPUNIT_ASSERT(!acceptor_->prepare(kLow, kNow + kLease));
    CPPUNIT_ASSERT(!acceptor_->follow(kLow, kNow));
  }

  void it_remembers_its_highest_vote_of_each_slot() {
    accept(kLow, 1, "one");
    accept(kLow, 2, "two");
    accept(kHigh, 1, "one again");
    CPPUNIT_ASSERT_EQUAL(std::string("one again"), voted(1));
    CPPUNIT_ASSERT(acceptor_->vote(1)->ballot == kHigh);
    CPPUNIT_ASSERT_EQUAL(std::string("two"), voted(2));
    CPPUNIT_ASSERT(acceptor_->vote(2)->ballot == kLow);
    CPPUNIT_ASSERT(acceptor_->vote(3) == nullptr);
  }

  void promises_and_votes_are_written_down() {
    CPPUNIT_ASSERT(!acceptor_->has_changed());
    acceptor_->prepare(kLow, kNow);
    CPPUNIT_ASSERT(acceptor_->has_changed());
    CPPUNIT_ASSERT(acceptor_->take_records().empty());  // a promise is in the standing
    CPPUNIT_ASSERT(!acceptor_->has_changed());
    accept(kLow, 7, "value");
    CPPUNIT_ASSERT(acceptor_->has_changed());
    const std::vector<LogRecord> records = acceptor_->take_records();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, records.size());
    const std::optional<SlotRecord> record = decode_record(records[0]);
    CPPUNIT_ASSERT(record && record->type == SlotRecord::Type::kAccepted && record->slot == 7);
    CPPUNIT_ASSERT(record->ballot == kLow && record->value == value_of("value"));
    // To hear the same again changes nothing.
    accept(kLow, 7, "value");
    CPPUNIT_ASSERT(!acceptor_->has_changed());
  }

  void it_remembers_promises_and_votes_over_a_restart() {
    accept(kMiddle, 1, "value");
    restart(acceptor_->promised(), acceptor_->votes());
    CPPUNIT_ASSERT(!acceptor_->prepare(kLow, kNow + kLease));
    CPPUNIT_ASSERT(!acceptor_->follow(kLow, kNow));
    CPPUNIT_ASSERT_EQUAL(std::string("value"), voted(1));
  }

  void it_may_ignore_what_it_likes() {
    // What it refuses leaves no trace.
    acceptor_->prepare(kMiddle, kNow);
    acceptor_->take_records();
    CPPUNIT_ASSERT(!acceptor_->follow(kLow, kNow) && !acceptor_->prepare(kLow, kNow));
    CPPUNIT_ASSERT(!acceptor_->has_changed() && acceptor_->votes().empty());
  }

  void one_promise_is_for_every_slot() {
    acceptor_->prepare(kHigh, kNow);
    for (Slot slot : {1, 2, 1000}) {
      CPPUNIT_ASSERT(!acceptor_->follow(kMiddle, kNow));
      CPPUNIT_ASSERT(accept(kHigh, slot, "value"));
    }
  }

  void votes_for_what_is_learned_are_history() {
    accept(kLow, 1, "one");
    accept(kLow, 2, "two");
    acceptor_->forget(1);
    CPPUNIT_ASSERT(acceptor_->vote(1) == nullptr && acceptor_->vote(2) != nullptr);
    // They are written down all the same, and a vote for a learned slot is given for the asking.
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, acceptor_->take_records().size());
    CPPUNIT_ASSERT(acceptor_->follow(kHigh, kNow));
    CPPUNIT_ASSERT(acceptor_->accept(kHigh, 1, value_of("one"), 1));
    CPPUNIT_ASSERT(acceptor_->vote(1) == nullptr);
  }

  void after_a_start_it_promises_nothing_for_one_lease() {
    CPPUNIT_ASSERT(!acceptor_->prepare(kLow, TimePoint{kNow.ns - 1}));
    CPPUNIT_ASSERT(accept_at(kLow, 1, "votes it may give", kStart));
    CPPUNIT_ASSERT(acceptor_->prepare({3, ReplicaId{3}}, kNow));
  }

  void who_follows_a_leader_promises_nobody_else_anything_for_one_lease() {
    CPPUNIT_ASSERT(acceptor_->follow({1, ReplicaId{2}}, kNow));
    CPPUNIT_ASSERT(!acceptor_->prepare({5, ReplicaId{3}}, TimePoint{(kNow + kLease).ns - 1}));
    CPPUNIT_ASSERT(acceptor_->follow({1, ReplicaId{2}}, kNow + milliseconds(50)));
    CPPUNIT_ASSERT(!acceptor_->prepare({5, ReplicaId{3}}, kNow + kLease));
    CPPUNIT_ASSERT(acceptor_->prepare({5, ReplicaId{3}}, kNow + milliseconds(50) + kLease));
  }

  void the_leader_itself_may_have_a_higher_ballot_within_its_lease() {
    CPPUNIT_ASSERT(acceptor_->follow({1, ReplicaId{2}}, kNow));
    CPPUNIT_ASSERT(acceptor_->prepare({2, ReplicaId{2}}, kNow));
  }

  void with_lost_votes_it_promises_nothing_and_votes_only_above_them() {
    restart({}, {}, 10);
    CPPUNIT_ASSERT(!acceptor_->prepare(kHigh, kNow));
    CPPUNIT_ASSERT(!accept(kLow, 10, "value"));
    CPPUNIT_ASSERT(accept(kLow, 11, "value"));
    acceptor_->forget(9);
    CPPUNIT_ASSERT(!acceptor_->prepare(kHigh, kNow + kLease));
    acceptor_->forget(10);
    CPPUNIT_ASSERT(acceptor_->prepare(kHigh, kNow + kLease));
  }

  void votes_are_bounded_in_slots_and_bytes() {
    options_.window_slots_max = 4;
    options_.window_bytes_max = 10;
    CPPUNIT_ASSERT(accept(kLow, 8, ""));
    CPPUNIT_ASSERT(!accept(kLow, 9, ""));
    CPPUNIT_ASSERT(accept(kLow, 1, std::string(15, 'x')));
    CPPUNIT_ASSERT(!accept(kLow, 2, std::string(6, 'x')));
    CPPUNIT_ASSERT(acceptor_->vote(2) == nullptr);
    CPPUNIT_ASSERT(accept(kHigh, 1, std::string(14, 'x')));
    CPPUNIT_ASSERT(accept(kHigh, 2, std::string(6, 'x')));
    acceptor_->forget(1);
    CPPUNIT_ASSERT(accept(kHigh, 3, std::string(14, 'x')));
  }

 private:
  void restart(const Ballot& promised, std::map<Slot, Acceptor::Vote> votes = {},
               std::optional<Slot> lost_up_to = {}) {
    auto fresh = std::make_unique<Acceptor>(options_);
    fresh->recover(promised, std::move(votes), lost_up_to, kStart);
    acceptor_ = std::move(fresh);
  }
  bool accept_at(const Ballot& ballot, Slot slot, const std::string& command, TimePoint now) {
    return acceptor_->follow(ballot, now) && acceptor_->accept(ballot, slot, value_of(command), 0);
  }
  bool accept(const Ballot& ballot, Slot slot, const std::string& command) {
    return accept_at(ballot, slot, command, kNow);
  }
  std::string voted(Slot slot) const { return text_of(acceptor_->vote(slot)->value); }

  Options options_;
  std::unique_ptr<Acceptor> acceptor_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(AcceptorTest);

}  // namespace
}  // namespace rkv::paxos
