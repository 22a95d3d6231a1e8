#include "sim/disk_log.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "storage/segmented_log.h"

namespace rkv::sim {

DiskLog::DiskLog(Scheduler& scheduler, Host& host, std::uint64_t seed, Counters& counters)
    : scheduler_(scheduler),
      host_(host),
      random_(seed),
      counters_(counters),
      tasks_(scheduler, &host),
      disk_(random_, [this](Duration delay, std::function<void()> task) {
        const Duration stall = stalled_until_ - scheduler_.now();
        tasks_.after(std::max(delay, stall), std::move(task));
      }) {}

Result<std::unique_ptr<env::LogDevice>> DiskLog::open() {
  storage::SegmentedLog::Options options;
  options.segment_size = kSegmentSize;
  options.reserve = 2 * kSegmentSize;
  options.fatal = [this](const Status& failure) {
    ++counters_.disk_errors;
    host_.fatal(failure);
  };
  Result<std::unique_ptr<storage::SegmentedLog>> opened =
      storage::SegmentedLog::open(disk_, options);
  if (!opened.ok()) return opened.status();
  return std::unique_ptr<env::LogDevice>(std::move(opened).value());
}

void DiskLog::crash() {
  const std::uint64_t before = disk_.counters().writes_dropped + disk_.counters().writes_torn;
  disk_.crash();
  counters_.batches_lost += disk_.counters().writes_dropped + disk_.counters().writes_torn - before;
}

void DiskLog::set_sync_time(Duration mean) {
  disk_.faults().delay_mean = std::max(mean, disk_.faults().delay_min);
}

void DiskLog::fail_next_sync() { disk_.faults().failing_change = disk_.counters().changes + 1; }

// There is room for one more segment, and so for what must be written.
void DiskLog::set_full(bool full) {
  disk_.faults().capacity = UINT64_MAX;
  if (full) disk_.faults().capacity = UINT64_MAX - disk_.free_bytes() + kSegmentSize * 3 / 2;
}

}  // namespace rkv::sim
