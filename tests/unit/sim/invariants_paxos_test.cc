#include "sim/invariants_paxos.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kv/command.h"
#include "paxos/records.h"
#include "sim/paxos_hash.h"

namespace rkv::sim {
namespace {

using paxos::Ballot;
using paxos::Slot;
using Type = paxos::SlotRecord::Type;

constexpr ReplicaId kOne{1};
constexpr ReplicaId kTwo{2};
constexpr ReplicaId kThree{3};
constexpr Ballot kLow{1, kOne};
constexpr Ballot kHigh{2, kTwo};

SharedBytes put(std::uint64_t sequence, const std::string& value) {
  return std::make_shared<const std::string>(
      kv::encode_command({kv::Command::Kind::kPut, {1, sequence, sequence}, "key", value}));
}

template <int kTag, typename Fields>
Fields fields_of(const paxos::MessageOf<kTag, Fields>*);

paxos::Value value_of(SharedBytes command) { return {kOne, 1, 1, std::move(command)}; }

// Made-up runs of three replicas: each test is one that must not be.
class InvariantsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(InvariantsTest);
  CPPUNIT_TEST(a_majority_chooses);
  CPPUNIT_TEST(two_values_are_chosen);
  CPPUNIT_TEST(two_values_at_one_ballot);
  CPPUNIT_TEST(a_leader_proposes_over_what_is_chosen);
  CPPUNIT_TEST(a_leader_proposes_though_a_lower_ballot_may_win);
  CPPUNIT_TEST(a_promise_falls);
  CPPUNIT_TEST(a_promise_is_gone_after_a_restart);
  CPPUNIT_TEST(a_vote_is_gone_after_a_restart);
  CPPUNIT_TEST(a_vote_goes_below_a_promise);
  CPPUNIT_TEST(a_watermark_covers_an_older_vote);
  CPPUNIT_TEST(the_log_is_cut_above_the_saved_state);
  CPPUNIT_TEST(a_standing_says_that_more_is_cut_than_is_saved);
  CPPUNIT_TEST(a_state_is_saved_before_its_log);
  CPPUNIT_TEST(a_state_is_found_ahead_of_its_log);
  CPPUNIT_TEST(a_log_says_that_it_lost_something);
  CPPUNIT_TEST(less_is_kept_for_others);
  CPPUNIT_TEST(an_accepted_is_of_another_value_than_it_voted_for);
  CPPUNIT_TEST(a_promise_leaves_before_its_sync);
  CPPUNIT_TEST(a_promise_keeps_a_vote_back);
  CPPUNIT_TEST(an_accepted_leaves_before_its_sync);
  CPPUNIT_TEST(a_ballot_is_used_again_after_a_restart);
  CPPUNIT_TEST(a_message_says_too_much_to_be_chosen);
  CPPUNIT_TEST(something_is_applied_that_is_not_chosen);
  CPPUNIT_TEST(something_is_applied_twice);
  CPPUNIT_TEST(an_operation_takes_effect_twice);
  CPPUNIT_TEST(replicas_change_differently);
  CPPUNIT_TEST(an_acknowledged_write_is_not_chosen);
  CPPUNIT_TEST(a_read_is_stale);
  CPPUNIT_TEST(a_read_lacks_what_was_acknowledged_long_enough_ago);
  CPPUNIT_TEST(a_read_returns_what_was_never_there);
  CPPUNIT_TEST(a_page_is_of_another_state);
  CPPUNIT_TEST(what_was_refused_happens);
  CPPUNIT_TEST(a_retry_is_told_something_else);
  CPPUNIT_TEST(two_hold_the_lease);
  CPPUNIT_TEST(a_stopped_acceptor_writes);
  CPPUNIT_TEST(a_stopped_acceptor_votes_promises_or_follows);
  CPPUNIT_TEST(a_stopped_proposer_asks);
  CPPUNIT_TEST(a_stopped_learner_applies_or_tells);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    violation_ = {};
    incarnation_ = 1;
    damaged_ = false;
    all_ = std::make_unique<PaxosInvariants>(
        3,
        Facts{[this](ReplicaId /*replica*/) { return incarnation_; },
              nullptr,
              [this](ReplicaId /*replica*/) { return damaged_; },
              {},
              10},
        violation_);
  }

  void a_majority_chooses() {
    vote(kOne, kLow, 1, 7);
    CPPUNIT_ASSERT(!votes().is_chosen(1));
    vote(kTwo, kLow, 1, 7);
    CPPUNIT_ASSERT(votes().is_chosen(1));
    CPPUNIT_ASSERT_EQUAL(Slot{1}, votes().chosen_prefix());
    CPPUNIT_ASSERT(!violation_.found());
  }

  void two_values_are_chosen() {
    vote(kOne, kLow, 1, 7);
    vote(kTwo, kLow, 1, 7);
    vote(kTwo, kHigh, 1, 8);
    vote(kThree, kHigh, 1, 8);
    expect("at most one value is chosen");
  }

  void two_values_at_one_ballot() {
    votes().proposed(1, kLow, 7);
    votes().proposed(1, kLow, 7);
    CPPUNIT_ASSERT(!violation_.found());
    votes().proposed(1, kLow, 8);
    expect("one value for a ballot and slot");
  }

  void a_leader_proposes_over_what_is_chosen() {
    vote(kOne, kLow, 1, 7);
    vote(kTwo, kLow, 1, 7);
    votes().proposed(1, kHigh, 7);
    CPPUNIT_ASSERT(!violation_.found());
    votes().proposed(1, Ballot{3, kThree}, 8);
    expect("leader completeness");
  }

  void a_leader_proposes_though_a_lower_ballot_may_win() {
    vote(kOne, kLow, 1, 7);
    standing(kThree, kHigh);  // two can still vote at the low one
    votes().proposed(1, kHigh, 8);
    expect("no lower ballot can choose another value");
  }

  void a_promise_falls() {
    standing(kOne, kHigh);
    standing(kOne, kLow);
    expect("promises never fall");
  }

  void a_promise_is_gone_after_a_restart() {
    standing(kOne, kHigh);
    votes().recovered(kOne, {{}, paxos::encode_standing({kLow, 0}), std::nullopt}, 0);
    expect("promises never fall");
  }

  void a_vote_is_gone_after_a_restart() {
    vote(kOne, kLow, 1, 7);
    votes().recovered(kOne, {{}, paxos::encode_standing({kLow, 0}), std::nullopt}, 0);
    expect("what was durable is there after a restart");
  }

  void a_vote_goes_below_a_promise() {
    standing(kOne, kHigh);
    votes().durable(kOne, {{{Type::kAccepted, 1, kLow, 7, 7}}, {kHigh, 0}});
    expect("nothing below the promise is accepted");
  }

  void a_watermark_covers_an_older_vote() {
    vote(kThree, kLow, 1, 8);
    vote(kOne, kHigh, 1, 7);
    vote(kTwo, kHigh, 1, 7);
    votes().durable(kThree, {{}, {kHigh, 1}});
    expect("the log holds what it says to be chosen");
  }

  void the_log_is_cut_above_the_saved_state() {
    votes().cut(kOne, 5, 5);
    CPPUNIT_ASSERT(!violation_.found());
    votes().cut(kOne, 6, 5);
    expect("what is cut off the log is in the state");
  }

  void a_standing_says_that_more_is_cut_than_is_saved() {
    votes().durable(kOne, {{}, {kLow, 0, 1, 0}});
    expect("what is cut off the log is in the state");
  }

  void a_state_is_saved_before_its_log() {
    choose(1, put(1, "a"));
    votes().saved(kOne, 1);
    CPPUNIT_ASSERT(!violation_.found());
    votes().saved(kThree, 1);
    expect("no state is ahead of its log");
  }

  void a_state_is_found_ahead_of_its_log() {
    choose(1, put(1, "a"));
    votes().recovered(kThree, {}, 1);
    expect("no state is ahead of its log");
  }

  void a_log_says_that_it_lost_something() {
    damaged_ = true;
    votes().recovered(kOne, {{}, {}, 5}, 0);
    CPPUNIT_ASSERT(!violation_.found());
    damaged_ = false;
    votes().recovered(kOne, {{}, {}, 5}, 0);
    expect("what was durable is there after a restart");
  }

  // 10 are to be kept.
  void less_is_kept_for_others() {
    votes().applied(kOne, 12);
    votes().keeps_behind(kOne, 2);
    CPPUNIT_ASSERT(!violation_.found());
    damaged_ = true;
    votes().keeps_behind(kOne, 3);
    CPPUNIT_ASSERT(!violation_.found());
    damaged_ = false;
    votes().keeps_behind(kOne, 3);
    expect("what is chosen is kept for others");
  }

  // It lost its vote for slot 1 to the chosen value, which it learned; and it never voted in
  // slot 2.
  void an_accepted_is_of_another_value_than_it_voted_for() {
    const paxos::Accept accept({kLow, 1, {value_of(put(1, "a"))}, 0});
    choose(1, put(2, "b"));
    votes().durable(kThree, {{{Type::kChosen, 1, {}, hash_of(value_of(put(2, "b"))), 0}}, {kLow}});
    all_->messages.answering(kThree, kOne, accept, paxos::Accepted({0, kLow, 0}));
    CPPUNIT_ASSERT(!violation_.found());
    all_->messages.answering(kThree, kOne, accept, paxos::Accepted({1, kLow, 0}));
    expect("persist before you speak");
  }

  void a_promise_leaves_before_its_sync() {
    standing(kOne, kLow);
    answer_promise(kOne, {});
    expect("persist before you speak");
  }

  void a_promise_keeps_a_vote_back() {
    vote(kOne, kLow, 1, hash_of(value_of(put(1, "a"))));
    standing(kOne, kHigh);
    answer_promise(kOne, {{1, kLow, value_of(put(1, "a"))}});
    CPPUNIT_ASSERT(!violation_.found());
    answer_promise(kOne, {});
    expect("a promise tells every vote");
  }

  void an_accepted_leaves_before_its_sync() {
    const paxos::Accept accept({kLow, 1, {value_of(put(1, "a"))}, 0});
    const paxos::Accepted accepted({true, kLow, 0});
    vote(kTwo, kLow, 1, hash_of(value_of(put(1, "a"))));
    all_->messages.answering(kTwo, kOne, accept, accepted);
    CPPUNIT_ASSERT(!violation_.found());
    standing(kThree, kLow);
    all_->messages.answering(kThree, kOne, accept, accepted);
    expect("persist before you speak");
  }

  void a_ballot_is_used_again_after_a_restart() {
    standing(kOne, kLow);
    all_->messages.sending(kOne, kTwo, paxos::Prepare({kLow}));
    all_->messages.sending(kOne, kThree, paxos::Prepare({kLow}));
    CPPUNIT_ASSERT(!violation_.found());
    ++incarnation_;
    all_->messages.sending(kOne, kTwo, paxos::Prepare({kLow}));
    expect("ballots are never reused");
  }

  void a_message_says_too_much_to_be_chosen() {
    standing(kOne, kLow);
    all_->messages.sending(kOne, kTwo, paxos::Accept({kLow, 1, {}, 1}));
    expect("what is said to be chosen is");
  }

  void something_is_applied_that_is_not_chosen() {
    vote(kOne, kLow, 1, 7);
    all_->states.applies(kOne, 1, nullptr);
    expect("nothing is applied that is not chosen");
  }

  void something_is_applied_twice() {
    choose(1, put(1, "a"));
    all_->states.applies(kOne, 1, put(1, "a"));
    all_->states.applies(kOne, 1, put(1, "a"));
    expect("applied in order, and once");
  }

  void an_operation_takes_effect_twice() {
    choose(1, put(1, "a"));
    choose(2, put(1, "a"));
    apply(kOne, 1, put(1, "a"), 1, "a");
    all_->states.applies(kOne, 2, put(1, "a"));
    all_->states.changes(kOne, 2, {});
    CPPUNIT_ASSERT(!violation_.found());
    apply(kTwo, 1, put(1, "a"), 1, "a");
    apply(kTwo, 2, put(1, "a"), 2, "a");
    expect("an operation takes effect once");
  }

  void replicas_change_differently() {
    choose(1, put(1, "a"));
    apply(kOne, 1, put(1, "a"), 1, "a");
    apply(kTwo, 1, put(1, "a"), 1, "b");
    expect("applied prefixes are equal");
  }

  void an_acknowledged_write_is_not_chosen() {
    choose(1, put(1, "a"));
    apply(kOne, 1, put(1, "a"), 1, "a");
    all_->states.acknowledged({1, 1, 1}, {kv::Applied::Outcome::kApplied, 1, 1}, 0, {});
    CPPUNIT_ASSERT(!violation_.found());
    all_->states.acknowledged({1, 2, 2}, {kv::Applied::Outcome::kApplied, 2, 2}, 0, {});
    expect("what is acknowledged is chosen");
  }

  void a_read_is_stale() {
    two_writes();
    all_->states.seen_at(1);
    all_->states.promised(1, {all_->states.seen(), kLongAgo});
    all_->states.seen_at(2);
    CPPUNIT_ASSERT(!violation_.found());
    CPPUNIT_ASSERT_EQUAL(Position{2}, all_->states.seen());
    all_->states.promised(1, {all_->states.seen(), kLongAgo});
    expect("reads are not stale");
  }

  void a_read_lacks_what_was_acknowledged_long_enough_ago() {
    two_writes();
    const TimePoint told{seconds(2).ns};
    all_->states.acknowledged({1, 2, 2}, {kv::Applied::Outcome::kApplied, 2, 2}, 0, told);
    all_->states.promised(1, {0, TimePoint{seconds(2).ns}});
    CPPUNIT_ASSERT(!violation_.found());
    all_->states.promised(1, {0, TimePoint{seconds(2).ns + 1}});
    expect("reads are as new as was asked for");
  }

  void a_read_returns_what_was_never_there() {
    two_writes();
    const kv::Entry first{"a", 1, 1, 1};
    const kv::Entry second{"b", 2, 2, 1};
    all_->states.answers_read("key", &first, 1);
    all_->states.answers_read("key", &second, 2);
    CPPUNIT_ASSERT(!violation_.found());
    all_->states.answers_read("key", &first, 2);
    expect("reads return what was chosen");
  }

  void a_page_is_of_another_state() {
    two_writes();
    kv::Scan scan;
    kv::ScanPage page;
    page.entries = {{"key", "b", 2, 1, 2}};
    page.count = 1;
    page.last = "key";
    page.position = 2;
    all_->states.answers_scan(scan, page);
    CPPUNIT_ASSERT(!violation_.found());
    scan.at = page.position = 1;
    all_->states.answers_scan(scan, page);
    expect("a listing is of one state");
  }

  void what_was_refused_happens() {
    all_->states.refused({1, 1, 1});
    CPPUNIT_ASSERT(!violation_.found());
    choose(1, put(1, "a"));
    apply(kOne, 1, put(1, "a"), 1, "a");
    expect("what is refused never happens");
  }

  void a_retry_is_told_something_else() {
    two_writes();
    const kv::Command second = kv::decode_command(*put(2, "b")).value();
    all_->states.answers(kOne, second, {kv::Applied::Outcome::kApplied, 2, 2});
    CPPUNIT_ASSERT(!violation_.found());
    all_->states.answers(kTwo, second, {kv::Applied::Outcome::kApplied, 1, 2});
    expect("a write returns what it did");
  }

  void two_hold_the_lease() {
    Leases& leases = all_->leases;
    leases.believes(kOne, TimePoint{100}, TimePoint{10});
    leases.believes(kTwo, TimePoint{200}, TimePoint{100});
    leases.believes(kOne, TimePoint{}, TimePoint{150});
    CPPUNIT_ASSERT(!violation_.found());
    leases.believes(kThree, TimePoint{300}, TimePoint{199});
    expect("one holder of the lease");
  }

  void a_stopped_acceptor_writes() {
    all_->roles.stopped(kTwo, "acceptor");
    all_->roles.decides(kOne, protocol::Persist{});
    CPPUNIT_ASSERT(!violation_.found());
    all_->roles.decides(kTwo, protocol::Persist{});
    expect_idle_role();
  }

  void a_stopped_acceptor_votes_promises_or_follows() {
    for (const protocol::MessagePtr& answer :
         {message<paxos::Accepted>({1, Ballot{}, 0}), message<paxos::Accepted>({0, kLow, 0}),
          message<paxos::Promise>({true, Ballot{}, 0, 0, {}}),
          message<paxos::Promise>({false, kLow, 0, 0, {}}),
          message<paxos::PreVoteAnswer>({true, Ballot{}, 0, 0})}) {
      setUp();
      all_->roles.stopped(kTwo, "acceptor");
      all_->roles.decides(kTwo, responding(message<paxos::Accepted>({0, Ballot{}, 5})));
      CPPUNIT_ASSERT(!violation_.found());
      all_->roles.decides(kTwo, responding(answer));
      expect_idle_role();
    }
  }

  void a_stopped_proposer_asks() {
    all_->roles.stopped(kTwo, "proposer");
    all_->roles.decides(kTwo, protocol::Send{kOne, 1, message<paxos::Submit>({}), 0});
    CPPUNIT_ASSERT(!violation_.found());
    all_->roles.decides(kTwo, protocol::Send{kOne, 1, message<paxos::Accept>({}), 0});
    expect_idle_role();
  }

  void a_stopped_learner_applies_or_tells() {
    all_->roles.stopped(kTwo, "learner");
    all_->roles.started(kTwo, "learner");
    all_->roles.decides(kTwo, protocol::Apply{});
    CPPUNIT_ASSERT(!violation_.found());
    all_->roles.stopped(kTwo, "learner");
    all_->roles.decides(kTwo, responding(message<paxos::Fetched>({1, {}, 0, 0})));
    CPPUNIT_ASSERT(!violation_.found());
    all_->roles.decides(kTwo, responding(message<paxos::Fetched>({1, {{}}, 1, 0})));
    expect_idle_role();
    setUp();
    all_->roles.stopped(kTwo, "learner");
    all_->roles.decides(kTwo, protocol::Apply{});
    expect_idle_role();
  }

 private:
  Votes& votes() { return all_->votes; }

  void standing(ReplicaId replica, const Ballot& promised) {
    votes().durable(replica, {{}, {promised, 0}});
  }
  void vote(ReplicaId replica, const Ballot& ballot, Slot slot, std::uint64_t value,
            std::uint64_t command = 0) {
    votes().durable(replica, {{{Type::kAccepted, slot, ballot, value, command}}, {ballot, 0}});
  }
  void choose(Slot slot, const SharedBytes& command) {
    vote(kOne, kLow, slot, hash_of(value_of(command)), hash_of(command));
    vote(kTwo, kLow, slot, hash_of(value_of(command)), hash_of(command));
  }
  void apply(ReplicaId replica, Position position, const SharedBytes& command,
             std::uint64_t version, const std::string& value) {
    all_->states.applies(replica, position, command);
    all_->states.changes(replica, position, {{"key", kv::Entry{value, version, position, 1}}});
  }
  void two_writes() {
    choose(1, put(1, "a"));
    choose(2, put(2, "b"));
    apply(kOne, 1, put(1, "a"), 1, "a");
    apply(kOne, 2, put(2, "b"), 2, "b");
  }
  void answer_promise(ReplicaId from, std::vector<paxos::AcceptedValue> accepted) {
    all_->messages.answering(from, kTwo, paxos::Prepare({kHigh}),
                             paxos::Promise({true, kHigh, 0, 0, std::move(accepted)}));
  }
  template <typename MessageType>
  static protocol::MessagePtr message(
      decltype(fields_of(std::declval<const MessageType*>())) fields) {
    return std::make_shared<MessageType>(std::move(fields));
  }
  static protocol::Respond responding(protocol::MessagePtr answer) {
    return {1, std::move(answer), 0};
  }
  void expect_idle_role() { expect("a stopped role does nothing"); }
  void expect(const std::string& invariant) {
    CPPUNIT_ASSERT_EQUAL(invariant, violation_.invariant());
  }

  Violation violation_;
  Incarnation incarnation_ = 1;
  bool damaged_ = false;
  std::unique_ptr<PaxosInvariants> all_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(InvariantsTest);

}  // namespace
}  // namespace rkv::sim
