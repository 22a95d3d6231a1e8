#pragma once

#include <algorithm>
#include <chrono>

namespace rkv::attacks {

using Clock = std::chrono::steady_clock;
using Duration = std::chrono::milliseconds;
using std::chrono::milliseconds;

// How long a call may go unanswered; longer is "stalled". Two seconds.
Duration patience();
// Makes it so many times as long, for servers that are slow by themselves. Before there are
// threads.
void multiply_patience(int factor);

// A point in time that a wait ends at.
class Deadline {
 public:
  explicit Deadline(Duration limit) : end_(Clock::now() + limit) {}
  bool passed() const { return Clock::now() >= end_; }
  // Milliseconds from now, rounded up, 0 or more; for poll().
  int left_ms() const {
    const auto left = std::chrono::ceil<milliseconds>(end_ - Clock::now()).count();
    return static_cast<int>(std::max<milliseconds::rep>(0, left));
  }

 private:
  Clock::time_point end_;
};

// Pauses; ends with Interrupted when this process is told to stop.
void pause_for(Duration time);
// Throws Interrupted when this process was told to stop.
void check_interrupted();
// From now on SIGINT, SIGTERM and SIGHUP are noted, for check_interrupted().
void note_interrupts();

struct Interrupted {};

}  // namespace rkv::attacks
