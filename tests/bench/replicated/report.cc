#include "report.h"

#include <fmt/core.h>

#include <algorithm>

namespace rkv::bench {
namespace {

// At kGoalDepth in flight: so many times etcd's operations per second.
constexpr std::size_t kGoalDepth = 256;
struct RatioGoal {
  const char* system;
  const char* workload;
  double goal;
};
constexpr RatioGoal kRatioGoals[] = {{"paxos", "write", 4},
                                     {"paxos", "write-leader", 4},
                                     {"paxos", "read", 15},
                                     {"paxos", "read-leader", 15},
                                     {"2pc", "write", 2.5}};
// With one in flight, paxos: so many times what cannot be done without.
constexpr double kWriteFloorGoal = 1.4;
constexpr double kReadFloorGoal = 1.3;

// The median of a figure by itself.
template <typename T>
double median(const std::vector<T>& runs, double T::*figure) {
  std::vector<double> values;
  values.reserve(runs.size());
  for (const T& run : runs) values.push_back(run.*figure);
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

LoadResult medians_of(const std::vector<LoadResult>& runs) {
  LoadResult result;
  for (double LoadResult::*figure :
       {&LoadResult::operations_per_second, &LoadResult::p50_us, &LoadResult::p99_us,
        &LoadResult::server_cpu_us, &LoadResult::generator_cpu_us, &LoadResult::peak_memory_mib}) {
    result.*figure = median(runs, figure);
  }
  for (const LoadResult& run : runs) result.errors += run.errors;
  return result;
}

const char* verdict(bool is_reached) { return is_reached ? "reached" : "MISSED"; }

}  // namespace

Report::Report(std::size_t replicas) : replicas_(replicas) {
  fmt::print("{} replicas: latencies in microseconds, CPU in milliseconds for 1,000 operations\n\n",
             replicas);
  fmt::print("{:12} {:>6} {:6} {:>10} {:>8} {:>9} {:>9} {:>9} {:>7} {:>7}\n", "workload", "flight",
             "system", "ops/s", "p50", "p99", "servers", "generator", "MiB", "errors");
}

void Report::add(const std::string& system, const LoadPlan& plan,
                 const std::vector<LoadResult>& runs) {
  const LoadResult result = medians_of(runs);
  medians_[{system, plan.workload.name, plan.in_flight}] = result;
  fmt::print("{:12} {:>6} {:6} {:>10.0f} {:>8.0f} {:>9.0f} {:>9.2f} {:>9.2f} {:>7.0f} {:>7.0f}\n",
             plan.workload.name, plan.in_flight, system, result.operations_per_second,
             result.p50_us, result.p99_us, result.server_cpu_us, result.generator_cpu_us,
             result.peak_memory_mib, result.errors);
}

const LoadResult* Report::find(const std::string& system, const char* workload,
                               std::size_t in_flight) const {
  const auto found = medians_.find({system, workload, in_flight});
  return found == medians_.end() ? nullptr : &found->second;
}

void Report::print_ratio_goal(const char* system, const char* workload, double goal) const {
  const LoadResult* const ours = find(system, workload, kGoalDepth);
  const LoadResult* const theirs = find("etcd", workload, kGoalDepth);
  if (ours == nullptr || theirs == nullptr) return;
  const double ratio = ours->operations_per_second / theirs->operations_per_second;
  fmt::print("{:6} {:12} {:>4}: {:5.2f} times etcd's operations per second; goal {:g}: {}\n",
             system, workload, kGoalDepth, ratio, goal, verdict(ratio >= goal));
}

void Report::print_floor_goal(const char* workload, const std::string& floor_text, double floor_us,
                              double goal) const {
  const LoadResult* const ours = find("paxos", workload, 1);
  if (ours == nullptr) return;
  const double ratio = ours->p50_us / floor_us;
  fmt::print("{:6} {:12} {:>4}: {:5.2f} times {} ({:.0f} us); goal {:g}: {}\n", "paxos", workload,
             1, ratio, floor_text, floor_us, goal, verdict(ratio <= goal));
}

void Report::print_goals() const {
  fmt::print("\nGoals, {} replicas:\n", replicas_);
  for (const RatioGoal& each : kRatioGoals) {
    print_ratio_goal(each.system, each.workload, each.goal);
  }
  if (!floors_.empty()) {
    const double round_trip = median(floors_, &Floor::round_trip_us);
    const double sync = median(floors_, &Floor::sync_us);
    print_floor_goal(
        "write-leader",
        fmt::format("two round trips ({:.0f} us) + a sync ({:.0f} us)", round_trip, sync),
        2 * round_trip + sync, kWriteFloorGoal);
    print_floor_goal("read-leader", "a round trip", round_trip, kReadFloorGoal);
  }
  fmt::print("\n");
}

std::string to_json(std::size_t replicas, const std::string& system, const LoadPlan& plan,
                    const LoadResult& result) {
  return fmt::format(
      R"({{"replicas":{},"system":"{}","workload":"{}","in_flight":{},"connections":{},)"
      R"("ops_per_s":{:.0f},"p50_us":{:.1f},"p99_us":{:.1f},"server_cpu_us":{:.2f},)"
      R"("generator_cpu_us":{:.2f},"peak_memory_mib":{:.1f},"errors":{:.0f}}})",
      replicas, system, plan.workload.name, plan.in_flight, plan.connections,
      result.operations_per_second, result.p50_us, result.p99_us, result.server_cpu_us,
      result.generator_cpu_us, result.peak_memory_mib, result.errors);
}

std::string to_json(std::size_t replicas, const Floor& floor) {
  return fmt::format(R"({{"replicas":{},"round_trip_us":{:.1f},"sync_us":{:.1f}}})", replicas,
                     floor.round_trip_us, floor.sync_us);
}

}  // namespace rkv::bench
