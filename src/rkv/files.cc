#include "rkv/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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

}  // namespace rkv::cli
