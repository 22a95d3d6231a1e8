#include "kv/memory_store.h"

#include <utility>

#include "base/check.h"
#include "kv/state_hash.h"

namespace rkv::kv {

MemoryStore::MemoryStore(const MemoryStore& other)
    : table_(other.table_),
      replies_(other.replies_),
      epoch_(other.epoch_),
      applied_(other.applied_),
      durable_(other.durable_) {}

void MemoryStore::change(ReplyTable& table, const std::vector<ReplyChange>& changes) {
  for (const ReplyChange& change : changes) {
    if (change.reply) {
      table.insert_or_assign(change.id, *change.reply);
    } else {
      table.erase(change.id);
    }
  }
}

void MemoryStore::get(std::string_view key, GetDone done) {
  const auto found = table_.find(key);
  done(found == table_.end() ? nullptr : &found->second);
}

void MemoryStore::scan(const Scan& scan, ScanDone done) {
  done(scan_entries(table_, history_, scan, applied_));
}

Position MemoryStore::pin() {
  history_.pin(applied_);
  return applied_;
}

void MemoryStore::apply(Position position, std::vector<Change> changes, SessionChanges sessions) {
  RKV_CHECK(position == applied_ + 1, "changes are applied in the order of their positions");
  for (Change& each : changes) {
    const auto found = table_.find(each.key);
    if (history_.wants_changes()) {
      history_.save(each.key, found == table_.end() ? nullptr : &found->second, position);
    }
    if (each.entry && found != table_.end()) {
      found->second = std::move(*each.entry);
    } else if (each.entry) {
      table_.emplace(std::move(each.key), std::move(*each.entry));
    } else if (found != table_.end()) {
      table_.erase(found);
    }
  }
  change(replies_, sessions.replies);
  if (sessions.epoch) epoch_ = *sessions.epoch;
  applied_ = position;
}

void MemoryStore::visit_replies(ReplyVisitor visitor) const {
  for (const auto& [id, reply] : replies_) visitor(id, reply);
}

void MemoryStore::write_sealed() {
  if (durable_ == sealed_) return;
  durable_ = sealed_;
  if (listener_) listener_(durable_);
}

void MemoryStore::set_durable_listener(DurableListener listener) {
  listener_ = std::move(listener);
}

void MemoryStore::hash(HashDone done) {
  StateHasher hasher;
  for (const auto& [key, entry] : table_) hasher.add(key, entry.version, entry.value);
  done(hasher.finish(applied_));
}

}  // namespace rkv::kv
