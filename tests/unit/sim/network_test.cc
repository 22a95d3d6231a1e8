#include "sim/network.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/tasks.h"

namespace rkv::sim {
namespace {

class Number final : public protocol::Message {
 public:
  explicit Number(int number) : Message(1), value(number) {}
  const int value;
};

int value_of(const protocol::MessagePtr& message) {
  return static_cast<const Number&>(*message).value;
}

// A replica that answers each number with the next one.
class Machine final : public Host, public Endpoint {
 public:
  bool put_off(EventHandler& handler, EventKind kind, std::uint64_t argument) override {
    if (!paused) return false;
    late.push_back({&handler, {kind, argument}});
    return true;
  }
  void fatal(const Status& /*status*/) override {}
  void peer_request(ReplicaId /*from*/, protocol::MessagePtr message, Answer answer) override {
    requests.push_back(value_of(message));
    if (answers) answer(std::make_shared<Number>(value_of(message) + 1));
  }
  void peer_up(ReplicaId peer) override { seen.push_back(static_cast<int>(peer.value)); }
  void peer_down(ReplicaId peer, const std::string& /*reason*/) override {
    seen.push_back(-static_cast<int>(peer.value));
  }
  void go_on() {
    paused = false;
    for (const auto& [handler, event] : std::exchange(late, {})) {
      handler->handle(event.first, event.second);
    }
  }

  bool paused = false;
  bool answers = true;
  std::vector<std::pair<EventHandler*, std::pair<EventKind, std::uint64_t>>> late;
  std::vector<int> requests;
  std::vector<int> seen;  // of peers: up, or (negative) down
};

class NetworkTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(NetworkTest);
  CPPUNIT_TEST(a_call_is_answered_once_and_later);
  CPPUNIT_TEST(messages_arrive_in_order);
  CPPUNIT_TEST(messages_overtake_in_bad_weather);
  CPPUNIT_TEST(a_message_that_arrives_twice_has_one_answer);
  CPPUNIT_TEST(a_lost_message_fails_as_unknown_when_its_time_is_over);
  CPPUNIT_TEST(over_a_link_known_to_be_cut_nothing_is_delivered);
  CPPUNIT_TEST(a_one_way_cut_loses_the_answer_only);
  CPPUNIT_TEST(a_dead_replica_ends_calls_and_is_seen_to_be_down);
  CPPUNIT_TEST(a_message_outlives_its_sender);
  CPPUNIT_TEST(a_paused_replica_gets_everything_later);
  CPPUNIT_TEST(a_wrong_hint_is_put_right);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    scheduler_ = std::make_unique<Scheduler>();
    tasks_ = std::make_unique<Tasks>(*scheduler_, nullptr);
    counters_ = {};
    network_ = std::make_unique<Network>(*scheduler_, 1, counters_, nullptr, options_);
    machines_ = std::vector<Machine>(2);
    port_ = &network_->add(machines_[0], machines_[0]);
    network_->add(machines_[1], machines_[1]);
    answers_.clear();
    failures_.clear();
    network_->started(ReplicaId{1});
    network_->started(ReplicaId{2});
    run_for(seconds(2));
    CPPUNIT_ASSERT((std::vector<int>{2}) == machines_[0].seen);
  }

  void a_call_is_answered_once_and_later() {
    send(7);
    CPPUNIT_ASSERT(answers_.empty());
    run_for(seconds(30));
    CPPUNIT_ASSERT((std::vector<int>{8}) == answers_);
    CPPUNIT_ASSERT(failures_.empty());
  }

  void messages_arrive_in_order() {
    network_->set_weather({0, 0, 0, milliseconds(10)});
    for (int i = 0; i < 100; ++i) send(i);
    run_for(seconds(2));
    for (int i = 0; i < 100; ++i) CPPUNIT_ASSERT_EQUAL(i, machines_[1].requests.at(index(i)));
  }

  void messages_overtake_in_bad_weather() {
    network_->set_weather({0, 0, 1, milliseconds(10)});
    for (int i = 0; i < 100; ++i) send(i);
    run_for(seconds(2));
    CPPUNIT_ASSERT_EQUAL(std::size_t{100}, machines_[1].requests.size());
    CPPUNIT_ASSERT(!std::is_sorted(machines_[1].requests.begin(), machines_[1].requests.end()));
    CPPUNIT_ASSERT(counters_.messages_reordered > 0);
  }

  void a_message_that_arrives_twice_has_one_answer() {
    network_->set_weather({0, 1, 0, microseconds(100)});
    send(7);
    run_for(seconds(30));
    CPPUNIT_ASSERT((std::vector<int>{7, 7}) == machines_[1].requests);
    CPPUNIT_ASSERT((std::vector<int>{8}) == answers_);
    CPPUNIT_ASSERT(failures_.empty());
  }

  void a_lost_message_fails_as_unknown_when_its_time_is_over() {
    network_->set_weather({1, 0, 0, microseconds(100)});
    send(7);
    run_for(options_.call_timeout + milliseconds(-1));
    CPPUNIT_ASSERT(failures_.empty());
    run_for(milliseconds(2));
    CPPUNIT_ASSERT((std::vector<env::SendFailure>{env::SendFailure::kUnknown}) == failures_);
    CPPUNIT_ASSERT(answers_.empty());
  }

  void over_a_link_known_to_be_cut_nothing_is_delivered() {
    LinkMatrix blocked{};
    blocked[0][1] = blocked[1][0] = true;
    network_->set_blocked(blocked);
    send(7);  // it is not known yet
    run_for(seconds(2));
    CPPUNIT_ASSERT((std::vector<int>{2, -2}) == machines_[0].seen);
    send(8);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, failures_.size());
    run_for(milliseconds(1));
    CPPUNIT_ASSERT((std::vector<env::SendFailure>{env::SendFailure::kUnknown,
                                                  env::SendFailure::kNotDelivered}) == failures_);
    CPPUNIT_ASSERT(machines_[1].requests.empty());
    network_->set_blocked({});
    run_for(seconds(2));
    send(9);
    run_for(seconds(1));
    CPPUNIT_ASSERT((std::vector<int>{9}) == machines_[1].requests);
  }

  void a_one_way_cut_loses_the_answer_only() {
    LinkMatrix blocked{};
    blocked[1][0] = true;
    network_->set_blocked(blocked);
    send(7);
    run_for(seconds(20));
    CPPUNIT_ASSERT((std::vector<int>{7}) == machines_[1].requests);
    CPPUNIT_ASSERT((std::vector<env::SendFailure>{env::SendFailure::kUnknown}) == failures_);
  }

  void a_dead_replica_ends_calls_and_is_seen_to_be_down() {
    network_->stopped(ReplicaId{2});
    send(7);
    run_for(milliseconds(50));
    CPPUNIT_ASSERT((std::vector<env::SendFailure>{env::SendFailure::kUnknown}) == failures_);
    run_for(seconds(2));
    CPPUNIT_ASSERT((std::vector<int>{2, -2}) == machines_[0].seen);
    CPPUNIT_ASSERT(machines_[1].requests.empty());
  }

  void a_message_outlives_its_sender() {
    send(7);
    network_->stopped(ReplicaId{1});
    run_for(seconds(30));
    CPPUNIT_ASSERT((std::vector<int>{7}) == machines_[1].requests);
    CPPUNIT_ASSERT(answers_.empty());
    CPPUNIT_ASSERT(failures_.empty());
  }

  void a_paused_replica_gets_everything_later() {
    machines_[1].paused = true;
    send(7);
    send(8);
    run_for(seconds(1));
    CPPUNIT_ASSERT(machines_[1].requests.empty());
    machines_[1].go_on();
    CPPUNIT_ASSERT((std::vector<int>{7, 8}) == machines_[1].requests);
    run_for(seconds(1));
    CPPUNIT_ASSERT((std::vector<int>{8, 9}) == answers_);
  }

  void a_wrong_hint_is_put_right() {
    network_->tell_wrongly(ReplicaId{1}, ReplicaId{2});
    CPPUNIT_ASSERT((std::vector<int>{2, -2}) == machines_[0].seen);
    run_for(seconds(2));
    CPPUNIT_ASSERT((std::vector<int>{2, -2, 2}) == machines_[0].seen);
  }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  void send(int value) {
    port_->send(
        ReplicaId{2}, std::make_shared<Number>(value),
        {[this](const protocol::MessagePtr& answer) { answers_.push_back(value_of(answer)); },
         [this](env::SendFailure failure, const std::string& /*reason*/) {
           failures_.push_back(failure);
         }});
  }

  void run_for(Duration time) {
    bool over = false;
    tasks_->after(time, [&over] { over = true; });
    while (!over) scheduler_->run_next();
  }

  const Network::Options options_{};
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Tasks> tasks_;
  Counters counters_;
  std::vector<Machine> machines_;
  std::unique_ptr<Network> network_;
  Network::Transport* port_ = nullptr;
  std::vector<int> answers_;
  std::vector<env::SendFailure> failures_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(NetworkTest);

}  // namespace
}  // namespace rkv::sim
