#include "rkv/dump_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "rkv/files.h"
#include "rkv/json.h"

namespace rkv::cli {
namespace {

constexpr mode_t kMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;
constexpr std::size_t kPlaceSizeMax = 64 * 1024;
constexpr std::uint64_t kPlaceVersion = 1;

Status failure(const std::string& path, int error) {
  return Status::internal(fmt::format("{}: {}", printable(path, 300), std::strerror(error)));
}

// What there is that is no regular file; empty if there is one, or nothing.
Result<std::string_view> other_kind(const std::string& path) {
  struct stat info {};
  // Of a link itself, as rename() replaces that and not what it points to: /dev/stdout is one.
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::string_view();
    return failure(path, errno);
  }
  if (S_ISREG(info.st_mode)) return std::string_view();
  if (S_ISDIR(info.st_mode)) return std::string_view("a directory");
  if (S_ISLNK(info.st_mode)) return std::string_view("a symbolic link");
  return std::string_view(S_ISFIFO(info.st_mode) ? "a FIFO" : "a device or a socket");
}

Status check_regular(const std::string& path, std::string_view advice) {
  const Result<std::string_view> kind = other_kind(path);
  if (!kind.ok()) return kind.status();
  if (kind.value().empty()) return Status();
  return Status::invalid(fmt::format("{} is {}, and the dump would take its place: {}",
                                     printable(path, 300), kind.value(), advice));
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::optional<DumpPlace> parse_place(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const std::optional<std::string> token = find_bytes(json, "token");
  const std::optional<std::string> server = find_bytes(json, "server");
  const std::optional<std::string> range = find_bytes(json, "range");
  const std::optional<std::uint64_t> size = find_number(json, "size");
  const std::optional<std::uint64_t> revision = find_number(json, "revision");
  if (find_number(json, "rkv_dump_place") != kPlaceVersion) return std::nullopt;
  if (!token || !server || !range || !size || !revision) return std::nullopt;
  return DumpPlace{*token, *server, *size, *range, *revision};
}

// Reads what of a dump is in front of `size` into the hash.
Status read_part(const std::string& path, std::uint64_t size, DumpHash* hash) {
  const Result<std::unique_ptr<InputFile>> file = InputFile::open(path);
  if (!file.ok()) return file.status();
  LineReader lines(*file.value(), kDumpLineMax);
  DumpReader reader;
  std::uint64_t read = 0;
  while (read < size) {
    const Result<std::optional<std::string>> line = lines.next();
    if (!line.ok()) return line.status();
    if (!line.value()) break;
    read += line.value()->size() + 1;
    const Result<std::optional<DumpReader::Entry>> entry = reader.take(*line.value());
    if (!entry.ok()) {
      return Status::invalid(fmt::format("{}: {}", printable(path, 300), entry.status().reason()));
    }
    if (entry.value()) hash->add(entry.value()->key, entry.value()->value);
  }
  if (read == size) return Status();
  return Status::invalid(fmt::format(
      "{} is not what was written there: run it again without --resume", printable(path, 300)));
}

}  // namespace

DumpFile::DumpFile(std::string path)
    : path_(std::move(path)), part_path_(path_ + ".part"), place_path_(part_path_ + ".place") {}

DumpFile::~DumpFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

Status DumpFile::open_part(int flags) {
  descriptor_ = open(part_path_.c_str(), O_WRONLY | O_CLOEXEC | flags, kMode);
  return descriptor_ < 0 ? failure(part_path_, errno) : Status();
}

Status DumpFile::check_place() const {
  Status status =
      check_regular(path_, "name another FILE, or leave it out and redirect standard output");
  return status.ok() ? check_regular(part_path_, "remove it, or name another FILE") : status;
}

Status DumpFile::create() {
  // First, so that it never speaks of another file than the one that is there.
  unlink(place_path_.c_str());
  return open_part(O_CREAT | O_TRUNC);
}

Result<std::optional<DumpPlace>> DumpFile::reopen(DumpHash* hash) {
  if (!exists(part_path_) || !exists(place_path_)) return std::optional<DumpPlace>();
  const Result<std::string> text = read_file(place_path_, kPlaceSizeMax);
  if (!text.ok()) return text.status();
  std::optional<DumpPlace> place = parse_place(text.value());
  if (!place) {
    return Status::invalid(
        fmt::format("{} does not say where to go on: run it again without "
                    "--resume",
                    printable(place_path_, 300)));
  }
  if (Status status = read_part(part_path_, place->size, hash); !status.ok()) return status;
  if (Status status = open_part(O_APPEND); !status.ok()) return status;
  if (ftruncate(descriptor_, static_cast<off_t>(place->size)) != 0) {
    return failure(part_path_, errno);
  }
  size_ = place->size;
  return place;
}

Status DumpFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(part_path_, errno);
    size_ += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return Status();
}

Status DumpFile::note_place(const DumpPlace& place) {
  Json json = {{"rkv_dump_place", kPlaceVersion}};
  json["token_base64"] = to_base64(place.token);
  json["server"] = place.server;
  json["size"] = size_;
  json["range"] = place.range;
  json["revision"] = place.revision;
  return replace_file(place_path_, to_line(json) + "\n");
}

Status DumpFile::commit() {
  if (fsync(descriptor_) != 0) return failure(part_path_, errno);
  if (rename(part_path_.c_str(), path_.c_str()) != 0) return failure(path_, errno);
  unlink(place_path_.c_str());
  return Status();
}

void DumpFile::discard() {
  unlink(part_path_.c_str());
  unlink(place_path_.c_str());
}

}  // namespace rkv::cli
