#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../histogram.h"
#include "base/random.h"
#include "rpc/event_loop.h"
#include "store.h"

namespace rkv::bench {

// What a cluster is asked.
struct Workload {
  const char* name;
  std::uint64_t read_percent;
  bool at_leader;  // or spread over all replicas
};

struct LoadPlan {
  Workload workload{};
  std::size_t in_flight = 1;
  std::size_t connections = 1;  // at most, but one to each replica that is asked
  double seconds = 1;
};

// Times are of the clock, but those that say cpu.
struct LoadResult {
  double operations_per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
  double server_cpu_us = 0;     // for one operation, of all replicas together
  double generator_cpu_us = 0;  // the same, of this process
  double peak_memory_mib = 0;   // of the replica that has the most
  double errors = 0;            // operations that failed; each is tried again
};

// The keys and values of the bench.
class DataSet {
 public:
  static constexpr std::size_t kKeys = 10'000;

  DataSet();
  const std::string& key(std::size_t index) const { return keys_[index]; }
  // Random bytes.
  std::string_view random_value(Random& random) const;

 private:
  std::vector<std::string> keys_;
  std::string bytes_;  // a value is any part of them
};

// The generator: so many operations under way at any time, each that ends brings the next one. What
// arrived together leaves together, on each connection. One thread.
class ClosedLoop final : private OperationSink {
 public:
  ClosedLoop(Store& store, const DataSet& data, std::size_t leader, const LoadPlan& plan);
  ~ClosedLoop();

  // Puts every key once.
  void populate();
  LoadResult run();

 private:
  void start(std::size_t slot);
  void operation_ended(std::size_t slot, bool is_done) override;
  void wait_for(const std::function<bool()>& done);

  Store& store_;
  const DataSet& data_;
  const LoadPlan plan_;
  Random random_;
  rpc::EventLoop loop_;
  std::vector<std::unique_ptr<StoreConnection>> connections_;

  struct Slot {
    std::size_t connection = 0;
    TimePoint started;
    bool failed_before = false;
  };
  std::vector<Slot> slots_;
  std::size_t connection_step_ = 0;
  std::size_t under_way_ = 0;
  std::size_t keys_left_ = 0;  // to populate
  TimePoint count_from_;
  TimePoint end_;
  std::uint64_t errors_ = 0;
  Histogram latencies_;
};

}  // namespace rkv::bench
