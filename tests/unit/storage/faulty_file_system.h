#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace rkv::storage {

// A disk for RocksDB of which one kind of files misbehaves when told. Everything else works.
class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  // The files whose names end so: write-ahead logs, or tables (".sst").
  explicit FaultyFileSystem(std::string suffix = ".log");
  const char* Name() const override { return "FaultyFileSystem"; }

  // Every sync, or append, from the next one on fails.
  void fail_syncs();
  void fail_appends();
  // Syncs that begin now do not end before release_syncs().
  void hold_syncs();
  void release_syncs();
  // Waits until a sync is held.
  bool wait_for_held_sync();
  // How often such files were synced with success.
  int syncs() const;
  // What a power cut leaves of each such file, by its path: the bytes before the last sync that
  // ended.
  std::map<std::string, std::uint64_t> synced_sizes() const;

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;

 private:
  class File;
  rocksdb::IOStatus before_append();
  rocksdb::IOStatus before_sync();
  void after_sync(const std::string& name, std::uint64_t size);

  const std::string suffix_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool fail_syncs_ = false;
  bool fail_appends_ = false;
  bool hold_syncs_ = false;
  int held_ = 0;
  int syncs_ = 0;
  std::map<std::string, std::uint64_t> synced_sizes_;
};

}  // namespace rkv::storage
