#include "sim/watched_log.h"

#include <utility>

namespace rkv::sim {

WatchedLog::WatchedLog(std::unique_ptr<env::LogDevice> device, ReplicaId self,
                       Invariants& invariants, Saved saved)
    : device_(std::move(device)),
      self_(self),
      invariants_(invariants),
      saved_(std::move(saved)),
      recovered_(device_->take_recovered()) {
  invariants_.recovered(self_, recovered_, saved_());
  device_->set_durable_listener([this](BatchNumber durable) { became_durable(durable); });
}

WatchedLog::~WatchedLog() { device_->set_durable_listener(nullptr); }

void WatchedLog::read_again(ReadDone done) {
  device_->read_again([this, done = std::move(done)](Recovered log) {
    invariants_.read_again(self_, log, saved_());
    done(std::move(log));
  });
}

env::LogDevice::BatchNumber WatchedLog::append(Batch batch) {
  appended_.push_back(batch);
  return device_->append(std::move(batch));
}

void WatchedLog::became_durable(BatchNumber durable) {
  for (; durable_ < durable; ++durable_) {
    invariants_.durable(self_, appended_.front());
    appended_.pop_front();
  }
  if (listener_) listener_(durable);
}

void WatchedLog::cut(Position slot) {
  invariants_.cut(self_, slot, saved_());
  device_->cut(slot);
}

}  // namespace rkv::sim
