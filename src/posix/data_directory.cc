#include "posix/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace rkv::posix {
namespace {

constexpr const char* kLockName = "lock";
constexpr const char* kStoreName = "store";

Status directory_failure(const std::string& path, const std::string& what) {
  return Status::unavailable("data directory " + path + ": " + what);
}

// The process id in the lock file, as its owner wrote it.
std::string owner_of(int lock) {
  std::array<char, 32> text{};
  const ssize_t size = pread(lock, text.data(), text.size() - 1, 0);
  return size > 0 ? std::string(text.data()) : std::string("unknown");
}

Status take_lock(const std::string& path, int lock) {
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return directory_failure(path, "in use by process " + owner_of(lock) +
                                         "; each replica needs a directory of its own");
    }
    return directory_failure(path, std::string("cannot be locked: ") + std::strerror(errno));
  }
  const std::string owner = std::to_string(getpid());
  if (ftruncate(lock, 0) != 0 ||
      pwrite(lock, owner.data(), owner.size(), 0) != static_cast<ssize_t>(owner.size())) {
    return directory_failure(path, std::string("cannot be written: ") + std::strerror(errno));
  }
  return {};
}

// The name of a new directory is durable once the one that it is in is synced; so for each above
// it.
Status make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return directory_failure(path, "cannot be made: " + error.message());
  const std::filesystem::path whole = std::filesystem::absolute(path, error);
  if (error) return directory_failure(path, error.message());
  for (std::filesystem::path each = whole; each.has_relative_path(); each = each.parent_path()) {
    const int parent = ::open(each.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) continue;  // not ours to read, so not made by us either
    const bool synced = fsync(parent) == 0;
    const int sync_error = errno;
    close(parent);
    if (!synced) {
      return directory_failure(path, std::string("cannot be synced: ") + std::strerror(sync_error));
    }
  }
  return {};
}

Result<DataDirectory::Content> look_at(const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator entries(path, error);
  if (error) return directory_failure(path, error.message());
  bool others = false;
  for (const std::filesystem::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (name == kStoreName) return DataDirectory::Content::kReplica;
    others = others || (name != kLockName && name != "lost+found");
  }
  if (others) return directory_failure(path, "holds files, but not those of a replica");
  return DataDirectory::Content::kEmpty;
}

}  // namespace

Result<DataDirectory> DataDirectory::open(const std::string& path, bool may_create) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0) {
    if (errno != ENOENT) return directory_failure(path, std::strerror(errno));
    if (!may_create) {
      return directory_failure(path, "does not exist; a new replica is made with --create");
    }
    const Status made = make_directory(path);
    if (!made.ok()) return made;
  } else if (!S_ISDIR(about.st_mode)) {
    return directory_failure(path, "is not a directory");
  }
  Result<Content> content = look_at(path);
  if (!content.ok()) return content.status();
  const std::string lock_path = path + "/" + kLockName;
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) {
    return directory_failure(path, std::string("cannot be written: ") + std::strerror(errno));
  }
  const Status locked = take_lock(path, lock);
  if (!locked.ok()) {
    close(lock);
    return locked;
  }
  return DataDirectory(path, lock, content.value());
}

bool DataDirectory::has_log_folder() const {
  std::error_code error;
  return std::filesystem::is_directory(log_path(), error);
}

Status DataDirectory::make_log_folder() const { return make_directory(log_path()); }

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      lock_(std::exchange(other.lock_, -1)),
      content_(other.content_) {}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) close(lock_);
}

}  // namespace rkv::posix
