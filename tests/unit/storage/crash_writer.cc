#include "crash_writer.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "../../contract/task_loop.h"
#include "base/bytes.h"
#include "base/check.h"
#include "storage/rocks_store.h"

namespace rkv::storage {
namespace {

constexpr Position kAhead = 64;  // positions applied that are not yet durable

void apply_next(RocksStore& store) {
  const Position position = store.applied() + 1;
  std::vector<kv::Change> changes;
  changes.push_back({crash_key(position), kv::Entry{crash_value(position), 1, position}});
  store.apply(position, std::move(changes), {});
}

void report(Position durable) {
  std::string bytes;
  append_uint64(bytes, durable);
  const ssize_t written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
  RKV_CHECK(written == static_cast<ssize_t>(bytes.size()), "the parent reads what is reported");
}

}  // namespace

std::string crash_key(Position position) {
  return "key " + std::to_string(position % 3 == 0 ? position : position % 50);
}

std::string crash_value(Position position) {
  return std::to_string(position) + std::string(position * 37 % 2000, 'v');
}

int run_crash_writer(const std::string& directory, Durability durability) {
  contract::TaskLoop loop;
  RocksStore::Options options;
  options.directory = directory;
  options.create = true;
  options.durability = durability;
  options.post = [&loop](std::function<void()> task) { loop.post(std::move(task)); };
  options.fatal = [](const Status& failure) { RKV_CHECK(false, failure.reason()); };
  Result<std::unique_ptr<RocksStore>> opened = RocksStore::open(options);
  RKV_CHECK(opened.ok(), opened.status().reason());
  RocksStore& store = *opened.value();
  store.set_durable_listener(report);
  while (true) {
    while (store.applied() - store.durable() < kAhead) {
      apply_next(store);
      store.write();
    }
    const Position before = store.durable();
    RKV_CHECK(loop.run_until([&] { return store.durable() > before; }), "writes go on");
  }
}

}  // namespace rkv::storage
