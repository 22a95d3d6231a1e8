#include "paxos/leadership.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "paxos/paxos.h"
#include "values.h"

namespace rkv::paxos {
namespace {

constexpr ReplicaId kSelf{1};
constexpr ReplicaId kSecond{2};
constexpr ReplicaId kThird{3};
constexpr TimePoint kStart{1'000'000'000};

// A replica of three that leads, or follows, driven by events alone.
class LeadershipTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LeadershipTest);
  CPPUNIT_TEST(a_majority_of_promises_makes_a_leader);
  CPPUNIT_TEST(values_that_wait_for_a_slow_disk_leave_room_for_heartbeats);
  CPPUNIT_TEST(a_leader_without_a_majority_yields_and_says_why);
  CPPUNIT_TEST(a_heartbeat_is_answered_before_earlier_votes_are_durable);
  CPPUNIT_TEST(a_leader_that_learns_another_value_than_its_own_is_outbid);
  CPPUNIT_TEST(a_leader_waits_for_a_slow_replica_and_not_for_a_dead_one);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    effects_.clear();
    now_ = kStart;
    persists_ = 0;
    unanswered_.clear();
    options_ = Options();
    options_.self = kSelf;
    options_.replicas = {kSelf, kSecond, kThird};
    start();
  }

  void a_majority_of_promises_makes_a_leader() {
    lead();
    CPPUNIT_ASSERT(paxos_->view().leading);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, paxos_->view().elections);
    CPPUNIT_ASSERT(paxos_->role().leader == kSelf);
  }

  void values_that_wait_for_a_slow_disk_leave_room_for_heartbeats() {
    lead();
    sent_to(kSecond);
    std::size_t with_values = 0;
    for (protocol::ProposalId id = 1; id <= 3 * options_.messages_in_flight_max; ++id) {
      step(protocol::Propose{id, std::make_shared<const std::string>("x")});
      for (const Accept* accept : sent_to(kSecond)) with_values += accept->values.empty() ? 0 : 1;
    }
    CPPUNIT_ASSERT_EQUAL(options_.messages_in_flight_max, with_values);
    now_ = now_ + options_.heartbeat;
    tick();
    const std::vector<const Accept*> heartbeats = sent_to(kSecond);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, heartbeats.size());
    CPPUNIT_ASSERT(heartbeats.front()->values.empty());
  }

  void a_leader_without_a_majority_yields_and_says_why() {
    lead();
    CPPUNIT_ASSERT_EQUAL(std::string(), paxos_->view().yielded_because);
    now_ = now_ + options_.election_max + milliseconds(1);
    tick();
    CPPUNIT_ASSERT(!paxos_->view().leading);
    CPPUNIT_ASSERT_EQUAL(std::string("no majority answers"), paxos_->view().yielded_because);
  }

  void a_heartbeat_is_answered_before_earlier_votes_are_durable() {
    const Ballot ballot{5, kSecond};
    const auto accept = [this, ballot](protocol::CallId call, Slot first,
                                       const std::vector<Value>& values) {
      step(protocol::Request{kSecond, call,
                             std::make_shared<Accept>(AcceptFields{ballot, first, values, 0})});
      return answered_after(call);
    };
    const protocol::SyncPoint promise = accept(1, 1, {});
    CPPUNIT_ASSERT_EQUAL(persists_, promise);
    const protocol::SyncPoint vote = accept(2, 1, {value_of("a")});
    CPPUNIT_ASSERT_EQUAL(persists_, vote);
    CPPUNIT_ASSERT(vote > promise);
    CPPUNIT_ASSERT_EQUAL(promise, accept(3, 2, {}));
    CPPUNIT_ASSERT_EQUAL(vote, accept(4, 1, {value_of("a")}));  // the same vote again: it waits
  }

  // Slot 2 was voted for with "a" below this ballot, and chosen with "b" above it.
  void a_leader_that_learns_another_value_than_its_own_is_outbid() {
    PromiseFields promise;
    promise.chosen = 1;
    promise.accepted = {{2, Ballot{1, kThird}, value_of("a")}};
    lead(promise);
    CPPUNIT_ASSERT(paxos_->view().leading);
    const protocol::CallId asked = call_of(kFetch, kSecond);
    step(protocol::Answer{
        kSecond, asked,
        std::make_shared<Fetched>(FetchedFields{1, {value_of("one"), value_of("b")}, 2, 0})});
    CPPUNIT_ASSERT(!paxos_->view().leading);
    CPPUNIT_ASSERT_EQUAL(Slot{2}, paxos_->view().applied);
    for (const ReplicaId peer : {kSecond, kThird}) {
      for (const Accept* accept : sent_to(peer)) CPPUNIT_ASSERT(accept->chosen < 2);
    }
  }

  void a_leader_waits_for_a_slow_replica_and_not_for_a_dead_one() {
    options_.kept_slots = 8;
    options_.lag_patience = options_.election_max / 2;
    start();
    lead();
    for (protocol::ProposalId id = 1; id <= 6; ++id) propose_and_choose(id);
    CPPUNIT_ASSERT_EQUAL(Slot{6}, paxos_->view().applied);
    answer_all(kThird, 1);
    propose_and_choose(7);
    CPPUNIT_ASSERT_EQUAL(Slot{6}, paxos_->view().applied);
    now_ = now_ + options_.lag_patience;
    tick();
    answer_all(kSecond, 6);
    tick();
    answer_all(kSecond, 7);
    CPPUNIT_ASSERT_EQUAL(Slot{7}, paxos_->view().applied);
  }

 private:
  void start() {
    paxos_ = std::make_unique<Paxos>(options_);
    protocol::Recovery recovery;
    recovery.incarnation = 1;
    paxos_->recover(std::move(recovery), now_, effects_);
    effects_.clear();
  }

  // A client's write, which this replica and the second one vote for.
  void propose_and_choose(protocol::ProposalId id) {
    step(protocol::Propose{id, std::make_shared<const std::string>("x")});
    answer_all(kSecond, paxos_->view().applied);
  }
  // This replica takes everything that it was sent, and says how far it has learned.
  void answer_all(ReplicaId from, Slot learned) {
    const std::vector<Sent> sent = std::exchange(unanswered_[from], {});
    for (const Sent& each : sent) {
      const auto taken = static_cast<std::uint32_t>(each.accept->values.size());
      step(protocol::Answer{
          from, each.call,
          std::make_shared<Accepted>(AcceptedFields{taken, each.accept->ballot, learned})});
    }
    step(protocol::Persisted{persists_});
  }

  void end_turn() {
    paxos_->flush(now_, effects_);
    for (const protocol::Effect& effect : effects_) {
      if (std::holds_alternative<protocol::Persist>(effect)) ++persists_;
      const auto* send = std::get_if<protocol::Send>(&effect);
      if (send == nullptr || send->message->tag() != kAccept) continue;
      unanswered_[send->to].push_back(
          {send->call, std::static_pointer_cast<const Accept>(send->message)});
    }
  }
  void step(protocol::Event event) {
    effects_.clear();
    paxos_->step(std::move(event), now_, effects_);
    end_turn();
  }
  void tick() {
    effects_.clear();
    paxos_->tick(now_, effects_);
    end_turn();
  }

  // The messages that went to this replica in the last turn, as Accepts.
  std::vector<const Accept*> sent_to(ReplicaId to) const {
    std::vector<const Accept*> accepts;
    for (const protocol::Effect& effect : effects_) {
      const auto* send = std::get_if<protocol::Send>(&effect);
      if (send == nullptr || send->to != to || send->message->tag() != kAccept) continue;
      accepts.push_back(&as<Accept>(*send->message));
    }
    return accepts;
  }
  protocol::SyncPoint answered_after(protocol::CallId call) const {
    for (const protocol::Effect& effect : effects_) {
      const auto* respond = std::get_if<protocol::Respond>(&effect);
      if (respond != nullptr && respond->call == call) return respond->after;
    }
    CPPUNIT_FAIL("there is no answer");
    return 0;
  }
  protocol::CallId call_of(Tag tag, ReplicaId to) const {
    for (const protocol::Effect& effect : effects_) {
      const auto* send = std::get_if<protocol::Send>(&effect);
      if (send != nullptr && send->to == to && send->message->tag() == tag) return send->call;
    }
    CPPUNIT_FAIL("it was not sent");
    return 0;
  }

  // The silence of a new acceptor and the time of waiting for a leader pass; the second replica
  // would promise, then does, and this one's own promise is durable.
  void lead(PromiseFields promise = {}) {
    now_ = now_ + options_.lease + options_.election_max;
    tick();
    const protocol::CallId asked = call_of(kPreVote, kSecond);
    step(protocol::Answer{kSecond, asked,
                          std::make_shared<PreVoteAnswer>(PreVoteAnswerFields{true, {}, 0, 0})});
    const protocol::SyncPoint promised = persists_;
    const protocol::CallId prepared = call_of(kPrepare, kSecond);
    step(protocol::Persisted{promised});
    const Ballot ballot = paxos_->view().promised;
    promise.granted = true;
    promise.promised = ballot;
    step(protocol::Answer{kSecond, prepared, std::make_shared<Promise>(std::move(promise))});
  }

  struct Sent {
    protocol::CallId call = 0;
    std::shared_ptr<const Accept> accept;
  };

  Options options_;
  std::map<ReplicaId, std::vector<Sent>> unanswered_;
  std::unique_ptr<Paxos> paxos_;
  protocol::Effects effects_;
  TimePoint now_;
  protocol::SyncPoint persists_ = 0;  // so far
};

CPPUNIT_TEST_SUITE_REGISTRATION(LeadershipTest);

}  // namespace
}  // namespace rkv::paxos
