#include "storage/rocks_store.h"

#include <utility>

#include "base/check.h"
#include "storage/rocks_hasher.h"
#include "storage/rocks_writer.h"

namespace rkv::storage {

Result<std::unique_ptr<RocksStore>> RocksStore::open(const Options& options) {
  Result<std::unique_ptr<RocksDatabase>> database =
      RocksDatabase::open({options.directory, options.create, options.durability, options.env});
  if (!database.ok()) return database.status();
  Result<RocksDatabase::Content> content = database.value()->load(options.table_seed);
  if (!content.ok()) return content.status();
  return std::unique_ptr<RocksStore>(
      new RocksStore(options, std::move(database).value(), std::move(content).value()));
}

RocksStore::RocksStore(const Options& options, std::unique_ptr<RocksDatabase> database,
                       RocksDatabase::Content content)
    : post_(options.post),
      table_(std::move(content.table)),
      replies_(std::move(content.replies)),
      epoch_(content.epoch),
      applied_(content.position),
      durable_(content.position),
      alive_(std::make_shared<bool>(true)),
      database_(std::move(database)) {
  const auto durable = [this, alive = std::weak_ptr<bool>(alive_)](Position written) {
    post_([this, alive, written] {
      if (!alive.expired()) become_durable(written);
    });
  };
  writer_ =
      std::make_unique<RocksWriter>(*database_, RocksWriter::Callbacks{durable, options.fatal});
  const auto hashed = [this,
                       alive = std::weak_ptr<bool>(alive_)](const Result<kv::StateHash>& hash) {
    if (!hash.ok()) {
      writer_->fail(hash.status());
      return;
    }
    post_([this, alive, hash = hash.value()] {
      if (!alive.expired()) finish_hash(hash);
    });
  };
  hasher_ = std::make_unique<RocksHasher>(*database_, hashed);
  database_->set_failure_handler([this](const Status& failure) { writer_->fail(failure); });
}

// The hasher first, which may tell the writer of a failure; so may the database until it is told
// not to.
RocksStore::~RocksStore() {
  hasher_.reset();
  database_->set_failure_handler(nullptr);
  writer_.reset();
}

Result<std::optional<std::string>> RocksStore::metadata(std::string_view name) {
  return database_->metadata(name);
}

Status RocksStore::put_metadata(std::string_view name, std::string_view value) {
  return database_->put_metadata(name, value);
}

void RocksStore::get(std::string_view key, GetDone done) { done(table_.find(key)); }

void RocksStore::scan(const kv::Scan& scan, ScanDone done) {
  done(kv::scan_entries(table_.entries(), history_, scan, applied_));
}

Position RocksStore::pin() {
  history_.pin(applied_);
  return applied_;
}

void RocksStore::apply(Position position, std::vector<kv::Change> changes,
                       kv::SessionChanges sessions) {
  RKV_CHECK(position == applied_ + 1, "changes are applied in the order of their positions");
  unsealed_.add(position, changes);
  if (history_.wants_changes()) save_before(position, changes);
  table_.change(std::move(changes));
  for (const kv::ReplyChange& change : sessions.replies) apply(change);
  if (sessions.epoch) {
    epoch_ = *sessions.epoch;
    unsealed_.add_epoch(epoch_);
  }
  applied_ = position;
}

// All at once, before any of them: what is changed twice at one position is saved as it was before
// the first time.
void RocksStore::save_before(Position position, const std::vector<kv::Change>& changes) {
  for (const kv::Change& change : changes) {
    history_.save(change.key, table_.find(change.key), position);
  }
}

void RocksStore::apply(const kv::ReplyChange& change) {
  bool is_new = false;
  if (change.reply) {
    is_new = replies_.insert_or_assign(change.id, *change.reply).second;
  } else {
    replies_.erase(change.id);
  }
  unsealed_.add(change, is_new);
}

void RocksStore::visit_replies(ReplyVisitor visitor) const {
  for (const auto& [id, reply] : replies_) visitor(id, reply);
}

void RocksStore::seal() {
  if (!unsealed_.empty()) sealed_.append(std::exchange(unsealed_, RocksChanges()));
}

void RocksStore::write_sealed() {
  if (!sealed_.empty()) writer_->write(std::exchange(sealed_, RocksChanges()));
}

void RocksStore::set_durable_listener(DurableListener listener) { listener_ = std::move(listener); }

void RocksStore::become_durable(Position position) {
  RKV_CHECK(position >= durable_ && position <= applied_, "durable is between durable and applied");
  durable_ = position;
  if (listener_) listener_(durable_);
}

// What the hasher reads is the database, and so what was written. Whoever asks while a hash is
// under way waits for the next one, which is shared by all who wait; so at most two are ever owed,
// however many are asked for.
void RocksStore::hash(HashDone done) {
  hash_waiting_.push_back(std::move(done));
  if (hash_under_way_.empty()) begin_hash();
}

void RocksStore::begin_hash() {
  hash_under_way_ = std::exchange(hash_waiting_, {});
  hasher_->begin();
}

void RocksStore::finish_hash(const kv::StateHash& hash) {
  const std::vector<HashDone> finished = std::exchange(hash_under_way_, {});
  if (!hash_waiting_.empty()) begin_hash();
  for (const HashDone& done : finished) done(hash);
}

}  // namespace rkv::storage
