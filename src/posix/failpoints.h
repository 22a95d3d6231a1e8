#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/failpoint.h"
#include "base/random.h"
#include "base/status.h"
#include "base/time.h"

// What is to go wrong at which failpoints, as one line of text:
//
//   line   = item { ";" item }
//   item   = name "=" action [ "@" N | "%" P ]  |  "seed=" N
//   action = "kill" | "delay:" MS | "fail"
//
// kill ends the process as `kill -9` does; delay holds up the thread so many milliseconds, 60,000
// at most; fail has the operation fail, at the failpoints that can. It happens the Nth time that
// the failpoint is reached, from 1; or with a probability of P percent, 1 to 100, each time;
// without either, each time. The seed (1) decides on the latter: at each failpoint the same times
// are drawn in every run. For example
//
//   disk_before_sync=kill@3;peers_before_send=delay:50%10;seed=7

namespace rkv::posix {

enum class FailpointActionKind { kKill, kDelay, kFail };

// When something happens at a failpoint.
struct FailpointTimes {
  std::uint64_t only = 0;       // the time, from 1; 0: not one only
  std::uint64_t percent = 100;  // of the times
};

// An item of the line.
struct FailpointOrder {
  std::string name;
  FailpointActionKind action = FailpointActionKind::kKill;
  Duration delay;  // of kDelay
  FailpointTimes times;
};

struct FailpointOrders {
  std::vector<FailpointOrder> orders;  // one for a name at most
  std::uint64_t seed = 1;
};

// The reason of a failure is one line that names the item which is wrong.
Result<FailpointOrders> parse_failpoints(std::string_view line);

// Counts the times that a failpoint is reached and says at which something happens. Any thread.
class FailpointTrigger {
 public:
  FailpointTrigger(FailpointTimes times, std::uint64_t seed) : times_(times), random_(seed) {}
  // Whether it happens this time.
  bool fires();

 private:
  const FailpointTimes times_;
  std::mutex mutex_;
  // Under mutex_:
  std::uint64_t reached_ = 0;
  Random random_;
};

// The names of all failpoints of this program, sorted, a line for each.
std::string failpoint_names();

// What was armed; ends with it.
class ArmedFailpoints {
 public:
  // Before the program starts its threads. An empty line arms nothing. Fails, and arms nothing, if
  // the line is wrong, there is no failpoint of one of its names, or one is to fail that cannot.
  static Result<std::unique_ptr<ArmedFailpoints>> arm(std::string_view line);
  // After they have ended.
  ~ArmedFailpoints();
  ArmedFailpoints(const ArmedFailpoints&) = delete;
  ArmedFailpoints& operator=(const ArmedFailpoints&) = delete;

 private:
  struct Armed {
    Failpoint* failpoint;
    std::unique_ptr<Failpoint::Action> action;
  };
  ArmedFailpoints() = default;

  std::vector<Armed> armed_;
};

}  // namespace rkv::posix
