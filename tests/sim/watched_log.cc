#include "sim/watched_log.h"

#include <optional>
#include <utility>

#include "base/check.h"

namespace rkv::sim {

WatchedLog::WatchedLog(std::unique_ptr<env::LogDevice> device, ReplicaId self, Votes& votes,
                       Saved saved)
    : device_(std::move(device)),
      self_(self),
      votes_(votes),
      saved_(std::move(saved)),
      recovered_(device_->take_recovered()) {
  votes_.recovered(self_, recovered_, saved_());
  device_->set_durable_listener([this](BatchNumber durable) { became_durable(durable); });
}

WatchedLog::~WatchedLog() { device_->set_durable_listener(nullptr); }

void WatchedLog::read_again(ReadDone done) {
  device_->read_again([this, done = std::move(done)](Recovered log) {
    votes_.read_again(self_, log);
    done(std::move(log));
  });
}

env::LogDevice::BatchNumber WatchedLog::append(Batch batch) {
  DurableBatch& summary = appended_.emplace_back();
  summary.records.reserve(batch.records.size());
  for (const LogRecord& record : batch.records) {
    RKV_CHECK(decode(record, &summary.records.emplace_back()),
              "a protocol writes what it can read");
  }
  const std::optional<paxos::Standing> standing = paxos::decode_standing(batch.standing);
  RKV_CHECK(standing.has_value(), "every batch has a standing");
  summary.standing = *standing;
  return device_->append(std::move(batch));
}

void WatchedLog::became_durable(BatchNumber durable) {
  for (; durable_ < durable; ++durable_) {
    votes_.durable(self_, appended_.front());
    appended_.pop_front();
  }
  if (listener_) listener_(durable);
}

void WatchedLog::cut(Position slot) {
  votes_.cut(self_, slot, saved_());
  device_->cut(slot);
}

}  // namespace rkv::sim
