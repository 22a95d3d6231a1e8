#include "sim/sim_log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/draw.h"

namespace rkv::sim {

// The log as one process has it open.
class SimLog::Device final : public env::LogDevice {
 public:
  Device(SimLog& log, Recovered recovered) : log_(log), recovered_(std::move(recovered)) {
    log_.device_ = this;
  }
  ~Device() override { log_.device_ = nullptr; }

  Recovered take_recovered() override { return std::exchange(recovered_, {}); }
  void read_again(ReadDone done) override {
    readings_.emplace_back(appended_, std::move(done));
    read_if_due();
  }
  BatchNumber append(Batch batch) override {
    log_.append(std::move(batch));
    return ++appended_;
  }
  BatchNumber durable() const override { return durable_; }
  void set_durable_listener(DurableListener listener) override { listener_ = std::move(listener); }
  void cut(Position slot) override { log_.cut(slot); }
  // Nothing above the cut goes, so that nothing has to be written again.
  void set_live_records(LiveRecords /*live*/) override {}
  bool has_room() override { return !log_.full_; }
  std::uint64_t size() const override { return log_.records_.size(); }

  void tell(BatchNumber durable) {
    durable_ = durable;
    if (listener_) listener_(durable);
    read_if_due();
  }

 private:
  // In one moment: nothing can come in between.
  void read_if_due() {
    while (!readings_.empty() && readings_.front().first <= durable_) {
      const ReadDone done = std::move(readings_.front().second);
      readings_.pop_front();
      done({log_.records_, log_.standing_, log_.lost_up_to_});
    }
  }

  SimLog& log_;
  Recovered recovered_;
  DurableListener listener_;
  BatchNumber appended_ = 0;
  BatchNumber durable_ = 0;
  std::deque<std::pair<BatchNumber, ReadDone>> readings_;  // and the batch that each waits for
};

SimLog::SimLog(Scheduler& scheduler, Host& host, std::uint64_t seed, Counters& counters)
    : scheduler_(scheduler), host_(host), random_(seed), counters_(counters) {}

SimLog::~SimLog() = default;

Result<std::unique_ptr<env::LogDevice>> SimLog::open() {
  RKV_CHECK(device_ == nullptr, "a log is opened by one process at a time");
  ++process_;
  synced_ = 0;
  return std::unique_ptr<env::LogDevice>(
      std::make_unique<Device>(*this, RecoveredLog{records_, standing_, lost_up_to_}));
}

void SimLog::append(LogBatch batch) {
  unsynced_.push_back(std::move(batch));
  if (syncing_ == 0) begin_sync();
}

void SimLog::begin_sync() {
  syncing_ = unsynced_.size();
  constexpr Duration kSyncMin = microseconds(50);
  const TimePoint done = scheduler_.now() + kSyncMin + draw_exponential(random_, sync_mean_);
  scheduler_.at(std::max(done, stalled_until_), *this, EventKind::kSynced, process_);
}

void SimLog::synced() {
  if (scheduler_.now() < stalled_until_) {
    scheduler_.at(stalled_until_, *this, EventKind::kSynced, process_);
    return;
  }
  if (std::exchange(fails_, false)) {
    ++counters_.disk_errors;
    host_.fatal(Status::internal("a sync of the log failed"));
    return;
  }
  ++counters_.syncs;
  for (; syncing_ > 0; --syncing_) {
    keep(std::move(unsynced_.front()));
    unsynced_.pop_front();
    ++synced_;
  }
  if (!unsynced_.empty()) begin_sync();
  handle(EventKind::kSyncTold, static_cast<std::uint64_t>(process_) << 32 | synced_);
}

void SimLog::keep(LogBatch batch) {
  for (LogRecord& record : batch.records) records_.push_back(std::move(record));
  standing_ = std::move(batch.standing);
}

void SimLog::cut(Position slot) {
  cut_ = std::max(cut_, slot);
  if (lost_up_to_ && cut_ >= *lost_up_to_) lost_up_to_.reset();
  constexpr std::size_t kSlack = 1024;  // records that may be there for nothing
  if (records_.size() < 2 * kept_at_last_cut_ + kSlack) return;
  std::erase_if(records_, [this](const LogRecord& record) { return record.slot <= cut_; });
  kept_at_last_cut_ = records_.size();
}

void SimLog::crash() {
  RKV_CHECK(device_ == nullptr, "a process ends before its disk's writes do");
  ++process_;
  const std::uint64_t kept = random_.below(unsynced_.size() + 1);
  for (std::uint64_t i = 0; i < kept; ++i) keep(std::move(unsynced_[i]));
  counters_.batches_lost += unsynced_.size() - kept;
  unsynced_.clear();
  syncing_ = 0;
}

void SimLog::stall(Duration time) {
  stalled_until_ = std::max(stalled_until_, scheduler_.now() + time);
}

bool SimLog::rot() {
  if (records_.empty()) return false;
  constexpr std::uint64_t kRecordsMax = 20;
  const std::size_t first = random_.below(records_.size());
  const std::size_t count =
      std::min<std::size_t>(draw_between(random_, 1, kRecordsMax), records_.size() - first);
  Position lost = lost_up_to_.value_or(0);
  for (std::size_t i = 0; i < first + count; ++i) lost = std::max(lost, records_[i].slot);
  records_.erase(records_.begin() + static_cast<std::ptrdiff_t>(first),
                 records_.begin() + static_cast<std::ptrdiff_t>(first + count));
  lost_up_to_ = lost;
  return true;
}

void SimLog::handle(EventKind kind, std::uint64_t argument) {
  if (kind == EventKind::kSynced) {
    if (argument == process_) synced();
    return;
  }
  RKV_CHECK(kind == EventKind::kSyncTold, "not an event of a log");
  if (argument >> 32 != process_ || device_ == nullptr) return;
  if (host_.put_off(*this, kind, argument)) return;
  device_->tell(argument & 0xFFFFFFFF);
}

}  // namespace rkv::sim
