#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace rkv::sim {

// What is done to a simulated cluster from outside. Replicas and clients are meant by their index.
enum class StepKind : std::uint32_t {
  kPut,  // client a puts key b, asking replica c first
  kGet,  // the same
  kDel,  // the same
  // The rest of what clients do: who and whom as before, the rest is drawn from b (see Workload).
  kPutIf,          // a put with a condition
  kDelIf,          // the same, a del
  kIncr,           // counts
  kAppend,         // appends
  kTransfer,       // from one account to another
  kTransact,       // a transaction over some keys
  kBulk,           // one that removes ranges and compares revisions
  kGetMany,        // reads several keys, of any consistency
  kSequentialGet,  // reads one key, of sequential consistency
  kEventualGet,    // the same, eventual
  kList,           // goes through a range, page by page
  kCrash,          // replica a, for b ms
  kCrashAll,       // every replica, each for up to b ms
  kPause,          // replica a, for b ms
  kPartition,      // of shape a; who is where is drawn from b
  kHeal,           // links as they should be
  kClog,           // the link from a to b is slower by c ms, for a second
  kLoss,           // a of a thousand messages are lost from now on
  kDuplicates,     // the same, arrive twice
  kReordering,     // the same, may overtake others
  kDelay,          // messages take a us more, in the mean
  kWrongHint,      // replica a is told that b is up when it is down, or the other way round
  kReplyLoss,      // a of a thousand replies to clients are lost from now on
  kSyncStall,      // the disk of replica a stands still for b ms
  kSyncTime,       // the disk of replica a takes b us for a sync from now on, in the mean
  kDiskError,      // the next sync of replica a fails
  kDiskFull,       // the disk of replica a is full, if b, or is not any more
  kRot,            // replica a crashes, its log rots, and it is back after b ms
  kDrift,          // the clock of replica a is b - kDriftBias millionths too fast from now on
  kStopRole,       // role b of replica a stops, for c ms
};
constexpr std::size_t kStepKinds = static_cast<std::size_t>(StepKind::kStopRole) + 1;
constexpr std::uint32_t kDriftBias = 1'000'000;

std::string_view to_string(StepKind kind);
inline bool is_operation(StepKind kind) { return kind <= StepKind::kList; }

struct Step {
  TimePoint at;
  StepKind kind = StepKind::kPut;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
};

// One line, as a person reads it: "1.250000 crash 2 500".
std::string to_string(const Step& step);

// All that happens to a cluster from outside, in the order of time. What the network and the disks
// draw by themselves is not in it.
using Schedule = std::vector<Step>;

// How much is to happen.
struct ScheduleOptions {
  std::size_t replicas = 3;
  std::size_t clients = 6;
  Duration length = seconds(60);
  // The fault kinds that are drawn from: each of them is on in a seed with probability 1/2.
  bool faults = true;
  bool has_log = true;  // faults of the log's disk and of roles are among them
  bool rot = true;
  bool has_transactions = true;  // what clients do other than put, get and del is among the steps
  bool has_total_order = true;   // the same, of what needs one order of all writes
  // Operations a second, between these two.
  double operations_min = 25;
  double operations_max = 60;
};

// The schedule of a seed: operations of clients on a few keys, and at least 20 faults.
Schedule make_schedule(std::uint64_t seed, const ScheduleOptions& options);

}  // namespace rkv::sim
