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

void RocksWriter::add(Position position, const std::vector<kv::Change>& changes,
                      const std::vector<kv::ReplyChange>& replies) {
  const std::lock_guard lock(mutex_);
  gathered_.add(position, changes, replies);
}

void RocksWriter::write() {
  {
    const std::lock_guard lock(mutex_);
    if (gathered_.empty()) return;  // it went along with an earlier write
    wanted_ = true;
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
    changed_.wait(lock, [this] { return wanted_ || stop_ || !failure_.ok(); });
    if (!failure_.ok()) break;
    if (!wanted_) return;
    wanted_ = false;
    RocksBatch batch = std::exchange(gathered_, RocksBatch());
    lock.unlock();
    const Status written = database_.write(batch);
    lock.lock();
    if (!written.ok()) failure_ = written;
    if (!failure_.ok()) break;
    lock.unlock();
    callbacks_.durable(batch.position());
    lock.lock();
  }
  const Status failure = failure_;
  lock.unlock();
  callbacks_.fatal(failure);
}

}  // namespace rkv::storage
