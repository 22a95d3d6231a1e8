#include "storage/format.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/limits.h"

namespace rkv::storage {
namespace {

constexpr char kEntryFormat = 1;
constexpr std::size_t kPositionSize = 8;

}  // namespace

std::array<char, kEntryHeadSize> encode_entry_head(const kv::Entry& entry) {
  std::string head(1, kEntryFormat);
  append_uint64(head, entry.version);
  append_uint64(head, entry.position);
  std::array<char, kEntryHeadSize> result{};
  std::copy(head.begin(), head.end(), result.begin());
  return result;
}

Result<EntryView> decode_entry(std::string_view record) {
  if (record.size() < kEntryHeadSize) return Status::internal("its record is cut short");
  if (record[0] != kEntryFormat) {
    return Status::internal("its record has the unknown format 0x" + to_hex(record.substr(0, 1)));
  }
  XdrReader reader(record.substr(1));
  EntryView entry;
  entry.version = reader.read_uint64();
  entry.position = reader.read_uint64();
  entry.value = record.substr(kEntryHeadSize);
  if (entry.version == 0) return Status::internal("its record has version 0");
  if (entry.position == 0) return Status::internal("its record has position 0");
  if (entry.value.size() > kValueSizeMax) return Status::internal("its value is over the limit");
  return entry;
}

std::string encode_position(Position position) {
  std::string record;
  append_uint64(record, position);
  return record;
}

std::optional<Position> decode_position(std::string_view record) {
  if (record.size() != kPositionSize) return std::nullopt;
  return XdrReader(record).read_uint64();
}

}  // namespace rkv::storage
