#pragma once

#include <cstdint>
#include <memory>

#include "base/random.h"
#include "sim/counters.h"
#include "sim/host.h"
#include "sim/log_medium.h"
#include "sim/scheduler.h"
#include "sim/sim_disk.h"
#include "sim/tasks.h"

namespace rkv::sim {

// The real segmented log on a simulated disk.
class DiskLog final : public LogMedium {
 public:
  // What is passed by reference must outlive the object.
  DiskLog(Scheduler& scheduler, Host& host, std::uint64_t seed, Counters& counters);

  Result<std::unique_ptr<env::LogDevice>> open() override;
  void crash() override;
  void stall(Duration time) override { stalled_until_ = scheduler_.now() + time; }
  void set_sync_time(Duration mean) override;
  void fail_next_sync() override;
  void set_full(bool full) override;
  bool rot() override { return disk_.rot(); }

 private:
  // Small, so that runs go through many.
  static constexpr std::size_t kSegmentSize = std::size_t{128} << 10;  // bytes

  Scheduler& scheduler_;
  Host& host_;
  Random random_;
  Counters& counters_;
  Tasks tasks_;
  SimDisk disk_;
  TimePoint stalled_until_;
};

}  // namespace rkv::sim
