#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"

namespace rkv::rpc {

// A single-threaded loop over epoll: descriptors, timers, tasks posted from other threads, and
// hooks at the end of each turn.
//
// One turn: wait for readiness, a task or a timer; handle every ready descriptor; run the tasks
// that were posted; run the timers that are due; run the hooks of TurnPhase::kStep, then those of
// kFlush. So what arrived together is worked on together, and what it produced leaves in one write.
//
// Everything but post() and stop() is for the thread that runs the loop, and for the time before
// run(). Callbacks may add and remove descriptors, timers and hooks, their own included.
class EventLoop {
 public:
  // Told when a watched descriptor is ready. Not owned; must be unwatched before it goes.
  class Handler {
   public:
    virtual ~Handler() = default;
    // `events` is a set of EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP.
    virtual void on_ready(std::uint32_t events) = 0;
  };

  using Task = std::function<void()>;
  using TimerId = std::uint64_t;  // 0 is no timer
  using HookId = std::uint64_t;
  enum class TurnPhase { kStep, kFlush };

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs turns until stop(). Returns at the end of the turn in which stop() was seen.
  void run();
  // Runs turns until `done` returns true (then true), or until `deadline` (then false).
  bool run_until(const std::function<bool()>& done, TimePoint deadline);
  // From any thread, and from a signal handler.
  void stop();

  // Runs `task` on the loop's thread, in the order of posting. From any thread. Tasks that are
  // posted and never run are destroyed with the loop.
  void post(Task task);

  // CLOCK_BOOTTIME as read when this turn's readiness was known.
  TimePoint now() const { return now_; }
  // The same clock read at this moment.
  static TimePoint read_clock();

  // Runs `task` once, in the first turn at or after `when`.
  TimerId add_timer(TimePoint when, Task task);
  // Does nothing if the timer has run or is 0.
  void cancel_timer(TimerId id);

  // Watches a descriptor, level-triggered, for `events` (EPOLLIN, EPOLLOUT or both; errors and
  // hangups are always reported). Watching one that is watched changes its events and handler.
  void watch(int descriptor, std::uint32_t events, Handler* handler);
  // Must come before the descriptor is closed. No call of the handler comes after.
  void unwatch(int descriptor);

  // Runs `task` at the end of every turn, in its phase, in the order of adding.
  HookId add_turn_hook(TurnPhase phase, Task task);
  void remove_turn_hook(HookId id);
  // Makes the next turn begin at once, without waiting for readiness: there is work left over.
  void request_turn() { turn_requested_ = true; }

  // Whether the caller may use the loop: it is the thread that runs it, or nobody runs it.
  bool in_loop_thread() const;

 private:
  struct Watch {
    Handler* handler = nullptr;
    std::uint32_t events = 0;
    std::uint32_t generation = 0;
  };
  struct Hook {
    HookId id = 0;
    TurnPhase phase = TurnPhase::kStep;
    Task task;
  };

  void turn(TimePoint wait_until);
  void wait_and_dispatch(TimePoint wait_until);
  void run_posted();
  void run_due_timers();
  void run_hooks(TurnPhase phase);
  void wake();

  int epoll_ = -1;
  int wake_event_ = -1;
  TimePoint now_;
  bool turn_requested_ = false;
  std::atomic<bool> stopping_{false};
  std::atomic<std::thread::id> runner_{};

  std::vector<Watch> watches_;  // by descriptor
  std::uint32_t next_generation_ = 1;

  std::map<std::pair<TimePoint, TimerId>, Task> timers_;
  std::unordered_map<TimerId, TimePoint> timer_times_;
  TimerId next_timer_ = 1;

  std::vector<Hook> hooks_;
  HookId next_hook_ = 1;

  std::mutex posted_mutex_;
  std::vector<Task> posted_;  // guarded by posted_mutex_
};

}  // namespace rkv::rpc
