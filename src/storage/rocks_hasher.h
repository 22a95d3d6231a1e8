#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/status.h"
#include "kv/store.h"
#include "storage/rocks_database.h"

namespace rkv::storage {

// The thread that hashes the state in a database, which takes as long as reading all of it.
class RocksHasher {
 public:
  using Done = std::function<void(const Result<kv::StateHash>& hash)>;
  // `database` must outlive the hasher. `done` is run on the hasher's thread, once for each
  // begin().
  RocksHasher(RocksDatabase& database, Done done);
  // Breaks off what is under way, without running `done` for it.
  ~RocksHasher();
  RocksHasher(const RocksHasher&) = delete;
  RocksHasher& operator=(const RocksHasher&) = delete;

  // Begins to hash; not while an earlier hash is under way.
  void begin();

 private:
  void run();

  RocksDatabase& database_;
  const Done done_;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;  // under mutex_
  std::thread thread_;   // last: it uses everything above
};

}  // namespace rkv::storage
