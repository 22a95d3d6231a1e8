#include "storage/rocks_writer.h"

#include <utility>

namespace rkv::storage {

RocksWriter::RocksWriter(RocksDatabase& database, Callbacks callbacks)
    : database_(database), callbacks_(std::move(callbacks)), thread_([this] { run(); }) {}

RocksWriter::~RocksWriter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void RocksWriter::write(RocksChanges changes) {
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) return;
    gathered_.append(std::move(changes));
  }
  changed_.notify_one();
}

void RocksWriter::fail(const Status& failure) {
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) return;
    failure_ = failure;
  }
  changed_.notify_one();
}

void RocksWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !gathered_.empty() || stop_ || !failure_.ok(); });
    if (!failure_.ok()) break;
    if (gathered_.empty()) return;
    RocksChanges changes = std::exchange(gathered_, RocksChanges());
    const Position position = changes.position();
    lock.unlock();
    const Status written = database_.write(std::move(changes));
    lock.lock();
    if (!written.ok()) failure_ = written;
    if (!failure_.ok()) break;
    lock.unlock();
    callbacks_.durable(position);
    lock.lock();
  }
  const Status failure = failure_;
  lock.unlock();
  callbacks_.fatal(failure);
}

}  // namespace rkv::storage
