#include "rpc/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "base/check.h"

namespace rkv::rpc {
namespace {

constexpr int kEventsPerTurnMax = 256;
constexpr std::uint64_t kDescriptorMask = 0xFFFFFFFF;

// A ready event names the descriptor and the generation of its watch: an event of a watch that was
// taken back earlier in the same turn is thereby told from one of its successor.
std::uint64_t event_key(int descriptor, std::uint32_t generation) {
  return static_cast<std::uint64_t>(generation) << 32 | static_cast<std::uint32_t>(descriptor);
}

}  // namespace

EventLoop::EventLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      now_(read_clock()) {
  RKV_CHECK(epoll_ >= 0 && wake_event_ >= 0, "no descriptors left for an event loop");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = event_key(wake_event_, 0);
  RKV_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_event_, &event) == 0, "epoll takes an eventfd");
}

EventLoop::~EventLoop() {
  RKV_CHECK(in_loop_thread(), "an event loop is destroyed while it runs");
  close(wake_event_);
  close(epoll_);
}

TimePoint EventLoop::read_clock() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return {time.tv_sec * 1'000'000'000 + time.tv_nsec};
}

bool EventLoop::in_loop_thread() const {
  const std::thread::id runner = runner_.load(std::memory_order_acquire);
  return runner == std::thread::id() || runner == std::this_thread::get_id();
}

void EventLoop::run() {
  runner_.store(std::this_thread::get_id(), std::memory_order_release);
  while (!stopping_.load(std::memory_order_acquire)) turn(kNever);
  stopping_.store(false, std::memory_order_release);
  runner_.store(std::thread::id(), std::memory_order_release);
}

bool EventLoop::run_until(const std::function<bool()>& done, TimePoint deadline) {
  runner_.store(std::this_thread::get_id(), std::memory_order_release);
  bool is_done = done();
  while (!is_done && read_clock() < deadline) {
    turn(deadline);
    is_done = done();
  }
  runner_.store(std::thread::id(), std::memory_order_release);
  return is_done;
}

void EventLoop::stop() {
  stopping_.store(true, std::memory_order_release);
  wake();
}

void EventLoop::wake() {
  // Only write() is called here: this runs in signal handlers too, which must leave errno as it
  // was. A full counter wakes as well.
  const int error_before = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_event_, &one, sizeof one);
  errno = error_before;
}

void EventLoop::post(Task task) {
  bool was_empty = false;
  {
    const std::lock_guard<std::mutex> lock(posted_mutex_);
    was_empty = posted_.empty();
    posted_.push_back(std::move(task));
  }
  if (was_empty) wake();
}

EventLoop::TimerId EventLoop::add_timer(TimePoint when, Task task) {
  const TimerId id = next_timer_++;
  when = std::max(when, now_);  // so that run_due_timers() tells by the id what is new
  timers_.emplace(std::pair(when, id), std::move(task));
  timer_times_.emplace(id, when);
  return id;
}

void EventLoop::cancel_timer(TimerId id) {
  const auto found = timer_times_.find(id);
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, id});
  timer_times_.erase(found);
}

void EventLoop::watch(int descriptor, std::uint32_t events, Handler* handler) {
  RKV_CHECK(descriptor >= 0 && handler != nullptr, "a watch needs a descriptor and a handler");
  const auto index = static_cast<std::size_t>(descriptor);
  if (watches_.size() <= index) watches_.resize(index + 1);
  Watch& watch = watches_[index];
  const bool is_new = watch.handler == nullptr;
  if (!is_new && watch.events == events) {
    watch.handler = handler;
    return;
  }
  if (is_new) watch.generation = next_generation_++;
  watch.handler = handler;
  watch.events = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = event_key(descriptor, watch.generation);
  const int operation = is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  RKV_CHECK(epoll_ctl(epoll_, operation, descriptor, &event) == 0, "epoll takes every descriptor");
}

void EventLoop::unwatch(int descriptor) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (descriptor < 0 || index >= watches_.size() || watches_[index].handler == nullptr) return;
  watches_[index] = Watch();
  epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
}

EventLoop::HookId EventLoop::add_turn_hook(TurnPhase phase, Task task) {
  hooks_.push_back({next_hook_, phase, std::move(task)});
  return next_hook_++;
}

void EventLoop::remove_turn_hook(HookId id) {
  std::erase_if(hooks_, [id](const Hook& hook) { return hook.id == id; });
}

void EventLoop::turn(TimePoint wait_until) {
  wait_and_dispatch(wait_until);
  run_posted();
  run_due_timers();
  run_hooks(TurnPhase::kStep);
  run_hooks(TurnPhase::kFlush);
}

void EventLoop::wait_and_dispatch(TimePoint wait_until) {
  if (!timers_.empty()) wait_until = std::min(wait_until, timers_.begin()->first.first);
  int timeout_ms = -1;
  if (turn_requested_) {
    timeout_ms = 0;
  } else if (wait_until != kNever) {
    const Duration wait = wait_until - read_clock();
    // Rounded up, so that a timer is due when the wait for it ends.
    const std::int64_t wait_ms = wait.ns <= 0 ? 0 : (wait.ns + 999'999) / 1'000'000;
    timeout_ms = static_cast<int>(std::min<std::int64_t>(wait_ms, 60'000));
  }
  turn_requested_ = false;
  std::array<epoll_event, kEventsPerTurnMax> events;
  const int count = epoll_wait(epoll_, events.data(), kEventsPerTurnMax, timeout_ms);
  RKV_CHECK(count >= 0 || errno == EINTR, "epoll_wait works on its own descriptor");
  now_ = read_clock();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const auto descriptor = static_cast<std::size_t>(event.data.u64 & kDescriptorMask);
    if (static_cast<int>(descriptor) == wake_event_) {
      std::uint64_t counter = 0;
      [[maybe_unused]] const ssize_t size = read(wake_event_, &counter, sizeof counter);
      continue;
    }
    const auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
    if (descriptor >= watches_.size()) continue;
    const Watch& watch = watches_[descriptor];
    if (watch.handler == nullptr || watch.generation != generation) continue;
    watch.handler->on_ready(event.events);
  }
}

void EventLoop::run_posted() {
  std::vector<Task> tasks;
  {
    const std::lock_guard<std::mutex> lock(posted_mutex_);
    tasks.swap(posted_);
  }
  for (Task& task : tasks) task();
}

void EventLoop::run_due_timers() {
  // A timer that is added by one of these runs in the next turn at the earliest: no loop without
  // end.
  const std::pair<TimePoint, TimerId> last{now_, next_timer_ - 1};
  while (!timers_.empty() && timers_.begin()->first <= last) {
    auto node = timers_.extract(timers_.begin());
    timer_times_.erase(node.key().second);
    node.mapped()();
  }
}

void EventLoop::run_hooks(TurnPhase phase) {
  // By id, of which they are in the order, and by copy: a hook may add hooks, and may remove any.
  HookId last = 0;
  while (true) {
    const auto next = std::find_if(hooks_.begin(), hooks_.end(), [last, phase](const Hook& hook) {
      return hook.id > last && hook.phase == phase;
    });
    if (next == hooks_.end()) return;
    last = next->id;
    const Task task = next->task;
    task();
  }
}

}  // namespace rkv::rpc
