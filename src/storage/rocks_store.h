#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "kv/history.h"
#include "kv/memory_store.h"
#include "kv/scan.h"
#include "kv/store.h"
#include "storage/rocks_changes.h"
#include "storage/rocks_database.h"
#include "storage/table.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace rkv::storage {

class RocksHasher;
class RocksWriter;

// A store on disk: an ordered table in memory takes every change and answers every read at once;
// behind it RocksDB keeps what is written, as FORMAT.txt says. Of what is written at once only the
// last change of each key goes there, with the position it leads to, all of it or nothing. Two
// threads of its own write and hash; it is used from one thread, the loop's. What was applied and
// is not yet written is kept in memory twice, with every change of a key; the caller bounds it.
class RocksStore final : public kv::Store {
 public:
  struct Options {
    std::string directory;
    bool create = false;  // the directory, or an empty state in it, where there is none
    // A directory may be opened with the one now and with the other later.
    Durability durability = Durability::kWriteAheadLog;
    std::uint64_t table_seed = 0;  // see Table; drawn at random where others choose the keys
    // Runs a task on the loop's thread, later. Called from threads of the store until it is
    // destroyed.
    std::function<void(std::function<void()> task)> post;
    // A write or a sync failed, or the data turned out to be damaged: run once, on a thread of the
    // store. It is not expected to return: what is on disk is unknown, and a sync must never be
    // retried. Should it return, the store reports nothing durable any more.
    std::function<void(const Status& failure)> fatal;
    rocksdb::Env* env = nullptr;  // for tests; null: the operating system's
  };
  // Reads the whole state into memory. Fails with kUnavailable if there is no state in the
  // directory (and none is to be created), or another process uses it; with kInternal if it is
  // damaged.
  static Result<std::unique_ptr<RocksStore>> open(const Options& options);
  // Finishes the writes that were asked for. Tasks that it posted may run later, and do nothing.
  ~RocksStore() override;
  RocksStore(const RocksStore&) = delete;
  RocksStore& operator=(const RocksStore&) = delete;

  // Things the replica knows of itself, by name; nothing if there is none of that name. They block
  // on the disk: only before the loop runs. What was put is durable.
  Result<std::optional<std::string>> metadata(std::string_view name);
  Status put_metadata(std::string_view name, std::string_view value);

  void get(std::string_view key, GetDone done) override;
  void scan(const kv::Scan& scan, ScanDone done) override;
  Position pin() override;
  void unpin(Position at) override { history_.unpin(at); }
  void pass(Position at, std::string_view bound, bool reverse) override {
    history_.pass(at, bound, reverse);
  }
  void apply(Position position, std::vector<kv::Change> changes,
             kv::SessionChanges sessions) override;
  void visit_replies(ReplyVisitor visitor) const override;
  std::uint64_t epoch() const override { return epoch_; }
  void seal() override;
  void write_sealed() override;
  void set_durable_listener(DurableListener listener) override;
  void hash(HashDone done) override;
  Position applied() const override { return applied_; }
  Position durable() const override { return durable_; }
  std::uint64_t keys() const override { return table_.size(); }

 private:
  RocksStore(const Options& options, std::unique_ptr<RocksDatabase> database,
             RocksDatabase::Content content);
  void save_before(Position position, const std::vector<kv::Change>& changes);
  void apply(const kv::ReplyChange& change);
  void become_durable(Position position);
  void begin_hash();
  void finish_hash(const kv::StateHash& hash);

  const std::function<void(std::function<void()>)> post_;
  Table table_;
  kv::History history_;  // of the table
  kv::MemoryStore::ReplyTable replies_;
  std::uint64_t epoch_;
  Position applied_;
  RocksChanges unsealed_;  // what was applied since seal() was called
  RocksChanges sealed_;    // what was before, since write_sealed() was
  Position durable_;
  DurableListener listener_;
  std::vector<HashDone> hash_waiting_;    // for the next hash
  std::vector<HashDone> hash_under_way_;  // for the one that was begun
  // Posted tasks hold this weakly: none runs after the store is gone.
  std::shared_ptr<bool> alive_;
  const std::unique_ptr<RocksDatabase> database_;
  std::unique_ptr<RocksWriter> writer_;
  std::unique_ptr<RocksHasher> hasher_;
};

}  // namespace rkv::storage
