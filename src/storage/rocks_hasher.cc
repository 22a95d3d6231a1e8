#include "storage/rocks_hasher.h"

#include <optional>
#include <utility>

namespace rkv::storage {

RocksHasher::RocksHasher(RocksDatabase& database, Done done)
    : database_(database), done_(std::move(done)), thread_([this] { run(); }) {}

RocksHasher::~RocksHasher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void RocksHasher::begin() {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  changed_.notify_one();
}

void RocksHasher::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return wanted_ || stop_; });
    if (stop_) return;
    wanted_ = false;
    lock.unlock();
    const Result<std::optional<kv::StateHash>> hash = database_.hash(stop_);
    if (!hash.ok()) {
      done_(hash.status());
    } else if (hash.value()) {
      done_(*hash.value());
    }
    lock.lock();
  }
}

}  // namespace rkv::storage
