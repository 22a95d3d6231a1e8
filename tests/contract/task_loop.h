#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace rkv::contract {

// The least of an event loop: tasks posted from any thread are run by whoever waits for something.
class TaskLoop {
 public:
  void post(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
  }

  // Runs tasks, one after another, until the condition holds. False if that takes too long.
  bool run_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    std::unique_lock lock(mutex_);
    while (true) {
      lock.unlock();
      const bool reached = condition();
      lock.lock();
      if (reached) return true;
      if (!changed_.wait_until(lock, deadline, [this] { return !tasks_.empty(); })) return false;
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }

 private:
  static constexpr std::chrono::seconds kPatience{30};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
};

}  // namespace rkv::contract
