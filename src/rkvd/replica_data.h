#pragma once

#include <cstdint>
#include <memory>

#include "base/log.h"
#include "base/status.h"
#include "posix/data_directory.h"
#include "posix/posix_disk.h"
#include "rkvd/identity.h"
#include "rkvd/options.h"
#include "rpc/event_loop.h"
#include "service/cluster.h"
#include "storage/rocks_store.h"
#include "storage/segmented_log.h"

namespace rkv::daemon {

// What a replica has on disk, opened and held by this process alone: who it is, its state, and,
// where its replication protocol keeps one, its log. A write or sync that fails ends the process.
class ReplicaData {
 public:
  // Opens what the options name, or makes it if they say so, and counts the start. Fails with a
  // reason for a person; then nothing was changed but what a failed creation left behind. Runs
  // turns of the loop. `loop` and `logger` must outlive the object.
  static Result<std::unique_ptr<ReplicaData>> open(const Options& options, rpc::EventLoop& loop,
                                                   Logger& logger);
  ReplicaData(const ReplicaData&) = delete;
  ReplicaData& operator=(const ReplicaData&) = delete;

  const Identity& identity() const { return identity_; }
  Incarnation incarnation() const { return incarnation_; }
  storage::RocksStore& store() { return *store_; }
  storage::SegmentedLog* log() { return log_.get(); }  // null for a protocol that keeps none

 private:
  ReplicaData(const Options& options, rpc::EventLoop& loop, Logger& logger,
              posix::DataDirectory directory);
  Status create();
  Status open_existing();
  Status open_store(bool create, bool has_log);
  Status load_identity();
  Status open_log();
  Status begin_log();
  Status count_start();
  [[noreturn]] void end_process(const Status& failure);

  const Options& options_;
  rpc::EventLoop& loop_;
  Logger& logger_;
  const posix::DataDirectory directory_;
  Identity identity_;
  Incarnation incarnation_ = 0;
  std::unique_ptr<storage::RocksStore> store_;
  std::unique_ptr<posix::PosixDisk> log_disk_;
  std::unique_ptr<storage::SegmentedLog> log_;  // uses log_disk_
};

}  // namespace rkv::daemon
