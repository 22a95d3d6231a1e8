#include "faulty_file_system.h"

#include <chrono>
#include <utility>

namespace rkv::storage {
namespace {

constexpr std::chrono::seconds kPatience{30};

}  // namespace

class FaultyFileSystem::File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(FaultyFileSystem& disk, std::string name, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk), name_(std::move(name)) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus allowed = disk_.before_append();
    if (!allowed.ok()) return allowed;
    size_ += data.size();
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo&,
                           rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }

  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    const std::uint64_t size = size_;
    const rocksdb::IOStatus allowed = disk_.before_sync();
    if (!allowed.ok()) return allowed;
    const rocksdb::IOStatus status = FSWritableFileOwnerWrapper::Sync(options, debug);
    if (status.ok()) disk_.after_sync(name_, size);
    return status;
  }

  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    return Sync(options, debug);
  }

 private:
  FaultyFileSystem& disk_;
  const std::string name_;
  std::uint64_t size_ = 0;
};

FaultyFileSystem::FaultyFileSystem(std::string suffix)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), suffix_(std::move(suffix)) {}

void FaultyFileSystem::fail_syncs() {
  const std::lock_guard lock(mutex_);
  fail_syncs_ = true;
}

void FaultyFileSystem::fail_appends() {
  const std::lock_guard lock(mutex_);
  fail_appends_ = true;
}

void FaultyFileSystem::hold_syncs() {
  const std::lock_guard lock(mutex_);
  hold_syncs_ = true;
}

void FaultyFileSystem::release_syncs() {
  {
    const std::lock_guard lock(mutex_);
    hold_syncs_ = false;
  }
  changed_.notify_all();
}

bool FaultyFileSystem::wait_for_held_sync() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [this] { return held_ > 0; });
}

int FaultyFileSystem::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

std::map<std::string, std::uint64_t> FaultyFileSystem::synced_sizes() const {
  const std::lock_guard lock(mutex_);
  return synced_sizes_;
}

rocksdb::IOStatus FaultyFileSystem::before_append() {
  const std::lock_guard lock(mutex_);
  if (!fail_appends_) return rocksdb::IOStatus::OK();
  // As RocksDB takes ENOSPC: by default it tries again by itself.
  rocksdb::IOStatus full = rocksdb::IOStatus::NoSpace("no space, says the test");
  full.SetRetryable(true);
  return full;
}

rocksdb::IOStatus FaultyFileSystem::before_sync() {
  std::unique_lock lock(mutex_);
  ++held_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !hold_syncs_; });
  --held_;
  if (fail_syncs_) return rocksdb::IOStatus::IOError("no sync, says the test");
  return rocksdb::IOStatus::OK();
}

void FaultyFileSystem::after_sync(const std::string& name, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  ++syncs_;
  synced_sizes_[name] = size;
}

rocksdb::IOStatus FaultyFileSystem::NewWritableFile(
    const std::string& name, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* result, rocksdb::IODebugContext* debug) {
  rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, result, debug);
  if (status.ok() && name.ends_with(suffix_)) {
    *result = std::make_unique<File>(*this, name, std::move(*result));
  }
  return status;
}

}  // namespace rkv::storage
