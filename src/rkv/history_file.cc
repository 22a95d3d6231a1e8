#include "rkv/history_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "rkv/files.h"

namespace rkv::cli {
namespace {

// Twice what the lines kept here can have: the file may have been written by another.
constexpr std::size_t kFileSizeMax = 4 * HistoryFile::kLinesMax * (HistoryFile::kLineSizeMax + 1);
constexpr mode_t kFileMode = S_IRUSR | S_IWUSR;

Status failure(const std::string& path, int error) {
  return Status::internal(fmt::format("{}: {}", printable(path, 300), std::strerror(error)));
}

// Writes all in one piece, so that the lines of two shells do not mix.
Status write_file(const std::string& path, int flags, std::string_view bytes) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, kFileMode);
  if (descriptor < 0) return failure(path, errno);
  const ssize_t count = write(descriptor, bytes.data(), bytes.size());
  const int error = count < 0 ? errno : ENOSPC;
  close(descriptor);
  return count == static_cast<ssize_t>(bytes.size()) ? Status() : failure(path, error);
}

Status make_directory(const std::filesystem::path& path) {
  std::error_code error;
  if (path.empty() || std::filesystem::is_directory(path, error)) return Status();
  if (Status status = make_directory(path.parent_path()); !status.ok()) return status;
  if (mkdir(path.c_str(), S_IRWXU) == 0 || errno == EEXIST) return Status();
  return failure(path.string(), errno);
}

Result<std::vector<std::string>> read_lines(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::vector<std::string>();
  const Result<std::string> text = read_file(path, kFileSizeMax);
  if (!text.ok()) return text.status();
  std::vector<std::string> lines;
  std::string_view rest = text.value();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (HistoryFile::keeps(rest.substr(0, end))) lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return lines;
}

}  // namespace

std::string HistoryFile::default_path() {
  // The XDG rules: a path that is not absolute counts as none.
  const char* const state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return fmt::format("{}/rkv/history", state);
  const char* const home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return fmt::format("{}/.local/state/rkv/history", home);
  return {};
}

HistoryFile::HistoryFile(std::string path) : path_(std::move(path)) {}

bool HistoryFile::keeps(std::string_view line) {
  return !line.empty() && line.front() != ' ' && line.size() <= kLineSizeMax;
}

Result<std::vector<std::string>> HistoryFile::load() {
  Result<std::vector<std::string>> read = read_lines(path_);
  if (!read.ok()) return read;
  std::vector<std::string>& lines = read.value();
  if (lines.size() > kLinesMax) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kLinesMax));
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    // Under another name first: a full disk must not cost the old lines.
    const std::string fresh = fmt::format("{}.{}", path_, getpid());
    Status status = write_file(fresh, O_TRUNC, text);
    if (status.ok() && rename(fresh.c_str(), path_.c_str()) != 0) status = failure(path_, errno);
    if (!status.ok()) {
      unlink(fresh.c_str());
      return status;
    }
  }
  lines_ = lines.size();
  return read;
}

Status HistoryFile::add(std::string_view line) {
  if (!keeps(line)) return Status();
  const std::string directory = std::filesystem::path(path_).parent_path().string();
  if (Status status = make_directory(directory); !status.ok()) return status;
  if (Status status = write_file(path_, O_APPEND, std::string(line) + "\n"); !status.ok()) {
    return status;
  }
  ++lines_;
  return lines_ < 2 * kLinesMax ? Status() : load().status();
}

}  // namespace rkv::cli
