#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/ids.h"
#include "base/status.h"
#include "storage/rocks_changes.h"
#include "storage/rocks_database.h"

namespace rkv::storage {

// The thread that writes a store's changes into its database. Everything that gathers while a write
// is under way goes into the next one, of which only the last change of each key is written.
class RocksWriter {
 public:
  struct Callbacks {
    // All changes up to this position are durable.
    std::function<void(Position durable)> durable;
    // A write failed, or fail() was called: the last call of this writer, which does nothing more.
    std::function<void(const Status& failure)> fatal;
  };
  // `database` must outlive the writer. The callbacks are run on the writer's thread.
  RocksWriter(RocksDatabase& database, Callbacks callbacks);
  // Ends after everything that write() asked for, unless there was a failure.
  ~RocksWriter();
  RocksWriter(const RocksWriter&) = delete;
  RocksWriter& operator=(const RocksWriter&) = delete;

  // Begins to write the changes, of which there must be some and which must come behind those
  // before; or gathers them, while a write is under way.
  void write(RocksChanges changes);

  // Makes the writer fail with this reason, on its thread. From any thread; the first reason
  // counts.
  void fail(const Status& failure);

 private:
  void run();

  RocksDatabase& database_;
  const Callbacks callbacks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_:
  RocksChanges gathered_;
  bool stop_ = false;
  Status failure_;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace rkv::storage
