#include "rkv/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/bytes.h"

namespace rkv::cli {
namespace {

constexpr std::size_t kChunk = 64 * 1024;

Status system_failure(const std::string& name, int error) {
  return Status::internal(fmt::format("{}: {}", printable(name, 300), std::strerror(error)));
}

}  // namespace

InputFile::InputFile(int descriptor, std::string name, bool owned)
    : descriptor_(descriptor), name_(std::move(name)), owned_(owned) {}

InputFile::~InputFile() {
  if (owned_) close(descriptor_);
}

Result<std::unique_ptr<InputFile>> InputFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) return system_failure(path, errno);
  std::unique_ptr<InputFile> file(new InputFile(descriptor, path, true));
  struct stat info {};
  if (fstat(descriptor, &info) != 0) return system_failure(path, errno);
  if (S_ISDIR(info.st_mode)) return system_failure(path, EISDIR);
  return file;
}

std::unique_ptr<InputFile> InputFile::standard_input() {
  return std::unique_ptr<InputFile>(new InputFile(STDIN_FILENO, "standard input", false));
}

Result<std::size_t> InputFile::read(char* buffer, std::size_t size) {
  while (true) {
    const ssize_t count = ::read(descriptor_, buffer, size);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return system_failure(name_, errno);
  }
}

bool InputFile::ready() const {
  pollfd wanted{descriptor_, POLLIN, 0};
  return poll(&wanted, 1, 0) > 0;
}

std::uint64_t InputFile::size() const {
  struct stat info {};
  if (fstat(descriptor_, &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  const off_t position = lseek(descriptor_, 0, SEEK_CUR);
  if (position < 0 || position >= info.st_size) return 0;
  return static_cast<std::uint64_t>(info.st_size - position);
}

Result<FileStamp> InputFile::stamp() const {
  struct stat info {};
  if (fstat(descriptor_, &info) != 0) return system_failure(name_, errno);
  return FileStamp{static_cast<std::uint64_t>(info.st_ino),
                   static_cast<std::uint64_t>(info.st_size),
                   static_cast<std::uint64_t>(info.st_mtim.tv_sec) * 1'000'000'000 +
                       static_cast<std::uint64_t>(info.st_mtim.tv_nsec)};
}

Status InputFile::rewind() {
  return lseek(descriptor_, 0, SEEK_SET) == 0 ? Status() : system_failure(name_, errno);
}

Result<std::optional<std::string>> LineReader::next() {
  bool is_too_long = false;
  while (true) {
    const std::size_t end = buffer_.find('\n', searched_);
    if (end != std::string::npos || ended_) {
      if (end == std::string::npos && buffer_.empty() && !is_too_long) {
        return std::optional<std::string>();
      }
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end == std::string::npos ? end : end + 1);
      searched_ = 0;
      if (!is_too_long && line.size() <= line_max_) return std::optional(std::move(line));
      return Status(StatusCode::kOverLimit,
                    fmt::format("a line has more than {} bytes, which is the limit", line_max_));
    }
    if (buffer_.size() > line_max_) {
      is_too_long = true;
      buffer_.clear();
    }
    searched_ = buffer_.size();
    buffer_.resize(searched_ + kChunk);
    const Result<std::size_t> count = file_.read(buffer_.data() + searched_, kChunk);
    buffer_.resize(searched_ + (count.ok() ? count.value() : 0));
    if (!count.ok()) return count.status();
    ended_ = count.value() == 0;
  }
}

Result<std::string> read_all(InputFile& file, std::size_t size_max) {
  std::string content;
  while (true) {
    const std::size_t old_size = content.size();
    const std::size_t chunk = std::min(kChunk, size_max + 1 - old_size);
    content.resize(old_size + chunk);
    const Result<std::size_t> count = file.read(content.data() + old_size, chunk);
    if (!count.ok()) return count.status();
    content.resize(old_size + count.value());
    if (content.size() > size_max) {
      return Status(StatusCode::kOverLimit,
                    fmt::format("{} has more than {} bytes, which is the limit",
                                printable(file.name(), 300), size_max));
    }
    if (count.value() == 0) return content;
  }
}

Result<std::string> read_file(const std::string& path, std::size_t size_max) {
  const Result<std::unique_ptr<InputFile>> file = InputFile::open(path);
  if (!file.ok()) return file.status();
  return read_all(*file.value(), size_max);
}

Status replace_file(const std::string& path, std::string_view content) {
  const std::string fresh = path + ".new";
  const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return system_failure(fresh, errno);
  const ssize_t count = ::write(descriptor, content.data(), content.size());
  int error = count < 0 ? errno : 0;
  if (error == 0 && count != static_cast<ssize_t>(content.size())) error = ENOSPC;
  close(descriptor);
  if (error == 0 && rename(fresh.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return Status();
  unlink(fresh.c_str());
  return system_failure(path, error);
}

}  // namespace rkv::cli
