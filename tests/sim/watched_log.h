#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "base/ids.h"
#include "env/log_device.h"
#include "sim/invariants.h"

namespace rkv::sim {

// A log device that tells the invariants what is in it, before it tells the replica.
class WatchedLog final : public env::LogDevice {
 public:
  // How far the state of this replica would survive a crash.
  using Saved = std::function<Position()>;

  // `invariants` must outlive the object.
  WatchedLog(std::unique_ptr<env::LogDevice> device, ReplicaId self, Invariants& invariants,
             Saved saved);
  ~WatchedLog() override;
  WatchedLog(const WatchedLog&) = delete;
  WatchedLog& operator=(const WatchedLog&) = delete;

  Recovered take_recovered() override { return std::move(recovered_); }
  void read_again(ReadDone done) override;
  BatchNumber append(Batch batch) override;
  // What the invariants know of. The device may know more, but has not said so yet.
  BatchNumber durable() const override { return durable_; }
  void set_durable_listener(DurableListener listener) override { listener_ = std::move(listener); }
  void cut(Position slot) override;
  void set_live_records(LiveRecords live) override { device_->set_live_records(std::move(live)); }
  bool has_room() override { return device_->has_room(); }
  std::uint64_t size() const override { return device_->size(); }

 private:
  void became_durable(BatchNumber durable);

  const std::unique_ptr<env::LogDevice> device_;
  const ReplicaId self_;
  Invariants& invariants_;
  const Saved saved_;
  Recovered recovered_;
  DurableListener listener_;
  std::deque<Batch> appended_;  // and not durable
  BatchNumber durable_ = 0;
};

}  // namespace rkv::sim
