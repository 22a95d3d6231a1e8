#include "rpc/event_loop.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace rkv::rpc {
namespace {

constexpr Duration kPatience = seconds(20);

// A pipe whose reading end can be watched.
class Pipe {
 public:
  Pipe() { CPPUNIT_ASSERT_EQUAL(0, pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK)); }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void put() const { CPPUNIT_ASSERT_EQUAL(ssize_t{1}, write(ends_[1], "x", 1)); }
  void take() const {
    char byte = 0;
    CPPUNIT_ASSERT_EQUAL(ssize_t{1}, read(ends_[0], &byte, 1));
  }

 private:
  std::array<int, 2> ends_{};
};

class CallingHandler final : public EventLoop::Handler {
 public:
  explicit CallingHandler(std::function<void(std::uint32_t)> task) : task_(std::move(task)) {}
  void on_ready(std::uint32_t events) override { task_(events); }

 private:
  const std::function<void(std::uint32_t)> task_;
};

EventLoop* loop_of_signal = nullptr;
void stop_on_signal(int /*signal*/) { loop_of_signal->stop(); }

}  // namespace

class EventLoopTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(EventLoopTest);
  CPPUNIT_TEST(runs_timers_in_order_and_not_early);
  CPPUNIT_TEST(runs_no_cancelled_timer);
  CPPUNIT_TEST(runs_a_timer_added_by_a_timer_in_a_later_turn);
  CPPUNIT_TEST(runs_posted_tasks_of_each_thread_in_order);
  CPPUNIT_TEST(runs_a_task_posted_by_a_task_in_the_next_turn);
  CPPUNIT_TEST(destroys_posted_tasks_that_never_ran);
  CPPUNIT_TEST(stops_from_another_thread_and_from_a_signal);
  CPPUNIT_TEST(knows_its_thread);
  CPPUNIT_TEST(runs_hooks_by_phase_and_order);
  CPPUNIT_TEST(lets_hooks_add_and_remove_hooks);
  CPPUNIT_TEST(skips_no_hook_when_others_are_removed);
  CPPUNIT_TEST(works_in_the_order_of_a_turn);
  CPPUNIT_TEST(begins_a_requested_turn_at_once);
  CPPUNIT_TEST(ends_run_until_at_the_deadline);
  CPPUNIT_TEST(follows_changes_of_a_watch);
  CPPUNIT_TEST(calls_no_handler_unwatched_in_the_same_turn);
  CPPUNIT_TEST(tells_a_reused_descriptor_from_its_predecessor);
  CPPUNIT_TEST_SUITE_END();

 public:
  void runs_timers_in_order_and_not_early() {
    std::string order;
    const TimePoint start = loop_.now();
    for (const char name : {'d', 'e'}) {  // equal times: in the order of adding
      loop_.add_timer(start + milliseconds(4), [&order, name] { order += name; });
    }
    TimePoint ran{};
    loop_.add_timer(start + milliseconds(3), [&] {
      order += 'c';
      ran = EventLoop::read_clock();
    });
    loop_.add_timer(start + milliseconds(1), [&] { order += 'b'; });
    loop_.add_timer(start + seconds(-5), [&] { order += 'a'; });
    loop_.add_timer(kNever, [&] { order += '!'; });
    CPPUNIT_ASSERT(run_until([&] { return order.size() == 5; }));
    CPPUNIT_ASSERT_EQUAL(std::string("abcde"), order);
    CPPUNIT_ASSERT(ran >= start + milliseconds(3));
  }

  void runs_no_cancelled_timer() {
    std::string order;
    EventLoop::TimerId second = 0;
    const EventLoop::TimerId first = loop_.add_timer(loop_.now(), [&] {
      order += '1';
      loop_.cancel_timer(second);  // due in this same turn
    });
    second = loop_.add_timer(loop_.now(), [&] { order += '2'; });
    const EventLoop::TimerId third = loop_.add_timer(loop_.now(), [&] { order += '3'; });
    loop_.cancel_timer(third);
    loop_.add_timer(loop_.now(), [&] { order += '4'; });
    CPPUNIT_ASSERT(run_until([&] { return order.size() >= 2; }));
    loop_.cancel_timer(first);  // has run
    loop_.cancel_timer(0);
    turns(2);
    CPPUNIT_ASSERT_EQUAL(std::string("14"), order);
  }

  void runs_a_timer_added_by_a_timer_in_a_later_turn() {
    // Both for now and for the past: neither may keep a turn from ending.
    int left = 5;
    int turn_count = 0;
    std::vector<int> ran_in;
    loop_.add_turn_hook(EventLoop::TurnPhase::kFlush, [&] { ++turn_count; });
    EventLoop::Task again = [&] {
      ran_in.push_back(turn_count);
      if (--left > 0) loop_.add_timer(loop_.now() + seconds(-(left % 2)), again);
    };
    loop_.add_timer(loop_.now(), again);
    CPPUNIT_ASSERT(run_until([&] { return left == 0; }));
    CPPUNIT_ASSERT(ran_in == (std::vector<int>{0, 1, 2, 3, 4}));
  }

  void runs_posted_tasks_of_each_thread_in_order() {
    constexpr int kThreads = 4;
    constexpr int kTasks = 2000;
    std::array<int, kThreads> next{};
    int total = 0;
    bool in_order = true;
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kTasks; ++i) {
          loop_.post([&, t, i] {
            in_order = in_order && next[t]++ == i && loop_.in_loop_thread();
            ++total;
          });
        }
      });
    }
    const bool all_ran = run_until([&] { return total == kThreads * kTasks; });
    for (std::thread& thread : threads) thread.join();
    CPPUNIT_ASSERT(all_ran);
    CPPUNIT_ASSERT(in_order);
  }

  void runs_a_task_posted_by_a_task_in_the_next_turn() {
    int turn_count = 0;
    std::vector<int> ran_in;
    loop_.add_turn_hook(EventLoop::TurnPhase::kFlush, [&] { ++turn_count; });
    loop_.post([&] {
      ran_in.push_back(turn_count);
      loop_.post([&] { ran_in.push_back(turn_count); });
    });
    CPPUNIT_ASSERT(run_until([&] { return ran_in.size() == 2; }));
    CPPUNIT_ASSERT(ran_in == (std::vector<int>{0, 1}));
  }

  void destroys_posted_tasks_that_never_ran() {
    const auto held = std::make_shared<int>(1);
    {
      EventLoop loop;
      loop.post([held] {});
      loop.add_timer(loop.now(), [held] {});
      CPPUNIT_ASSERT_EQUAL(3L, held.use_count());
    }
    CPPUNIT_ASSERT_EQUAL(1L, held.use_count());
  }

  void stops_from_another_thread_and_from_a_signal() {
    loop_.stop();
    loop_.run();  // stopped before it ran: one turn or none
    std::thread stopper([&] { loop_.stop(); });
    loop_.run();
    stopper.join();
    loop_of_signal = &loop_;
    std::signal(SIGUSR1, stop_on_signal);
    loop_.post([] { std::raise(SIGUSR1); });
    loop_.run();
    std::signal(SIGUSR1, SIG_DFL);
  }

  void knows_its_thread() {
    CPPUNIT_ASSERT(loop_.in_loop_thread());  // nobody runs it
    std::atomic<bool> is_running{false};
    std::thread runner([&] { loop_.run(); });
    loop_.post([&] { is_running = loop_.in_loop_thread(); });
    while (!is_running) std::this_thread::yield();
    CPPUNIT_ASSERT(!loop_.in_loop_thread());
    loop_.stop();
    runner.join();
    CPPUNIT_ASSERT(loop_.in_loop_thread());
  }

  void runs_hooks_by_phase_and_order() {
    std::string order;
    using Phase = EventLoop::TurnPhase;
    loop_.add_turn_hook(Phase::kFlush, [&] { order += 'c'; });
    loop_.add_turn_hook(Phase::kStep, [&] { order += 'a'; });
    loop_.add_turn_hook(Phase::kFlush, [&] { order += 'd'; });
    loop_.add_turn_hook(Phase::kStep, [&] { order += 'b'; });
    turns(2);
    CPPUNIT_ASSERT_EQUAL(std::string("abcdabcd"), order);
  }

  void lets_hooks_add_and_remove_hooks() {
    std::string order;
    using Phase = EventLoop::TurnPhase;
    EventLoop::HookId once = 0;
    once = loop_.add_turn_hook(Phase::kStep, [&] {
      order += 'a';
      loop_.remove_turn_hook(once);
      loop_.add_turn_hook(Phase::kFlush, [&] { order += 'f'; });
    });
    loop_.add_turn_hook(Phase::kStep, [&] { order += 'b'; });
    turns(2);
    CPPUNIT_ASSERT_EQUAL(std::string("abfbf"), order);
  }

  void skips_no_hook_when_others_are_removed() {
    std::string order;
    using Phase = EventLoop::TurnPhase;
    std::vector<EventLoop::HookId> hooks;
    for (const char name : {'a', 'b'}) {
      hooks.push_back(loop_.add_turn_hook(Phase::kStep, [&order, name] { order += name; }));
    }
    hooks.push_back(loop_.add_turn_hook(Phase::kStep, [&] {
      order += 'c';
      for (const EventLoop::HookId hook : hooks) loop_.remove_turn_hook(hook);
    }));
    for (const char name : {'d', 'e'}) {
      loop_.add_turn_hook(Phase::kStep, [&order, name] { order += name; });
    }
    turns(2);
    CPPUNIT_ASSERT_EQUAL(std::string("abcdede"), order);
  }

  void works_in_the_order_of_a_turn() {
    const Pipe pipe;
    std::string order;
    CallingHandler handler([&](std::uint32_t) {
      order += "ready ";
      pipe.take();
    });
    loop_.watch(pipe.read_end(), EPOLLIN, &handler);
    loop_.add_turn_hook(EventLoop::TurnPhase::kFlush, [&] { order += "flush"; });
    loop_.add_turn_hook(EventLoop::TurnPhase::kStep, [&] { order += "step "; });
    loop_.add_timer(loop_.now(), [&] { order += "timer "; });
    loop_.post([&] { order += "posted "; });
    pipe.put();
    turns(1);
    CPPUNIT_ASSERT_EQUAL(std::string("ready posted timer step flush"), order);
    loop_.unwatch(pipe.read_end());
  }

  void begins_a_requested_turn_at_once() {
    int turn_count = 0;
    loop_.add_turn_hook(EventLoop::TurnPhase::kStep, [&] {
      if (++turn_count < 100) loop_.request_turn();
    });
    loop_.request_turn();
    CPPUNIT_ASSERT(run_until([&] { return turn_count >= 100; }));
  }

  void ends_run_until_at_the_deadline() {
    const TimePoint deadline = EventLoop::read_clock() + milliseconds(5);
    CPPUNIT_ASSERT(!loop_.run_until([] { return false; }, deadline));
    CPPUNIT_ASSERT(EventLoop::read_clock() >= deadline);
    CPPUNIT_ASSERT(loop_.run_until([] { return true; }, deadline));
  }

  void follows_changes_of_a_watch() {
    const Pipe pipe;
    std::uint32_t seen = 0;
    int calls = 0;
    CallingHandler handler([&](std::uint32_t events) {
      seen = events;
      ++calls;
    });
    loop_.watch(pipe.read_end(), 0, &handler);
    pipe.put();
    turns(2);
    CPPUNIT_ASSERT_EQUAL(0, calls);
    loop_.watch(pipe.read_end(), EPOLLIN, &handler);
    turns(3);
    CPPUNIT_ASSERT_EQUAL(3, calls);  // level-triggered
    CPPUNIT_ASSERT_EQUAL(static_cast<std::uint32_t>(EPOLLIN), seen);
    CallingHandler other([&](std::uint32_t) { calls = 100; });
    loop_.watch(pipe.read_end(), EPOLLIN, &other);
    turns(1);
    CPPUNIT_ASSERT_EQUAL(100, calls);
    loop_.unwatch(pipe.read_end());
    loop_.unwatch(pipe.read_end());
    loop_.unwatch(-1);
    loop_.unwatch(1 << 20);
    calls = 0;
    turns(1);
    CPPUNIT_ASSERT_EQUAL(0, calls);
  }

  void calls_no_handler_unwatched_in_the_same_turn() {
    const std::array<Pipe, 3> pipes;
    int calls = 0;
    CallingHandler handler([&](std::uint32_t) {
      ++calls;
      for (const Pipe& pipe : pipes) loop_.unwatch(pipe.read_end());
    });
    for (const Pipe& pipe : pipes) {
      pipe.put();
      loop_.watch(pipe.read_end(), EPOLLIN, &handler);
    }
    turns(2);
    CPPUNIT_ASSERT_EQUAL(1, calls);
  }

  void tells_a_reused_descriptor_from_its_predecessor() {
    // Both are ready; the first that is handled replaces the other by an empty pipe under the same
    // number, whose handler must not hear of its predecessor's event.
    const std::array<Pipe, 2> pipes;
    const Pipe empty;
    int successor_calls = 0;
    int calls = 0;
    CallingHandler successor([&](std::uint32_t) { ++successor_calls; });
    const auto replace = [&](int descriptor) {
      ++calls;
      loop_.unwatch(descriptor);
      CPPUNIT_ASSERT_EQUAL(descriptor, dup2(empty.read_end(), descriptor));
      loop_.watch(descriptor, EPOLLIN, &successor);
    };
    CallingHandler first([&](std::uint32_t) { replace(pipes[1].read_end()); });
    CallingHandler second([&](std::uint32_t) { replace(pipes[0].read_end()); });
    for (const Pipe& pipe : pipes) pipe.put();
    loop_.watch(pipes[0].read_end(), EPOLLIN, &first);
    loop_.watch(pipes[1].read_end(), EPOLLIN, &second);
    turns(1);
    CPPUNIT_ASSERT_EQUAL(1, calls);
    CPPUNIT_ASSERT_EQUAL(0, successor_calls);
    for (const Pipe& pipe : pipes) loop_.unwatch(pipe.read_end());
  }

 private:
  bool run_until(const std::function<bool()>& done) {
    return loop_.run_until(done, EventLoop::read_clock() + kPatience);
  }

  // Runs a number of turns, none of which waits.
  void turns(int count) {
    loop_.request_turn();
    CPPUNIT_ASSERT(run_until([&] {
      loop_.request_turn();
      return count-- == 0;
    }));
  }

  EventLoop loop_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(EventLoopTest);

}  // namespace rkv::rpc
