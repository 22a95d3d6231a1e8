#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/random.h"

namespace rkv::storage {

// A disk for RocksDB that remembers what is synced of each file and each name, and can tell at any
// step what a power cut would leave there.
class PowerCutFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  // Knows the files in this directory.
  explicit PowerCutFileSystem(std::filesystem::path directory);
  const char* Name() const override { return "PowerCutFileSystem"; }

  // Is run before each step that changes anything on the disk, one at a time; it may call leave().
  void set_watcher(std::function<void()> watcher);

  // Makes `directory` what a cut now would leave: all that is synced, and of the rest the part that
  // `random` says. Only from the watcher.
  void leave(const std::filesystem::path& directory, Random& random) const;

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

 private:
  class File;
  class Directory;
  struct Content {
    std::string bytes;
    std::size_t synced = 0;  // of them
  };
  using Names = std::map<std::string, std::shared_ptr<Content>>;
  // Runs a step; the watcher before it.
  void step(const std::function<void()>& change);
  bool is_known(const std::string& name) const;

  const std::filesystem::path directory_;
  std::mutex mutex_;
  std::function<void()> watcher_;
  Names names_;
  Names synced_names_;  // as of the last sync of the directory
};

}  // namespace rkv::storage
