#include "posix/posix_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/failpoint.h"
#include "posix/system.h"

namespace rkv::posix {
namespace {

constexpr std::chrono::milliseconds kFreeBytesAge{100};  // that free_bytes() may have

// Calls again what a signal has interrupted.
template <typename Call>
auto uninterrupted(const Call& call) {
  while (true) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace

Result<std::unique_ptr<PosixDisk>> PosixDisk::open(const Options& options) {
  const int directory = ::open(options.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    return Status::unavailable(options.directory + ": cannot be opened: " + std::strerror(errno));
  }
  return std::unique_ptr<PosixDisk>(new PosixDisk(options, directory));
}

PosixDisk::PosixDisk(const Options& options, int directory)
    : directory_path_(options.directory),
      directory_(directory),
      post_(options.post),
      alive_(std::make_shared<bool>(true)),
      thread_([this] { run(); }) {}

PosixDisk::~PosixDisk() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
  for (const auto& [name, file] : open_files_) ::close(file);
  ::close(directory_);
}

Status PosixDisk::failure(const std::string& what, const std::string& name, int error) const {
  return Status::internal(path(name) + ": cannot be " + what + ": " + std::strerror(error));
}

Status PosixDisk::sync_directory() const {
  if (RKV_FAILPOINT_FAILS(disk_before_directory_sync)) return failure("synced", ".", EIO);
  if (::fsync(directory_) != 0) {
    return Status::internal(directory_path_ + ": cannot be synced: " + std::strerror(errno));
  }
  RKV_FAILPOINT(disk_after_directory_sync);
  return {};
}

// ---- on the caller's thread -------------------------------------------------------------------

Result<std::vector<std::string>> PosixDisk::list() {
  const Status synced = sync_directory();
  if (!synced.ok()) return synced;
  DIR* const directory = ::opendir(directory_path_.c_str());
  if (directory == nullptr) return failure("read", ".", errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* const entry = ::readdir(directory)) {
    struct stat about {};
    const bool is_file =
        ::fstatat(directory_, entry->d_name, &about, 0) == 0 && S_ISREG(about.st_mode);
    if (is_file) names.emplace_back(entry->d_name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(directory);
  if (error != 0) return failure("read", ".", error);
  return names;
}

Result<std::string> PosixDisk::read(const std::string& name) {
  const int file = ::openat(directory_, name.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return failure("opened", name, errno);
  const bool synced = ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  if (!synced) return failure("synced", name, error);
  return read_file(path(name), kFileSizeMax);
}

void PosixDisk::create(const std::string& name, std::size_t size, Done done) {
  submit({Job::Kind::kCreate, name, 0, size, {}, std::move(done)});
}

void PosixDisk::write(const std::string& name, std::size_t offset, std::string bytes, Done done) {
  submit({Job::Kind::kWrite, name, offset, 0, std::move(bytes), std::move(done)});
}

void PosixDisk::remove(const std::string& name, Done done) {
  submit({Job::Kind::kRemove, name, 0, 0, {}, std::move(done)});
}

std::uint64_t PosixDisk::free_bytes() {
  const auto now = std::chrono::steady_clock::now();
  if (free_bytes_read_ && now - *free_bytes_read_ < kFreeBytesAge) return free_bytes_;
  free_bytes_read_ = now;
  struct statvfs about {};
  if (::fstatvfs(directory_, &about) == 0) {
    free_bytes_ = static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize;
  }
  return free_bytes_;
}

void PosixDisk::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

// ---- on the disk's thread ---------------------------------------------------------------------

void PosixDisk::run() {
  while (true) {
    std::vector<Job> jobs = take_jobs();
    if (jobs.empty() && !creation_) return;
    if (!jobs.empty()) work_at(std::move(jobs));
    if (creation_) create_piece();
  }
}

// What is to be done next: one job, or several writes to one file. Nothing while a file is being
// made and there is nothing else to do, or nothing else that may come before it; and at the end.
std::vector<PosixDisk::Job> PosixDisk::take_jobs() {
  std::vector<Job> taken;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stop_ || creation_ || !jobs_.empty(); });
  if (jobs_.empty()) return taken;
  const Job& first = jobs_.front();
  if (creation_ && (first.kind == Job::Kind::kCreate || first.name == creation_->name)) {
    return taken;
  }
  do {
    taken.push_back(std::move(jobs_.front()));
    jobs_.pop_front();
  } while (!jobs_.empty() && taken.front().kind == Job::Kind::kWrite &&
           jobs_.front().kind == Job::Kind::kWrite && jobs_.front().name == taken.front().name);
  return taken;
}

void PosixDisk::work_at(std::vector<Job> jobs) {
  const Job& first = jobs.front();
  if (failed_.ok()) {
    switch (first.kind) {
      case Job::Kind::kWrite:
        failed_ = write_all(jobs);
        break;
      case Job::Kind::kRemove:
        failed_ = remove_file(first.name);
        break;
      case Job::Kind::kCreate:
        failed_ = begin_file(first.name);
        if (!failed_.ok()) break;
        creation_ = std::move(jobs.front());
        return;
    }
  }
  for (Job& job : jobs) finish(job, failed_);
}

void PosixDisk::create_piece() {
  if (failed_.ok()) failed_ = fill_piece(*creation_);
  if (failed_.ok() && creation_->position < creation_->size) return;
  finish(*creation_, failed_);
  creation_.reset();
}

void PosixDisk::finish(Job& job, const Status& status) {
  post_([alive = std::weak_ptr<bool>(alive_), done = std::move(job.done), status] {
    if (!alive.expired()) done(status);
  });
}

// The descriptor of a file that is there; it stays open for a while.
Result<int> PosixDisk::open_file(const std::string& name) {
  const auto found = open_files_.find(name);
  if (found != open_files_.end()) return found->second;
  while (open_files_.size() >= kOpenFilesMax) close_file(open_files_.begin()->first);
  const int file = ::openat(directory_, name.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return failure("opened", name, errno);
  open_files_.emplace(name, file);
  return file;
}

void PosixDisk::close_file(const std::string& name) {
  const auto found = open_files_.find(name);
  if (found == open_files_.end()) return;
  ::close(found->second);
  open_files_.erase(found);
}

Status PosixDisk::write_at(int file, const std::string& name, std::string_view bytes,
                           std::size_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = uninterrupted(
        [&] { return ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (written < 0) return failure("written", name, errno);
    if (written == 0) return failure("written", name, ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::size_t>(written);
  }
  return {};
}

// A file never grows here: a write behind its end would be durable with the next sync of its size
// only.
Status PosixDisk::write_all(const std::vector<Job>& jobs) {
  const std::string& name = jobs.front().name;
  const Result<int> file = open_file(name);
  if (!file.ok()) return file.status();
  struct stat about {};
  if (::fstat(file.value(), &about) != 0) return failure("looked at", name, errno);
  if (RKV_FAILPOINT_FAILS(disk_before_write)) return failure("written", name, EIO);
  for (const Job& job : jobs) {
    RKV_CHECK(job.position + job.bytes.size() <= static_cast<std::size_t>(about.st_size),
              "a write is within the size of its file");
    const Status status = write_at(file.value(), name, job.bytes, job.position);
    if (!status.ok()) return status;
    RKV_FAILPOINT(disk_after_write);
  }
  if (RKV_FAILPOINT_FAILS(disk_before_sync)) return failure("synced", name, EIO);
  if (::fdatasync(file.value()) != 0) return failure("synced", name, errno);
  RKV_FAILPOINT(disk_after_sync);
  return {};
}

Status PosixDisk::begin_file(const std::string& name) {
  if (RKV_FAILPOINT_FAILS(disk_before_create)) return failure("made", name, ENOSPC);
  const int file = ::openat(directory_, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return failure("made", name, errno);
  ::close(file);
  RKV_FAILPOINT(disk_after_create);
  return {};
}

// Zeros are written, not only reserved: the first write into reserved space changes the file's
// map, and its sync takes half as long again.
Status PosixDisk::fill_piece(Job& job) {
  const Result<int> file = open_file(job.name);
  if (!file.ok()) return file.status();
  if (RKV_FAILPOINT_FAILS(disk_before_fill)) return failure("written", job.name, ENOSPC);
  const std::string zeros(std::min(kCreatePieceSize, job.size - job.position), '\0');
  const Status status = write_at(file.value(), job.name, zeros, job.position);
  if (!status.ok()) return status;
  job.position += zeros.size();
  const bool is_whole = job.position == job.size;
  if (RKV_FAILPOINT_FAILS(disk_before_fill_sync)) return failure("synced", job.name, EIO);
  if ((is_whole ? ::fsync(file.value()) : ::fdatasync(file.value())) != 0) {
    return failure("synced", job.name, errno);
  }
  RKV_FAILPOINT(disk_after_fill_sync);
  return is_whole ? sync_directory() : Status();
}

Status PosixDisk::remove_file(const std::string& name) {
  close_file(name);
  if (RKV_FAILPOINT_FAILS(disk_before_remove)) return failure("removed", name, EIO);
  if (::unlinkat(directory_, name.c_str(), 0) != 0) return failure("removed", name, errno);
  RKV_FAILPOINT(disk_after_remove);
  return sync_directory();
}

}  // namespace rkv::posix
