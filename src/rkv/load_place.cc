#include "rkv/load_place.h"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "base/bytes.h"
#include "rkv/files.h"
#include "rkv/json.h"

namespace rkv::cli {
namespace {

constexpr std::size_t kPlaceSizeMax = 4096;
constexpr std::uint64_t kPlaceVersion = 2;

bool has_stamp(const Json& json, const FileStamp& stamp) {
  return find_number(json, "inode") == stamp.inode && find_number(json, "size") == stamp.size &&
         find_number(json, "modified_ns") == stamp.modified_ns;
}

}  // namespace

LoadPlace::LoadPlace(const std::string& path, const FileStamp& stamp, std::string cluster)
    : place_path_(path + ".loaded"), stamp_(stamp), cluster_(std::move(cluster)) {}

Status LoadPlace::read() {
  if (access(place_path_.c_str(), F_OK) != 0) return Status();
  const Result<std::string> text = read_file(place_path_, kPlaceSizeMax);
  if (!text.ok()) return text.status();
  const auto refused = [this](std::string_view why) {
    return Status::invalid(
        fmt::format("{} {}: remove it to begin anew", printable(place_path_, 300), why));
  };
  const Json json = Json::parse(text.value(), nullptr, false);
  const bool is_known = json.is_object() && find_number(json, "rkv_load_place") == kPlaceVersion;
  const std::optional<std::uint64_t> keys = is_known ? find_number(json, "keys") : std::nullopt;
  const std::optional<std::string> cluster = is_known ? find_bytes(json, "cluster") : std::nullopt;
  if (!keys || !cluster) return refused("does not say where to go on");
  if (!has_stamp(json, stamp_)) return refused("is not about this file as it is now");
  if (*cluster != cluster_) {
    return refused(fmt::format("is about a load into cluster {}, not into this one, {}",
                               printable(*cluster), cluster_));
  }
  keys_ = *keys;
  return Status();
}

Status LoadPlace::note(std::uint64_t keys) {
  return replace_file(place_path_, to_line(Json{{"rkv_load_place", kPlaceVersion},
                                                {"keys", keys},
                                                {"cluster", cluster_},
                                                {"inode", stamp_.inode},
                                                {"size", stamp_.size},
                                                {"modified_ns", stamp_.modified_ns}}) +
                                       "\n");
}

void LoadPlace::remove() { unlink(place_path_.c_str()); }

}  // namespace rkv::cli
