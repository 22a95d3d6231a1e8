#include "rkv/load_place.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "rkv/files.h"
#include "rkv/json.h"

namespace rkv::cli {
namespace {

constexpr std::size_t kPlaceSizeMax = 4096;
constexpr std::uint64_t kPlaceVersion = 1;

// What changes when a file does.
struct Stamp {
  std::uint64_t size = 0;
  std::uint64_t modified_ns = 0;
};

Result<Stamp> stamp_of(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return Status::internal(fmt::format("{}: {}", printable(path, 300), std::strerror(errno)));
  }
  return Stamp{static_cast<std::uint64_t>(info.st_size),
               static_cast<std::uint64_t>(info.st_mtim.tv_sec) * 1'000'000'000 +
                   static_cast<std::uint64_t>(info.st_mtim.tv_nsec)};
}

}  // namespace

LoadPlace::LoadPlace(std::string path) : path_(std::move(path)), place_path_(path_ + ".loaded") {}

Status LoadPlace::read() {
  if (access(place_path_.c_str(), F_OK) != 0) return Status();
  const Result<std::string> text = read_file(place_path_, kPlaceSizeMax);
  if (!text.ok()) return text.status();
  const Result<Stamp> stamp = stamp_of(path_);
  if (!stamp.ok()) return stamp.status();
  const Json json = Json::parse(text.value(), nullptr, false);
  const std::optional<std::uint64_t> keys =
      json.is_object() ? find_number(json, "keys") : std::nullopt;
  if (!keys || find_number(json, "rkv_load_place") != kPlaceVersion ||
      find_number(json, "size") != stamp.value().size ||
      find_number(json, "modified_ns") != stamp.value().modified_ns) {
    return Status::invalid(
        fmt::format("{} is not about this file as it is now: remove it to begin anew",
                    printable(place_path_, 300)));
  }
  keys_ = *keys;
  return Status();
}

Status LoadPlace::note(std::uint64_t keys) {
  const Result<Stamp> stamp = stamp_of(path_);
  if (!stamp.ok()) return stamp.status();
  return replace_file(place_path_, to_line(Json{{"rkv_load_place", kPlaceVersion},
                                                {"keys", keys},
                                                {"size", stamp.value().size},
                                                {"modified_ns", stamp.value().modified_ns}}) +
                                       "\n");
}

void LoadPlace::remove() { unlink(place_path_.c_str()); }

}  // namespace rkv::cli
