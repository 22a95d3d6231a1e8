#include "storage/format.h"

#include <algorithm>
#include <memory>

#include "base/bytes.h"
#include "base/limits.h"

namespace rkv::storage {
namespace {

constexpr char kEntryFormat = 2;
constexpr char kEntryFormatWithoutCreated = 1;
constexpr std::size_t kEntryHeadSizeWithoutCreated = 17;
constexpr std::size_t kNumberSize = 8;
constexpr char kReplyFormat = 2;
constexpr char kReplyFormatWithoutTold = 1;
constexpr std::size_t kReplyHeadSize = 1 + 4 + 3 * 8;

Status unknown_format(std::string_view record) {
  return Status::internal("its record has the unknown format 0x" + to_hex(record.substr(0, 1)));
}

std::optional<kv::Applied::Outcome> outcome_from(std::uint32_t number) {
  switch (static_cast<kv::Applied::Outcome>(number)) {
    case kv::Applied::Outcome::kApplied:
    case kv::Applied::Outcome::kNotFound:
    case kv::Applied::Outcome::kInvalid:
    case kv::Applied::Outcome::kOverLimit:
      return static_cast<kv::Applied::Outcome>(number);
    case kv::Applied::Outcome::kExpired:  // these are never kept
    case kv::Applied::Outcome::kFull:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::array<char, kEntryHeadSize> encode_entry_head(const kv::Entry& entry) {
  std::string head(1, kEntryFormat);
  append_uint64(head, entry.version);
  append_uint64(head, entry.position);
  append_uint64(head, entry.created);
  std::array<char, kEntryHeadSize> result{};
  std::copy(head.begin(), head.end(), result.begin());
  return result;
}

Result<EntryView> decode_entry(std::string_view record) {
  if (record.empty()) return Status::internal("its record is empty");
  const bool has_created = record[0] != kEntryFormatWithoutCreated;
  if (has_created && record[0] != kEntryFormat) return unknown_format(record);
  const std::size_t head_size = has_created ? kEntryHeadSize : kEntryHeadSizeWithoutCreated;
  if (record.size() < head_size) return Status::internal("its record is cut short");
  XdrReader reader(record.substr(1));
  EntryView entry;
  entry.version = reader.read_uint64();
  entry.position = reader.read_uint64();
  if (has_created) entry.created = reader.read_uint64();
  entry.value = record.substr(head_size);
  if (entry.version == 0) return Status::internal("its record has version 0");
  if (entry.position == 0) return Status::internal("its record has position 0");
  if (entry.created > entry.position) {
    return Status::internal("its record was created behind its position");
  }
  if (entry.value.size() > kValueSizeMax) return Status::internal("its value is over the limit");
  return entry;
}

std::string encode_reply_key(const kv::ReplyId& id) {
  std::string key(1, kReplyPrefix);
  append_uint64(key, id.client);
  append_uint64(key, id.sequence);
  return key;
}

std::optional<kv::ReplyId> decode_reply_key(std::string_view key) {
  XdrReader reader(key);
  kv::ReplyId id;
  id.client = reader.read_uint64();
  id.sequence = reader.read_uint64();
  if (!reader.done() || id.client == 0) return std::nullopt;
  return id;
}

std::string encode_reply(const kv::Reply& reply) {
  std::string record(1, kReplyFormat);
  append_uint32(record, static_cast<std::uint32_t>(reply.applied.outcome));
  append_uint64(record, reply.applied.version);
  append_uint64(record, reply.applied.position);
  append_uint64(record, reply.first_outstanding);
  if (reply.applied.told != nullptr) record += *reply.applied.told;
  return record;
}

Result<kv::Reply> decode_reply(std::string_view record) {
  if (record.empty()) return Status::internal("its record is empty");
  const bool may_tell = record[0] != kReplyFormatWithoutTold;
  if (may_tell && record[0] != kReplyFormat) return unknown_format(record);
  const std::size_t size_max = kReplyHeadSize + (may_tell ? kStepsResultSizeMax : 0);
  if (record.size() < kReplyHeadSize || record.size() > size_max) {
    return Status::internal("its record has " + std::to_string(record.size()) +
                            " bytes and not from " + std::to_string(kReplyHeadSize) + " to " +
                            std::to_string(size_max));
  }
  XdrReader reader(record.substr(1));
  const std::uint32_t outcome_number = reader.read_uint32();
  const std::optional<kv::Applied::Outcome> outcome = outcome_from(outcome_number);
  if (!outcome) {
    return Status::internal("its record has the unknown outcome " + std::to_string(outcome_number));
  }
  kv::Reply reply;
  reply.applied.outcome = *outcome;
  reply.applied.version = reader.read_uint64();
  reply.applied.position = reader.read_uint64();
  reply.first_outstanding = reader.read_uint64();
  if (reply.applied.position == 0) return Status::internal("its record has position 0");
  const std::string_view told = record.substr(kReplyHeadSize);
  if (!told.empty()) reply.applied.told = std::make_shared<const std::string>(told);
  return reply;
}

std::string encode_number(std::uint64_t number) {
  std::string record;
  append_uint64(record, number);
  return record;
}

std::optional<std::uint64_t> decode_number(std::string_view record) {
  if (record.size() != kNumberSize) return std::nullopt;
  return XdrReader(record).read_uint64();
}

}  // namespace rkv::storage
