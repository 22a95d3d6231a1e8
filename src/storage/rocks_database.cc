#include "storage/rocks_database.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <mutex>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "kv/command.h"
#include "kv/state_hash.h"
#include "storage/format.h"

namespace rkv::storage {
namespace {

constexpr std::size_t kFailureLengthMax = 300;         // characters of a reason that RocksDB gave
constexpr int kOpenFilesMax = 256;                     // descriptors RocksDB may hold
constexpr std::size_t kWriteBufferSize = 32U << 20;    // bytes in memory before a flush
constexpr std::uint64_t kSyncWhileWriting = 1U << 20;  // bytes of a new file between early syncs
constexpr int kTablesBeforeCompaction = 8;             // that were flushed one after another
constexpr std::size_t kManifestSizeMax = 4U << 20;     // bytes, to which each flush adds some 200
constexpr std::size_t kInfoLogSizeMax = 1U << 20;      // bytes of one of RocksDB's own log files
constexpr std::size_t kInfoLogsMax = 4;                // of those files

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

std::string metadata_key(std::string_view name) {
  return std::string(1, kMetadataPrefix).append(name);
}

std::string one_line(const rocksdb::Status& status) {
  return printable(status.ToString(), kFailureLengthMax);
}

rocksdb::Options database_options(bool create) {
  rocksdb::Options options;
  options.create_if_missing = create;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = true;
  // Every write is synced before anybody hears of it, so all that a crash can take is the end of a
  // write that was never reported: that is tolerated. A record with a wrong checksum is damage, and
  // damage must stop the replica: point-in-time recovery would silently drop every write behind it,
  // and absolute consistency would refuse the torn end that any crash may leave.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // A recycled file ends in old records, which would make damage look like an end.
  options.recycle_log_file_num = 0;
  // A failure is told at once: RocksDB is not to try again by itself, and to let a flush wait.
  options.max_bgerror_resume_count = 0;
  options.level0_file_num_compaction_trigger = kTablesBeforeCompaction;
  options.max_manifest_file_size = kManifestSizeMax;
  options.max_open_files = kOpenFilesMax;
  options.max_background_jobs = 2;
  options.write_buffer_size = kWriteBufferSize;
  options.bytes_per_sync = kSyncWhileWriting;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.max_log_file_size = kInfoLogSizeMax;
  options.keep_log_file_num = kInfoLogsMax;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

// Reads everything once: keeps it out of the cache, believes no block without its checksum.
rocksdb::ReadOptions scan_options() {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.verify_checksums = true;
  return options;
}

// The name of a new directory is durable once the directory it is in is synced; RocksDB syncs only
// its own.
rocksdb::Status sync_parent(rocksdb::Env* env, std::string directory) {
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  const std::size_t slash = directory.rfind('/');
  std::string parent = ".";
  if (slash != std::string::npos) parent = slash == 0 ? "/" : directory.substr(0, slash);
  std::unique_ptr<rocksdb::Directory> handle;
  const rocksdb::Status status = env->NewDirectory(parent, &handle);
  return status.ok() ? handle->Fsync() : status;
}

Status open_failure(const std::string& directory, const rocksdb::Status& status) {
  if (status.IsIOError() && status.ToString().find("/LOCK") != std::string::npos) {
    return Status::unavailable("data directory " + directory + " is in use by another process (" +
                               one_line(status) + ")");
  }
  if (status.IsCorruption()) {
    return Status::internal("data directory " + directory + " is damaged: " + one_line(status));
  }
  return Status::internal("cannot open data directory " + directory + ": " + one_line(status));
}

void add_entry(const RocksChanges::LastChange& change, rocksdb::WriteBatch& batch) {
  const rocksdb::Slice prefix(&kEntryPrefix, 1);
  const std::array<rocksdb::Slice, 2> key = {prefix, slice(change.key)};
  const rocksdb::SliceParts key_parts(key.data(), static_cast<int>(key.size()));
  rocksdb::Status status;
  if (change.removed) {
    status = batch.Delete(key_parts);
  } else {
    const std::array<char, kEntryHeadSize> head =
        encode_entry_head({{}, change.version, change.position, change.created});
    const std::array<rocksdb::Slice, 2> record = {rocksdb::Slice(head.data(), head.size()),
                                                  slice(change.value)};
    status =
        batch.Put(key_parts, rocksdb::SliceParts(record.data(), static_cast<int>(record.size())));
  }
  RKV_CHECK(status.ok(), "a batch in memory takes every change");
}

void add_reply(const kv::ReplyChange& change, rocksdb::WriteBatch& batch) {
  const std::string key = encode_reply_key(change.id);
  const rocksdb::Status status =
      change.reply ? batch.Put(key, encode_reply(*change.reply)) : batch.Delete(key);
  RKV_CHECK(status.ok(), "a batch in memory takes every change");
}

void add_number(std::string_view name, std::uint64_t number, rocksdb::WriteBatch& batch) {
  const rocksdb::Status status = batch.Put(metadata_key(name), encode_number(number));
  RKV_CHECK(status.ok(), "a batch in memory takes every change");
}

// In the order of the database's keys.
rocksdb::WriteBatch make_batch(const RocksChanges& changes) {
  const RocksChanges::LastChanges last = changes.last_changes();
  rocksdb::WriteBatch batch;
  for (const RocksChanges::LastChange& change : last.entries) add_entry(change, batch);
  if (last.epoch) add_number(kEpochName, *last.epoch, batch);
  add_number(kPositionName, changes.position(), batch);
  for (const kv::ReplyChange& change : last.replies) add_reply(change, batch);
  return batch;
}

}  // namespace

// RocksDB flushes and compacts by itself; after a failure there it would go on as read-only, or
// retry, where this program wants to end.
class RocksDatabase::Listener final : public rocksdb::EventListener {
 public:
  void set_handler(FailureHandler handler) {
    const std::lock_guard lock(mutex_);
    handler_ = std::move(handler);
    tell();
  }

  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) return;
    failure_ = Status::internal("RocksDB failed in the background: " + one_line(*status));
    tell();
  }

 private:
  void tell() {
    if (failure_.ok() || !handler_ || told_) return;
    told_ = true;
    handler_(failure_);
  }

  std::mutex mutex_;
  FailureHandler handler_;
  Status failure_;
  bool told_ = false;
};

Result<std::unique_ptr<RocksDatabase>> RocksDatabase::open(const Options& options) {
  const std::string& directory = options.directory;
  rocksdb::Env* const env = options.env == nullptr ? rocksdb::Env::Default() : options.env;
  const bool exists = env->FileExists(directory + "/CURRENT").ok();
  if (!exists && !options.create) {
    return Status::unavailable("there is no data in directory " + directory +
                               "; if it is to be created, ask for that");
  }
  const auto listener = std::make_shared<Listener>();
  rocksdb::Options settings = database_options(options.create);
  settings.env = env;
  settings.listeners.push_back(listener);
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(settings, directory, &opened);
  if (!status.ok()) return open_failure(directory, status);
  std::unique_ptr<RocksDatabase> database(new RocksDatabase(options, listener));
  database->db_.reset(opened);
  RKV_FAILPOINT(store_after_open);
  if (!exists) status = sync_parent(env, directory);
  if (!status.ok()) return open_failure(directory, status);
  return database;
}

RocksDatabase::RocksDatabase(const Options& options, std::shared_ptr<Listener> listener)
    : directory_(options.directory),
      durability_(options.durability),
      listener_(std::move(listener)) {}

RocksDatabase::~RocksDatabase() = default;

void RocksDatabase::set_failure_handler(FailureHandler handler) {
  listener_->set_handler(std::move(handler));
}

Status RocksDatabase::failure(std::string_view what, const std::string& reason) const {
  return Status::internal("data directory " + directory_ + ": " + std::string(what) + ": " +
                          reason);
}

// A write past the write-ahead log is durable when the table in memory that took it is flushed. One
// batch never goes into two of those, and they are flushed in their order; so a crash leaves whole
// batches, without a gap.
Status RocksDatabase::write(RocksChanges changes) {
  RKV_CHECK(!changes.empty(), "a batch without changes stands for no position");
  const bool flushes = durability_ == Durability::kFlush;
  rocksdb::WriteOptions options;
  options.sync = !flushes;
  options.disableWAL = flushes;
  if (RKV_FAILPOINT_FAILS(store_before_write)) return failure("cannot write", "failpoint");
  rocksdb::Status status;
  {
    rocksdb::WriteBatch batch = make_batch(std::exchange(changes, RocksChanges()));
    status = db_->Write(options, &batch);
  }
  if (status.ok() && flushes) {
    if (RKV_FAILPOINT_FAILS(store_before_flush)) return failure("cannot flush", "failpoint");
    rocksdb::FlushOptions flush;
    flush.wait = true;
    flush.allow_write_stall = true;  // the next write may wait for a compaction as well as this one
    status = db_->Flush(flush);
  }
  if (!status.ok()) return failure("cannot write", one_line(status));
  RKV_FAILPOINT(store_after_write);
  return {};
}

Status RocksDatabase::load_record(std::string_view key, std::string_view record,
                                  Content& content) const {
  const char kind = key.empty() ? '\0' : key.front();
  switch (kind) {
    case kEntryPrefix:
      return load_entry(key.substr(1), record, content);
    case kMetadataPrefix:
      return {};
    case kReplyPrefix:
      return load_reply(key.substr(1), record, content);
    default:
      return failure("a record of an unknown kind", printable(key));
  }
}

Status RocksDatabase::load_entry(std::string_view key, std::string_view record,
                                 Content& content) const {
  const std::string what = "key " + printable(key);
  const Status valid = kv::validate_key(key);
  if (!valid.ok()) return failure(what, valid.reason());
  const Result<EntryView> decoded = decode_entry(record);
  if (!decoded.ok()) return failure(what, decoded.status().reason());
  const EntryView& entry = decoded.value();
  const Status placed = check_position(what, entry.position, content);
  if (!placed.ok()) return placed;
  content.table.append(
      key, kv::Entry{std::string(entry.value), entry.version, entry.position, entry.created});
  return {};
}

Status RocksDatabase::load_reply(std::string_view key, std::string_view record,
                                 Content& content) const {
  const std::optional<kv::ReplyId> id = decode_reply_key(key);
  if (!id) return failure("a reply", "its key is no client and sequence: " + printable(key));
  const std::string what = "the reply to client " + std::to_string(id->client) + ", sequence " +
                           std::to_string(id->sequence);
  const Result<kv::Reply> reply = decode_reply(record);
  if (!reply.ok()) return failure(what, reply.status().reason());
  const Status placed = check_position(what, reply.value().applied.position, content);
  if (!placed.ok()) return placed;
  if (reply.value().first_outstanding > id->sequence) {
    return failure(what, "its client was said not to wait for it any more");
  }
  content.replies.emplace_hint(content.replies.end(), *id, reply.value());
  return {};
}

Status RocksDatabase::check_position(const std::string& what, Position position,
                                     const Content& content) const {
  if (position <= content.position) return {};
  return failure(what, "its position " + std::to_string(position) + " is above the replica's, " +
                           std::to_string(content.position));
}

Result<RocksDatabase::Content> RocksDatabase::load(std::uint64_t table_seed) {
  Content content(table_seed);
  const Result<Position> position = read_number(kPositionName, nullptr);
  if (!position.ok()) return position.status();
  content.position = position.value();
  const Result<std::uint64_t> epoch = read_number(kEpochName, nullptr);
  if (!epoch.ok()) return epoch.status();
  content.epoch = epoch.value();
  const std::unique_ptr<rocksdb::Iterator> records(db_->NewIterator(scan_options()));
  for (records->SeekToFirst(); records->Valid(); records->Next()) {
    const Status loaded = load_record(view(records->key()), view(records->value()), content);
    if (!loaded.ok()) return loaded;
  }
  if (!records->status().ok()) return failure("cannot read", one_line(records->status()));
  return content;
}

// 0 if there is none of that name.
Result<std::uint64_t> RocksDatabase::read_number(std::string_view name,
                                                 const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options = scan_options();
  options.snapshot = snapshot;
  std::string record;
  const rocksdb::Status status = db_->Get(options, metadata_key(name), &record);
  if (status.IsNotFound()) return std::uint64_t{0};
  if (!status.ok()) return failure("cannot read", one_line(status));
  const std::optional<std::uint64_t> number = decode_number(record);
  if (!number) return failure("metadata \"" + std::string(name) + "\"", "its record is no number");
  return *number;
}

Result<std::optional<kv::StateHash>> RocksDatabase::hash(const std::atomic<bool>& stop) {
  // A snapshot shows whole batches only, so that entries and position belong together.
  rocksdb::ManagedSnapshot snapshot(db_.get());
  const Result<Position> position = read_number(kPositionName, snapshot.snapshot());
  if (!position.ok()) return position.status();
  rocksdb::ReadOptions options = scan_options();
  options.snapshot = snapshot.snapshot();
  const std::unique_ptr<rocksdb::Iterator> records(db_->NewIterator(options));
  kv::StateHasher hasher;
  const rocksdb::Slice prefix(&kEntryPrefix, 1);
  for (records->Seek(prefix); records->Valid() && records->key().starts_with(prefix);
       records->Next()) {
    if (stop) return std::optional<kv::StateHash>();
    const std::string_view key = view(records->key()).substr(1);
    const Result<EntryView> entry = decode_entry(view(records->value()));
    if (!entry.ok()) return failure("key " + printable(key), entry.status().reason());
    hasher.add(key, entry.value().version, entry.value().value);
  }
  if (!records->status().ok()) return failure("cannot read", one_line(records->status()));
  return std::optional(hasher.finish(position.value()));
}

Result<std::optional<std::string>> RocksDatabase::metadata(std::string_view name) {
  std::string value;
  const rocksdb::Status status = db_->Get(scan_options(), metadata_key(name), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return failure("cannot read", one_line(status));
  return std::optional(std::move(value));
}

Status RocksDatabase::put_metadata(std::string_view name, std::string_view value) {
  RKV_CHECK(name != kPositionName && name != kEpochName,
            "the state is written with the position it belongs to only");
  rocksdb::WriteOptions options;
  options.sync = true;
  if (RKV_FAILPOINT_FAILS(store_before_metadata)) return failure("cannot write", "failpoint");
  const rocksdb::Status status = db_->Put(options, metadata_key(name), slice(value));
  if (!status.ok()) return failure("cannot write", one_line(status));
  RKV_FAILPOINT(store_after_metadata);
  return {};
}

}  // namespace rkv::storage
