#include "power_cut_file_system.h"

#include <algorithm>
#include <fstream>
#include <utility>

namespace rkv::storage {

class PowerCutFileSystem::File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(PowerCutFileSystem& disk, std::shared_ptr<Content> content,
       std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk), content_(std::move(content)) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    disk_.step([&] { content_->bytes.append(data.data(), data.size()); });
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo&,
                           rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }

  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    disk_.step([this] { content_->synced = content_->bytes.size(); });
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }

  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    return Sync(options, debug);
  }

 private:
  PowerCutFileSystem& disk_;
  const std::shared_ptr<Content> content_;
};

class PowerCutFileSystem::Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(PowerCutFileSystem& disk, std::unique_ptr<rocksdb::FSDirectory> directory)
      : FSDirectoryWrapper(std::move(directory)), disk_(disk) {}

  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    disk_.step([this] { disk_.synced_names_ = disk_.names_; });
    return FSDirectoryWrapper::Fsync(options, debug);
  }

  rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions& options,
                                        rocksdb::IODebugContext* debug,
                                        const rocksdb::DirFsyncOptions&) override {
    return Fsync(options, debug);
  }

 private:
  PowerCutFileSystem& disk_;
};

PowerCutFileSystem::PowerCutFileSystem(std::filesystem::path directory)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), directory_(std::move(directory)) {}

void PowerCutFileSystem::set_watcher(std::function<void()> watcher) {
  const std::lock_guard lock(mutex_);
  watcher_ = std::move(watcher);
}

void PowerCutFileSystem::leave(const std::filesystem::path& directory, Random& random) const {
  std::filesystem::create_directory(directory);
  const Names& names = random.below(2) == 0 ? names_ : synced_names_;
  for (const auto& [name, content] : names) {
    const std::size_t unsynced = content->bytes.size() - content->synced;
    const auto kept = random.below(2) == 0 ? 0 : random.below(unsynced + 1);
    std::ofstream file(directory / std::filesystem::path(name).filename(), std::ios::binary);
    file.write(content->bytes.data(), static_cast<std::streamsize>(content->synced + kept));
  }
}

void PowerCutFileSystem::step(const std::function<void()>& change) {
  const std::lock_guard lock(mutex_);
  if (watcher_) watcher_();
  change();
}

bool PowerCutFileSystem::is_known(const std::string& name) const {
  return std::filesystem::path(name).parent_path() == directory_;
}

rocksdb::IOStatus PowerCutFileSystem::NewWritableFile(
    const std::string& name, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* result, rocksdb::IODebugContext* debug) {
  rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, result, debug);
  if (!status.ok() || !is_known(name)) return status;
  const auto content = std::make_shared<Content>();
  step([&] { names_[name] = content; });
  *result = std::make_unique<File>(*this, content, std::move(*result));
  return status;
}

rocksdb::IOStatus PowerCutFileSystem::NewDirectory(const std::string& name,
                                                   const rocksdb::IOOptions& options,
                                                   std::unique_ptr<rocksdb::FSDirectory>* result,
                                                   rocksdb::IODebugContext* debug) {
  rocksdb::IOStatus status = FileSystemWrapper::NewDirectory(name, options, result, debug);
  if (status.ok() && is_known(name + "/.")) {
    *result = std::make_unique<Directory>(*this, std::move(*result));
  }
  return status;
}

rocksdb::IOStatus PowerCutFileSystem::RenameFile(const std::string& from, const std::string& to,
                                                 const rocksdb::IOOptions& options,
                                                 rocksdb::IODebugContext* debug) {
  step([&] {
    auto renamed = names_.extract(from);
    if (!renamed.empty()) names_[to] = std::move(renamed.mapped());
  });
  return FileSystemWrapper::RenameFile(from, to, options, debug);
}

rocksdb::IOStatus PowerCutFileSystem::DeleteFile(const std::string& name,
                                                 const rocksdb::IOOptions& options,
                                                 rocksdb::IODebugContext* debug) {
  step([&] { names_.erase(name); });
  return FileSystemWrapper::DeleteFile(name, options, debug);
}

}  // namespace rkv::storage
