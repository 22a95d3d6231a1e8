#include "store_world.h"

#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "deferring_store.h"
#include "kv/memory_store.h"
#include "storage/rocks_store.h"
#include "task_loop.h"
#include "temporary_directory.h"

namespace rkv::contract {
namespace {

class MemoryStoreWorld final : public StoreWorld {
 public:
  kv::Store& store() override { return store_; }
  bool run_until(const std::function<bool()>& condition) override { return condition(); }

 private:
  kv::MemoryStore store_;
};

class DeferringStoreWorld final : public StoreWorld {
 public:
  kv::Store& store() override { return store_; }

  bool run_until(const std::function<bool()>& condition) override {
    while (!condition()) {
      if (store_.pending() == 0) return false;
      store_.finish(static_cast<std::size_t>(random_.below(store_.pending())));
    }
    return true;
  }

 private:
  DeferringStore store_;
  Random random_{1};
};

class RocksStoreWorld final : public StoreWorld {
 public:
  explicit RocksStoreWorld(storage::Durability durability) {
    storage::RocksStore::Options options;
    options.directory = directory_.path() / "store";
    options.create = true;
    options.durability = durability;
    options.post = [this](std::function<void()> task) { loop_.post(std::move(task)); };
    options.fatal = [](const Status& failure) { RKV_CHECK(false, failure.reason()); };
    Result<std::unique_ptr<storage::RocksStore>> opened = storage::RocksStore::open(options);
    RKV_CHECK(opened.ok(), opened.status().reason());
    store_ = std::move(opened).value();
  }

  kv::Store& store() override { return *store_; }
  bool run_until(const std::function<bool()>& condition) override {
    return loop_.run_until(condition);
  }

 private:
  const TemporaryDirectory directory_;
  TaskLoop loop_;
  std::unique_ptr<storage::RocksStore> store_;
};

}  // namespace

std::unique_ptr<StoreWorld> memory_store_world() { return std::make_unique<MemoryStoreWorld>(); }
std::unique_ptr<StoreWorld> rocks_store_world() {
  return std::make_unique<RocksStoreWorld>(storage::Durability::kWriteAheadLog);
}
std::unique_ptr<StoreWorld> flushed_rocks_store_world() {
  return std::make_unique<RocksStoreWorld>(storage::Durability::kFlush);
}
std::unique_ptr<StoreWorld> deferring_store_world() {
  return std::make_unique<DeferringStoreWorld>();
}

}  // namespace rkv::contract
