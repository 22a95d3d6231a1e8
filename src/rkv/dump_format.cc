#include "rkv/dump_format.h"

#include <fmt/format.h>

#define XXH_STATIC_LINKING_ONLY  // to have the state as a member
#include <xxhash.h>

#include <utility>

#include "base/bytes.h"

namespace rkv::cli {
namespace {

constexpr std::uint64_t kFormatVersion = 1;

constexpr const char* kHashField = "xxh3_128";

}  // namespace

struct DumpHash::State {
  XXH3_state_t xxh3;
};

DumpHash::DumpHash() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh3); }
DumpHash::~DumpHash() = default;

void DumpHash::add(std::string_view key, std::string_view value) {
  for (const std::string_view bytes : {key, value}) {
    std::string size;
    append_uint64(size, bytes.size());
    XXH3_128bits_update(&state_->xxh3, size.data(), size.size());
    XXH3_128bits_update(&state_->xxh3, bytes.data(), bytes.size());
  }
  ++keys_;
}

std::string DumpHash::hex() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_->xxh3));
  return to_hex({reinterpret_cast<const char*>(canonical.digest), sizeof(canonical.digest)});
}

std::string dump_header(const Json& fields) {
  Json header = {{"rkv_dump", kFormatVersion}};
  if (!fields.is_null()) header.update(fields);
  return to_line(header) + "\n";
}

std::string dump_entry(std::string_view key, std::string_view value) {
  Json entry;
  add_bytes(entry, "key", key);
  add_bytes(entry, "value", value);
  return to_line(entry) + "\n";
}

std::string dump_end(const DumpHash& hash) {
  return to_line(Json{{"keys", hash.keys()}, {kHashField, hash.hex()}}) + "\n";
}

Status DumpReader::failure(const std::string& what) const {
  return Status::invalid(fmt::format("line {}: {}", line_, what));
}

Result<std::optional<DumpReader::Entry>> DumpReader::take(std::string_view line) {
  ++line_;
  if (ended_) return failure("there is something behind the end of the dump");
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return failure("this is not a JSON object; is the dump cut off here?");
  return take_json(json);
}

Result<std::optional<DumpReader::Entry>> DumpReader::take_json(const Json& json) {
  const std::optional<Entry> nothing;
  if (line_ == 1) {
    Status status = take_header(json);
    if (!status.ok()) return status;
    return nothing;
  }
  if (json.contains(kHashField)) {
    Status status = take_end(json);
    if (!status.ok()) return status;
    return nothing;
  }
  std::optional<std::string> key = find_bytes(json, "key");
  std::optional<std::string> value = find_bytes(json, "value");
  if (!key || !value) return failure("there is no key, or no value, or it is no base64");
  if (key->empty()) return failure("the key is empty");
  if (key->size() > kKeySizeMax || value->size() > kValueSizeMax) {
    return failure("the key or the value is longer than a key or a value may be");
  }
  hash_.add(*key, *value);
  return std::optional(Entry{*std::move(key), *std::move(value)});
}

Status DumpReader::take_header(const Json& json) {
  const std::optional<std::uint64_t> version = find_number(json, "rkv_dump");
  if (!version) return failure("this is not the header of a dump");
  if (*version != kFormatVersion) {
    return failure(
        fmt::format("this is version {} of the format, which this rkv does not know", *version));
  }
  header_ = json;
  return Status();
}

Status DumpReader::take_end(const Json& json) {
  const std::optional<std::uint64_t> keys = find_number(json, "keys");
  if (!keys) return failure("this is not the end of a dump");
  if (*keys != hash_.keys()) {
    return failure(
        fmt::format("the dump says that it has {} keys, but there are {}", *keys, hash_.keys()));
  }
  if (find_bytes(json, kHashField) != hash_.hex()) {
    return failure("the hash is another one: the dump has been changed or damaged");
  }
  ended_ = true;
  return Status();
}

Status DumpReader::finish() const {
  if (ended_) return Status();
  return Status::invalid(
      fmt::format("the dump has no end, so it is cut off: {} keys are there", hash_.keys()));
}

}  // namespace rkv::cli
