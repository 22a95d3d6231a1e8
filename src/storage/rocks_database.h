#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "kv/memory_store.h"
#include "kv/store.h"
#include "storage/rocks_changes.h"
#include "storage/table.h"

namespace rocksdb {
class DB;
class Env;
class Iterator;
class Snapshot;
}  // namespace rocksdb

namespace rkv::storage {

// How what is written becomes durable.
enum class Durability {
  // Every write goes to RocksDB's write-ahead log and is synced there: many small writes.
  kWriteAheadLog,
  // Every write goes into a table file of its own, past that log: few large writes, of what another
  // log holds until then.
  kFlush,
};

// A RocksDB database laid out as FORMAT.txt says. Every call blocks on the disk. Thread-safe.
class RocksDatabase {
 public:
  struct Options {
    std::string directory;
    bool create = false;
    Durability durability = Durability::kWriteAheadLog;
    rocksdb::Env* env = nullptr;  // null: the operating system's
  };
  // Fails with kUnavailable if there is no database (and none is to be created) or another process
  // has it open, with kInternal if it is damaged or the disk is at fault.
  static Result<std::unique_ptr<RocksDatabase>> open(const Options& options);
  ~RocksDatabase();
  RocksDatabase(const RocksDatabase&) = delete;
  RocksDatabase& operator=(const RocksDatabase&) = delete;

  // Is told, once, that RocksDB failed at something it did by itself; on any thread, possibly
  // before this returns. It must not call back into the database. An empty handler ends the
  // telling.
  using FailureHandler = std::function<void(const Status& failure)>;
  void set_failure_handler(FailureHandler handler);

  // Writes the last of the changes, of which there must be some, and their position: all of it is
  // durable when this returns success, and none of it without the rest ever. After a failure nobody
  // knows what is on disk, and the database must not be used any more.
  Status write(RocksChanges changes);

  struct Content {
    explicit Content(std::uint64_t table_seed) : table(table_seed) {}
    Table table;
    kv::MemoryStore::ReplyTable replies;
    std::uint64_t epoch = 0;
    Position position = 0;
  };
  // Everything there is; fails on the first record that is not as FORMAT.txt says.
  Result<Content> load(std::uint64_t table_seed);

  // Hashes the state as it is now; an empty result when `stop` became true on the way.
  Result<std::optional<kv::StateHash>> hash(const std::atomic<bool>& stop);

  Result<std::optional<std::string>> metadata(std::string_view name);
  // Durable when it returns success, whatever the durability of writes. Not for a name that write()
  // has for itself, see FORMAT.txt.
  Status put_metadata(std::string_view name, std::string_view value);

 private:
  class Listener;

  RocksDatabase(const Options& options, std::shared_ptr<Listener> listener);
  Status failure(std::string_view what, const std::string& reason) const;
  Status load_record(std::string_view key, std::string_view record, Content& content) const;
  Status load_entry(std::string_view key, std::string_view record, Content& content) const;
  Status load_reply(std::string_view key, std::string_view record, Content& content) const;
  Status check_position(const std::string& what, Position position, const Content& content) const;
  Result<std::uint64_t> read_number(std::string_view name, const rocksdb::Snapshot* snapshot);

  const std::string directory_;
  const Durability durability_;
  const std::shared_ptr<Listener> listener_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace rkv::storage
