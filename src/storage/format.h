#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "kv/store.h"

namespace rkv::storage {

// The records of the database, byte by byte as FORMAT.txt lays them out.

constexpr char kEntryPrefix = 'k';     // in front of a key
constexpr char kMetadataPrefix = 'm';  // in front of a metadata's name
constexpr char kReplyPrefix = 's';     // in front of a client and a sequence
constexpr std::string_view kPositionName = "position";
constexpr std::string_view kEpochName = "epoch";

// The part of an entry's record that comes before the value.
constexpr std::size_t kEntryHeadSize = 25;
std::array<char, kEntryHeadSize> encode_entry_head(const kv::Entry& entry);

// An entry whose value is a view into its record.
struct EntryView {
  std::uint64_t version = 0;
  Position position = 0;
  Position created = 0;
  std::string_view value;
};
// The entry that a record holds; if it is none, a reason that does not name the key.
Result<EntryView> decode_entry(std::string_view record);

// The database's key of a reply, prefix and all; and the id that such a key without its prefix
// stands for, nothing if it is none.
std::string encode_reply_key(const kv::ReplyId& id);
std::optional<kv::ReplyId> decode_reply_key(std::string_view key);
// The record of a reply; if it is none, a reason that does not name the id.
std::string encode_reply(const kv::Reply& reply);
Result<kv::Reply> decode_reply(std::string_view record);

// The record of a metadata that is a number: the position, and the epoch.
std::string encode_number(std::uint64_t number);
std::optional<std::uint64_t> decode_number(std::string_view record);

}  // namespace rkv::storage
