#include "paxos/catch_up.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <variant>

#include "paxos/paxos.h"
#include "values.h"

namespace rkv::paxos {
namespace {

constexpr ReplicaId kSelf{1};
constexpr ReplicaId kLeader{2};
constexpr ReplicaId kThird{3};
constexpr TimePoint kStart{1'000'000'000};

Options options_of_three() {
  Options options;
  options.self = kSelf;
  options.replicas = {kSelf, kLeader, kThird};
  return options;
}

// A replica that has missed chosen values, and one that cannot take all that it is sent.
class CatchUpTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CatchUpTest);
  CPPUNIT_TEST(asks_who_seems_to_know);
  CPPUNIT_TEST(asks_everybody_though_the_leader_is_heard_all_the_time);
  CPPUNIT_TEST(learns_what_it_is_told);
  CPPUNIT_TEST(says_when_nobody_can_help);
  CPPUNIT_TEST(waits_while_too_much_is_unsaved);
  CPPUNIT_TEST(answers_with_what_it_keeps);
  CPPUNIT_TEST(a_follower_says_how_many_values_it_took);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    effects_.clear();
    options_ = options_of_three();
    acceptor_ = std::make_unique<Acceptor>(options_);
    learner_ = std::make_unique<Learner>(options_);
    context_ = std::make_unique<Context>(options_, *acceptor_, *learner_);
    context_->now = kStart;
    context_->effects = &effects_;
    catch_up_ = std::make_unique<CatchUp>(*context_);
    learner_->told_chosen(3, {1, kLeader}, *acceptor_);
  }

  void asks_who_seems_to_know() {
    catch_up_->ask_from_now_on(kThird);
    CPPUNIT_ASSERT(asked() == kThird);
    CPPUNIT_ASSERT(asked() == ReplicaId{});  // one question at a time
  }

  void asks_everybody_though_the_leader_is_heard_all_the_time() {
    catch_up_->ask_from_now_on(kLeader);
    CPPUNIT_ASSERT(asked() == kLeader);
    answer(kLeader, {}, 3);
    catch_up_->ask_from_now_on(kLeader);
    CPPUNIT_ASSERT(asked() == kThird);
    answer(kThird, {"one"}, 0);
    catch_up_->ask_from_now_on(kLeader);
    CPPUNIT_ASSERT(asked() == kLeader);
  }

  void learns_what_it_is_told() {
    catch_up_->ask_from_now_on(kLeader);
    asked();
    answer(kLeader, {"one", "two"}, 0);
    CPPUNIT_ASSERT_EQUAL(Slot{2}, learner_->learned());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, context_->chosen_records.size());
    CPPUNIT_ASSERT(asked() == kLeader);  // slot 3 is still missing
    answer(kLeader, {"three"}, 0);
    CPPUNIT_ASSERT(asked() == ReplicaId{});
  }

  void says_when_nobody_can_help() {
    catch_up_->ask_from_now_on(kLeader);
    asked();
    answer(kLeader, {}, 3);
    CPPUNIT_ASSERT(!catch_up_->is_behind_every_log());
    CPPUNIT_ASSERT(asked() == kThird);
    answer(kThird, {}, 1);
    CPPUNIT_ASSERT(catch_up_->is_behind_every_log());
    CPPUNIT_ASSERT(asked() != ReplicaId{});  // and goes on asking
  }

  // Its state cannot be saved, for its log is stuck, say: what it learned would fill the memory.
  void waits_while_too_much_is_unsaved() {
    options_.kept_bytes = 10;
    options_.unsaved_bytes_max = 10;
    catch_up_->ask_from_now_on(kLeader);
    asked();
    answer(kLeader, {std::string(30, 'v')}, 0);
    CPPUNIT_ASSERT(asked() == ReplicaId{});
    learner_->take_learned([](Slot, const Value&) {});
    learner_->saved(1);
    CPPUNIT_ASSERT(learner_->cut_kept());
    CPPUNIT_ASSERT(asked() == kLeader);
  }

  void answers_with_what_it_keeps() {
    learner_->recover(5, {value_of("four"), value_of("five")});
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, catch_up_->values_from(4).values.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, catch_up_->values_from(6).values.size());
    const FetchedFields cut = catch_up_->values_from(2);
    CPPUNIT_ASSERT(cut.values.empty() && cut.cut == 3 && cut.chosen == 5);
    options_.fetched_values_max = 1;
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, catch_up_->values_from(4).values.size());
  }

  // The leader must count the votes that there are, or it would send the same message for ever.
  void a_follower_says_how_many_values_it_took() {
    options_.window_slots_max = 2;
    Paxos follower(options_);
    protocol::Effects effects;
    follower.recover({}, kStart, effects);
    AcceptFields fields{{1, kLeader}, 1, {}, 0};
    for (int i = 0; i < 10; ++i) fields.values.push_back(value_of(std::to_string(i)));
    follower.step(protocol::Request{kLeader, 7, std::make_shared<Accept>(fields)}, kStart, effects);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, effects.size());
    const auto& respond = std::get<protocol::Respond>(effects[0]);
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{4}, as<Accepted>(*respond.message).taken);
    CPPUNIT_ASSERT_EQUAL(protocol::SyncPoint{1}, respond.after);
  }

 private:
  // Who is asked now; nobody if there is no new question.
  ReplicaId asked() {
    context_->now = context_->now + options_.heartbeat;
    effects_.clear();
    catch_up_->flush();
    if (effects_.empty()) return {};
    const auto& send = std::get<protocol::Send>(effects_[0]);
    CPPUNIT_ASSERT_EQUAL(learner_->learned() + 1, as<Fetch>(*send.message).first);
    call_ = send.call;
    return send.to;
  }
  void answer(ReplicaId from, const std::vector<std::string>& commands, Slot cut) {
    const Outgoing outgoing = context_->take_outgoing(call_);
    CPPUNIT_ASSERT(outgoing.to == from);
    FetchedFields fields{outgoing.first, {}, 3, cut};
    for (const std::string& command : commands) fields.values.push_back(value_of(command));
    catch_up_->answered(outgoing, fields);
  }

  Options options_;
  protocol::Effects effects_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<Learner> learner_;
  std::unique_ptr<Context> context_;
  std::unique_ptr<CatchUp> catch_up_;
  protocol::CallId call_ = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(CatchUpTest);

}  // namespace
}  // namespace rkv::paxos
