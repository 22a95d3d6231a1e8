#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/log_record.h"
#include "base/random.h"
#include "sim/counters.h"
#include "sim/host.h"
#include "sim/log_medium.h"
#include "sim/scheduler.h"

namespace rkv::sim {

// A log without files, as fast as a simulation can have one: batches in memory. A crash keeps any
// number of the first of those that were not synced.
class SimLog final : public LogMedium, public EventHandler {
 public:
  static constexpr Duration kSyncMean = microseconds(100);

  // What is passed by reference must outlive the object.
  SimLog(Scheduler& scheduler, Host& host, std::uint64_t seed, Counters& counters);
  ~SimLog() override;
  SimLog(const SimLog&) = delete;
  SimLog& operator=(const SimLog&) = delete;

  Result<std::unique_ptr<env::LogDevice>> open() override;
  void crash() override;
  void stall(Duration time) override;
  void set_sync_time(Duration mean) override { sync_mean_ = mean; }
  void fail_next_sync() override { fails_ = true; }
  void set_full(bool full) override { full_ = full; }
  // Loses a few records in a row. The standing is as it was.
  bool rot() override;

  void handle(EventKind kind, std::uint64_t argument) override;

 private:
  class Device;
  using BatchNumber = env::LogDevice::BatchNumber;

  void append(LogBatch batch);
  void begin_sync();
  void synced();
  void keep(LogBatch batch);
  void cut(Position slot);

  Scheduler& scheduler_;
  Host& host_;
  Random random_;
  Counters& counters_;
  Duration sync_mean_ = kSyncMean;
  TimePoint stalled_until_;
  bool fails_ = false;
  bool full_ = false;

  // What a crash leaves.
  std::vector<LogRecord> records_;
  std::string standing_;
  std::optional<Position> lost_up_to_;
  Position cut_ = 0;
  std::size_t kept_at_last_cut_ = 0;

  // Of this process; events of an earlier one are told by its number.
  std::uint32_t process_ = 0;
  Device* device_ = nullptr;
  std::deque<LogBatch> unsynced_;
  std::size_t syncing_ = 0;  // so many of the first
  BatchNumber synced_ = 0;
};

}  // namespace rkv::sim
