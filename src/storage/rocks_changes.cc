#include "storage/rocks_changes.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "base/check.h"

namespace rkv::storage {
namespace {

// Below the size from which malloc() asks the kernel for each block, and fetches its pages anew.
constexpr std::size_t kBufferSize = 64U << 10;

// What stands in a buffer in front of each change. Never leaves memory.
struct Head {
  enum class Kind { kPut, kRemoval, kReply, kNewReply };
  Kind kind = Kind::kPut;
  std::size_t key_size = 0;  // these are behind the head, the key first
  std::size_t value_size = 0;
  std::uint64_t version = 0;
  Position position = 0;
  Position created = 0;
};
static_assert(std::is_trivially_copyable_v<Head>);

// What stands behind the head of a reply; what is told comes behind it.
struct ReplyHead {
  kv::ReplyId id;
  bool is_kept = false;  // else it is dropped, and the rest says nothing
  kv::Applied::Outcome outcome = kv::Applied::Outcome::kApplied;
  std::uint64_t version = 0;
  Position position = 0;
  std::uint64_t first_outstanding = 0;
  std::size_t told_size = 0;  // 0: nothing is told
};
static_assert(std::is_trivially_copyable_v<ReplyHead>);

template <typename T>
void append_object(std::string& buffer, const T& object) {
  buffer.append(reinterpret_cast<const char*>(&object), sizeof object);
}

template <typename T>
T read_object(const char* from) {
  T object;
  std::memcpy(&object, from, sizeof object);
  return object;
}

ReplyHead head_of(const kv::ReplyChange& change) {
  ReplyHead head;
  head.id = change.id;
  if (!change.reply) return head;
  const kv::Applied& applied = change.reply->applied;
  head.is_kept = true;
  head.outcome = applied.outcome;
  head.version = applied.version;
  head.position = applied.position;
  head.first_outstanding = change.reply->first_outstanding;
  head.told_size = applied.told == nullptr ? 0 : applied.told->size();
  return head;
}

kv::ReplyChange change_of(const ReplyHead& head, const char* told) {
  kv::ReplyChange change;
  change.id = head.id;
  if (!head.is_kept) return change;
  kv::Applied applied{head.outcome, head.version, head.position, nullptr};
  if (head.told_size > 0) {
    applied.told = std::make_shared<const std::string>(told, head.told_size);
  }
  change.reply = kv::Reply{std::move(applied), head.first_outstanding};
  return change;
}

// The last change of a reply, and whether there was none of its id before its first one: then the
// database holds none.
struct LastReply {
  ReplyHead head;
  const char* told = nullptr;
  bool was_new = false;
};

// Takes in the changes of one buffer after another, in their order.
class Coalescer {
 public:
  void take(std::string_view buffer) {
    const char* at = buffer.data();
    const char* const end = at + buffer.size();
    while (at != end) {
      const Head head = read_object<Head>(at);
      at += sizeof head;
      if (head.kind == Head::Kind::kReply || head.kind == Head::Kind::kNewReply) {
        const ReplyHead reply = read_object<ReplyHead>(at);
        at += sizeof reply;
        take({reply, at, head.kind == Head::Kind::kNewReply});
        at += reply.told_size;
      } else {
        take(head, at);
        at += head.key_size + head.value_size;
      }
    }
  }

  RocksChanges::LastChanges finish() {
    RocksChanges::LastChanges result;
    result.entries.reserve(entries_.size());
    for (const auto& [key, change] : entries_) result.entries.push_back(change);
    std::sort(result.entries.begin(), result.entries.end(),
              [](const auto& a, const auto& b) { return a.key < b.key; });
    result.replies.reserve(replies_.size());
    for (const auto& [id, last] : replies_) {
      result.replies.push_back(change_of(last.head, last.told));
    }
    return result;
  }

 private:
  void take(const Head& head, const char* key) {
    RocksChanges::LastChange change;
    change.key = {key, head.key_size};
    change.removed = head.kind == Head::Kind::kRemoval;
    change.version = head.version;
    change.position = head.position;
    change.created = head.created;
    change.value = {key + head.key_size, head.value_size};
    entries_.insert_or_assign(change.key, change);
  }

  void take(const LastReply& reply) {
    const auto [last, first] = replies_.try_emplace(reply.head.id, reply);
    if (first) return;
    last->second.head = reply.head;
    last->second.told = reply.told;
    if (!reply.head.is_kept && last->second.was_new) replies_.erase(last);
  }

  std::unordered_map<std::string_view, RocksChanges::LastChange> entries_;
  std::map<kv::ReplyId, LastReply> replies_;
};

}  // namespace

// A buffer that has room for this many bytes more. The first one grows as it is filled, so that few
// changes take little memory.
std::string& RocksChanges::buffer_for(std::size_t size) {
  if (buffers_.empty()) return buffers_.emplace_back();
  if (buffers_.back().size() + size <= kBufferSize) return buffers_.back();
  buffers_.emplace_back().reserve(std::max(size, kBufferSize));
  return buffers_.back();
}

void RocksChanges::add(Position position, const std::vector<kv::Change>& changes) {
  RKV_CHECK(position > position_, "changes are written in the order of their positions");
  position_ = position;
  for (const kv::Change& change : changes) {
    Head head;
    head.key_size = change.key.size();
    if (change.entry) {
      head.value_size = change.entry->value.size();
      head.version = change.entry->version;
      head.position = change.entry->position;
      head.created = change.entry->created;
    } else {
      head.kind = Head::Kind::kRemoval;
    }
    std::string& buffer = buffer_for(sizeof head + head.key_size + head.value_size);
    append_object(buffer, head);
    buffer.append(change.key);
    if (change.entry) buffer.append(change.entry->value);
  }
}

void RocksChanges::add(const kv::ReplyChange& change, bool is_new) {
  Head head;
  head.kind = is_new ? Head::Kind::kNewReply : Head::Kind::kReply;
  const ReplyHead reply = head_of(change);
  std::string& buffer = buffer_for(sizeof head + sizeof reply + reply.told_size);
  append_object(buffer, head);
  append_object(buffer, reply);
  if (reply.told_size > 0) buffer.append(*change.reply->applied.told);
}

void RocksChanges::append(RocksChanges&& later) {
  RKV_CHECK(later.position_ > position_, "changes are written in the order of their positions");
  position_ = later.position_;
  if (later.epoch_) epoch_ = later.epoch_;
  std::move(later.buffers_.begin(), later.buffers_.end(), std::back_inserter(buffers_));
  later = RocksChanges();
}

RocksChanges::LastChanges RocksChanges::last_changes() const {
  Coalescer coalescer;
  for (const std::string& buffer : buffers_) coalescer.take(buffer);
  LastChanges last = coalescer.finish();
  last.epoch = epoch_;
  return last;
}

}  // namespace rkv::storage
