#pragma once

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../../contract/task_loop.h"
#include "../../contract/temporary_directory.h"
#include "storage/rocks_store.h"

namespace rkv::storage {

// A directory, stores opened in it, and the loop they post to.
class StoreFixture : public CppUnit::TestFixture {
 protected:
  // Of the stores that are opened.
  virtual Durability durability() const { return Durability::kWriteAheadLog; }

  Result<std::unique_ptr<RocksStore>> try_open(const std::filesystem::path& directory, bool create,
                                               rocksdb::Env* env = nullptr) {
    RocksStore::Options options;
    options.directory = directory;
    options.create = create;
    options.durability = durability();
    options.post = [this](std::function<void()> task) { loop_.post(std::move(task)); };
    options.fatal = [this](const Status& failure) {
      loop_.post([this, failure] { failures_.push_back(failure); });
    };
    options.env = env;
    return RocksStore::open(options);
  }

  std::unique_ptr<RocksStore> open(rocksdb::Env* env = nullptr) {
    Result<std::unique_ptr<RocksStore>> opened = try_open(directory(), true, env);
    CPPUNIT_ASSERT_MESSAGE(opened.status().to_string(), opened.ok());
    return std::move(opened).value();
  }

  static void put(RocksStore& store, const std::string& key, const std::string& value) {
    const Position position = store.applied() + 1;
    std::vector<kv::Change> changes;
    changes.push_back({key, kv::Entry{value, 1, position, position}});
    store.apply(position, std::move(changes), {});
  }

  static std::optional<kv::Entry> get(RocksStore& store, const std::string& key) {
    std::optional<kv::Entry> result;
    store.get(key, [&result](const kv::Entry* entry) {
      if (entry != nullptr) result = *entry;
    });
    return result;
  }

  void write_all(RocksStore& store) {
    store.write();
    CPPUNIT_ASSERT(loop_.run_until([&store] { return store.durable() == store.applied(); }));
  }

  // RocksDB's write-ahead log; there is one as long as little is written.
  static std::filesystem::path log_in(const std::filesystem::path& directory) {
    std::optional<std::filesystem::path> log;
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
      if (file.path().extension() != ".log") continue;
      CPPUNIT_ASSERT_MESSAGE("a second log", !log);
      log = file.path();
    }
    CPPUNIT_ASSERT_MESSAGE("no log", log);
    return *log;
  }

  std::filesystem::path directory() const { return temporary_.path() / "store"; }
  std::filesystem::path other_directory() const { return temporary_.path() / "other"; }

  const contract::TemporaryDirectory temporary_;
  contract::TaskLoop loop_;
  std::vector<Status> failures_;
};

}  // namespace rkv::storage
