#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "base/time.h"

namespace rkv::sim {

// What can happen in a simulation. A kind belongs to one handler, which says what its argument is.
enum class EventKind : std::uint32_t {
  kStep,            // the schedule's next step
  kPhase,           // the next phase of the run
  kTurn,            // a replica works on what came
  kWake,            // a replica's timer
  kRestart,         // a crashed replica starts again
  kResume,          // a paused replica goes on
  kFatal,           // a replica ends because of its disk
  kStartRole,       // a stopped role of a replica starts again
  kDeliver,         // a packet arrives
  kLateCalls,       // calls over a link have waited too long
  kCallEnded,       // a call that failed is told so
  kHint,            // a replica looks again whether another one can be reached
  kSynced,          // the disk has a batch
  kSyncTold,        // and the replica hears of it
  kStoreWritten,    // the image of the state is complete
  kClientCall,      // a client's call arrives at a replica
  kClientReply,     // and the reply at the client
  kAttemptTimeout,  // a client waits no longer for a reply
  kRetry,           // a client asks another replica
  kGiveUp,          // a client has had enough
  kTask,            // a callback of somebody else
};

// Who is told of an event.
class EventHandler {
 public:
  virtual void handle(EventKind kind, std::uint64_t argument) = 0;

 protected:
  ~EventHandler() = default;
};

// Simulated time, and everything that is to happen in it, one event after the other: by time, and
// at one time in the order of scheduling. Events are a few words, so that millions a second can be
// had: who schedules one keeps what belongs to it. Handlers must outlive the events meant for them.
// The hash over all of it is equal for two runs that did the same.
class Scheduler {
 public:
  // True time: what no replica knows. Begins at zero.
  TimePoint now() const { return now_; }

  void at(TimePoint time, EventHandler& handler, EventKind kind, std::uint64_t argument = 0);
  void after(Duration delay, EventHandler& handler, EventKind kind, std::uint64_t argument = 0) {
    at(now_ + delay, handler, kind, argument);
  }

  // Lets the next event happen; false if there is none.
  bool run_next();
  // When that is; kNever if there is none.
  TimePoint next_time() const { return heap_.empty() ? kNever : heap_.front().time; }

  std::uint64_t events() const { return events_; }  // that have happened

  // Makes something a part of the hash that its events do not say: a number drawn, a content.
  void note(std::uint64_t what) {
    constexpr std::uint64_t kOddMultiplier = 0x9E3779B97F4A7C15U;
    hash_ = (hash_ ^ what) * kOddMultiplier;
    hash_ ^= hash_ >> 29;
  }
  std::uint64_t trace_hash() const { return hash_; }

  // Prints a line about what happens to stdout, if that is wanted.
  template <typename... Args>
  void trace(fmt::format_string<Args...> format, Args&&... args) const {
    if (!transcript_) [[likely]]
      return;
    fmt::print("{:>10} {:>12.6f} {}\n", events_, static_cast<double>(now_.ns) / 1e9,
               fmt::format(format, std::forward<Args>(args)...));
  }
  bool has_transcript() const { return transcript_; }
  void set_transcript(bool wanted) { transcript_ = wanted; }

 private:
  struct Event {
    TimePoint time;
    std::uint64_t sequence;
    EventHandler* handler;
    std::uint64_t argument;
    EventKind kind;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
    }
  };

  TimePoint now_;
  std::vector<Event> heap_;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t hash_ = 0;
  bool transcript_ = false;
};

}  // namespace rkv::sim
