#include "storage/rocks_store.h"

#include <rocksdb/db.h>

#include "../../contract/aborts.h"
#include "faulty_file_system.h"
#include "kv/state_hash.h"
#include "storage/format.h"
#include "store_fixture.h"

namespace rkv::storage {
namespace {

using namespace std::string_literals;

class RocksStoreTest : public StoreFixture {
  CPPUNIT_TEST_SUITE(RocksStoreTest);
  CPPUNIT_TEST(reopen_keeps_what_is_durable);
  CPPUNIT_TEST(what_was_not_written_is_absent);
  CPPUNIT_TEST(destructor_finishes_what_was_asked);
  CPPUNIT_TEST(directory_is_not_created_unasked);
  CPPUNIT_TEST(second_open_fails);
  CPPUNIT_TEST(metadata_is_kept);
  CPPUNIT_TEST(hash_survives_a_reopen);
  CPPUNIT_TEST(durable_waits_for_the_sync);
  CPPUNIT_TEST(one_sync_for_all_that_gathered);
  CPPUNIT_TEST(what_comes_behind_a_write_waits_for_the_next);
  CPPUNIT_TEST(a_hash_is_of_what_is_on_disk);
  CPPUNIT_TEST(what_is_applied_behind_the_seal_is_not_written);
  CPPUNIT_TEST(failed_sync_is_fatal);
  CPPUNIT_TEST(failed_append_is_fatal);
  CPPUNIT_TEST(records_are_as_the_format_says);
  CPPUNIT_TEST(entries_of_the_format_before_are_read);
  CPPUNIT_TEST(created_is_the_same_after_a_restart);
  CPPUNIT_TEST(pins_are_not_durable);
  CPPUNIT_TEST(metadata_of_the_state_is_not_for_others);
  CPPUNIT_TEST(bad_records_are_refused);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    const bool flushes = durability() == Durability::kFlush;
    disk_ = std::make_shared<FaultyFileSystem>(flushes ? ".sst" : ".log");
    env_ = rocksdb::NewCompositeEnv(disk_);
  }

 private:
  void reopen_keeps_what_is_durable() {
    const std::string large(1048576, 'L');
    {
      const auto store = open();
      put(*store, "a", "1");
      put(*store, "b\0\xFF"s, "2");
      put(*store, "gone", "3");
      store->apply(4, {kv::Change{"gone", std::nullopt}}, {});
      for (int i = 0; i < 80; ++i) put(*store, "large " + std::to_string(i % 40), large);
      write_all(*store);
    }
    for (int reopened = 0; reopened < 2; ++reopened) {
      const auto store = open();
      CPPUNIT_ASSERT(store->applied() == 84 && store->durable() == 84 && store->keys() == 42);
      CPPUNIT_ASSERT(get(*store, "a")->value == "1" && get(*store, "a")->position == 1);
      CPPUNIT_ASSERT(get(*store, "b\0\xFF"s)->value == "2");
      CPPUNIT_ASSERT(!get(*store, "gone"));
      CPPUNIT_ASSERT(get(*store, "large 39")->value == large);
      CPPUNIT_ASSERT(get(*store, "large 39")->position == 84);
    }
    CPPUNIT_ASSERT(failures_.empty());
  }

  void what_was_not_written_is_absent() {
    {
      const auto store = open();
      put(*store, "a", "1");
      write_all(*store);
      put(*store, "b", "2");
    }
    const auto store = open();
    CPPUNIT_ASSERT(store->applied() == 1 && get(*store, "a") && !get(*store, "b"));
    put(*store, "c", "3");
    CPPUNIT_ASSERT(store->applied() == 2);
  }

  void destructor_finishes_what_was_asked() {
    {
      const auto store = open();
      for (int i = 0; i < 100; ++i) put(*store, "key " + std::to_string(i), "v");
      store->write();
    }
    const auto store = open();
    CPPUNIT_ASSERT(store->applied() == 100 && store->keys() == 100);
  }

  static void assert_one_line(const Status& status, const std::string& part) {
    const std::string text = status.to_string();
    CPPUNIT_ASSERT_MESSAGE(text, text.find(part) != std::string::npos);
    CPPUNIT_ASSERT_MESSAGE(text, text.find('\n') == std::string::npos);
  }

  void directory_is_not_created_unasked() {
    const Status absent = try_open(directory(), false).status();
    CPPUNIT_ASSERT(absent.code() == StatusCode::kUnavailable);
    assert_one_line(absent, "there is no data in directory " + directory().string());
    CPPUNIT_ASSERT(!std::filesystem::exists(directory()));
    std::filesystem::create_directory(directory());
    CPPUNIT_ASSERT(try_open(directory(), false).status().code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT(try_open(directory(), true).ok());
    CPPUNIT_ASSERT(try_open(directory(), false).ok());
    CPPUNIT_ASSERT(!try_open("/proc/no-such-place/store", true).ok());
  }

  void second_open_fails() {
    const auto store = open();
    const Status second = try_open(directory(), false).status();
    CPPUNIT_ASSERT(second.code() == StatusCode::kUnavailable);
    assert_one_line(second, "data directory " + directory().string() + " is in use");
    put(*store, "a", "1");
    write_all(*store);
  }

  void metadata_is_kept() {
    {
      const auto store = open();
      CPPUNIT_ASSERT(!store->metadata("identity").value());
      CPPUNIT_ASSERT(store->put_metadata("identity", "one").ok());
      CPPUNIT_ASSERT(store->put_metadata("identity", "two\0!"s).ok());
      CPPUNIT_ASSERT(store->put_metadata("empty", "").ok());
      CPPUNIT_ASSERT(store->metadata("identity").value() == "two\0!"s);
    }
    const auto store = open();
    CPPUNIT_ASSERT(store->metadata("identity").value() == "two\0!"s);
    CPPUNIT_ASSERT(store->metadata("empty").value() == ""s);
    CPPUNIT_ASSERT(!store->metadata("other").value());
    CPPUNIT_ASSERT(store->applied() == 0 && store->keys() == 0);
  }

  void hash_survives_a_reopen() {
    kv::StateHasher expected;
    expected.add("a", 1, "1");
    expected.add("b", 1, "2");
    {
      const auto store = open();
      CPPUNIT_ASSERT(store->put_metadata("identity", "not hashed").ok());
      put(*store, "b", "2");
      put(*store, "a", "1");
      write_all(*store);
    }
    const auto store = open();
    std::optional<kv::StateHash> hash;
    store->hash([&](const kv::StateHash& result) { hash = result; });
    CPPUNIT_ASSERT(loop_.run_until([&] { return hash.has_value(); }));
    CPPUNIT_ASSERT(hash->hash == expected.finish(0).hash);
    CPPUNIT_ASSERT(hash->position == 2 && hash->keys == 2);
  }

  void durable_waits_for_the_sync() {
    const auto store = open(env_.get());
    put(*store, "a", "1");
    disk_->hold_syncs();
    store->write();
    CPPUNIT_ASSERT(disk_->wait_for_held_sync());
    bool looked = false;
    loop_.post([&] { looked = true; });
    CPPUNIT_ASSERT(loop_.run_until([&] { return looked; }));
    CPPUNIT_ASSERT(store->durable() == 0);
    CPPUNIT_ASSERT(get(*store, "a"));  // nobody waits for the disk but durable()
    disk_->release_syncs();
    CPPUNIT_ASSERT(loop_.run_until([&] { return store->durable() == 1; }));
  }

  void one_sync_for_all_that_gathered() {
    const auto store = open(env_.get());
    std::vector<Position> told;
    store->set_durable_listener([&](Position durable) { told.push_back(durable); });
    put(*store, "a", "1");
    const int syncs = disk_->syncs();
    disk_->hold_syncs();
    store->write();
    CPPUNIT_ASSERT(disk_->wait_for_held_sync());
    for (int i = 0; i < 100; ++i) {
      put(*store, "key " + std::to_string(i), "v");
      store->write();
    }
    disk_->release_syncs();
    CPPUNIT_ASSERT(loop_.run_until([&] { return store->durable() == 101; }));
    CPPUNIT_ASSERT((told == std::vector<Position>{1, 101}));
    CPPUNIT_ASSERT_EQUAL(syncs + 2, disk_->syncs());
  }

  void what_comes_behind_a_write_waits_for_the_next() {
    {
      const auto store = open(env_.get());
      put(*store, "a", "1");
      disk_->hold_syncs();
      store->write();
      CPPUNIT_ASSERT(disk_->wait_for_held_sync());
      put(*store, "b", "2");
      store->write();
      put(*store, "c", "3");
      disk_->release_syncs();
      CPPUNIT_ASSERT(loop_.run_until([&] { return store->durable() == 2; }));
      store->write();
    }
    CPPUNIT_ASSERT(open()->applied() == 3);
  }

  void a_hash_is_of_what_is_on_disk() {
    const auto store = open(env_.get());
    put(*store, "a", "1");
    disk_->hold_syncs();
    std::vector<Position> positions;
    const auto note = [&](const kv::StateHash& hash) {
      CPPUNIT_ASSERT(hash.keys == hash.position);
      positions.push_back(hash.position);
    };
    store->write();
    CPPUNIT_ASSERT(disk_->wait_for_held_sync());
    put(*store, "b", "2");
    disk_->release_syncs();
    CPPUNIT_ASSERT(loop_.run_until([&] { return store->durable() == 1; }));
    store->hash(note);
    store->hash(note);
    CPPUNIT_ASSERT(loop_.run_until([&] { return positions.size() == 2; }));
    CPPUNIT_ASSERT((positions == std::vector<Position>{1, 1}));
    write_all(*store);
    store->hash(note);
    CPPUNIT_ASSERT(loop_.run_until([&] { return positions.size() == 3; }));
    CPPUNIT_ASSERT(positions.back() == 2);
  }

  void what_is_applied_behind_the_seal_is_not_written() {
    {
      const auto store = open();
      put(*store, "a", "1");
      store->seal();
      put(*store, "b", "2");
      store->write_sealed();
      CPPUNIT_ASSERT(loop_.run_until([&] { return store->durable() == 1; }));
      store->write_sealed();
      store->seal();
      put(*store, "c", "3");
      store->seal();
      put(*store, "d", "4");
      store->write_sealed();
      CPPUNIT_ASSERT(get(*store, "d")->value == "4");
    }
    const auto store = open();
    CPPUNIT_ASSERT(store->applied() == 3 && store->keys() == 3 && get(*store, "c"));
  }

  void assert_fatal_at_next_write(RocksStore& store) {
    put(store, "b", "2");
    store.write();
    CPPUNIT_ASSERT(loop_.run_until([&] { return !failures_.empty(); }));
    assert_one_line(failures_[0], "says the test");
    CPPUNIT_ASSERT(failures_[0].code() == StatusCode::kInternal);
    put(store, "c", "3");
    store.write();
  }

  void failed_sync_is_fatal() {
    {
      const auto store = open(env_.get());
      put(*store, "a", "1");
      write_all(*store);
      disk_->fail_syncs();
      assert_fatal_at_next_write(*store);
      CPPUNIT_ASSERT(store->durable() == 1);
    }
    CPPUNIT_ASSERT(failures_.size() == 1);
  }

  void failed_append_is_fatal() {
    {
      const auto store = open(env_.get());
      put(*store, "a", "1");
      write_all(*store);
      disk_->fail_appends();
      assert_fatal_at_next_write(*store);
      CPPUNIT_ASSERT(store->durable() == 1);
    }
    CPPUNIT_ASSERT(failures_.size() == 1);
    const auto store = open();
    CPPUNIT_ASSERT(store->applied() == 1 && get(*store, "a") && !get(*store, "b"));
  }

  std::unique_ptr<rocksdb::DB> open_database() {
    rocksdb::DB* database = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open({}, directory(), &database);
    CPPUNIT_ASSERT_MESSAGE(status.ToString(), status.ok());
    return std::unique_ptr<rocksdb::DB>(database);
  }

  void records_are_as_the_format_says() {
    {
      const auto store = open();
      put(*store, "key", "value");
      CPPUNIT_ASSERT(store->put_metadata("name", "content").ok());
      write_all(*store);
    }
    const auto database = open_database();
    std::string content;
    const std::unique_ptr<rocksdb::Iterator> records(database->NewIterator({}));
    for (records->SeekToFirst(); records->Valid(); records->Next()) {
      content += records->key().ToString() + "=" + records->value().ToString() + ";";
    }
    CPPUNIT_ASSERT_EQUAL(
        "kkey=\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1value;"
        "mname=content;mposition=\0\0\0\0\0\0\0\1;"s,
        content);
  }

  void assert_refused_with(const std::string& key, const std::string& record,
                           const std::string& part) {
    CPPUNIT_ASSERT(open_database()->Put({}, key, record).ok());
    const Status refused = try_open(directory(), false).status();
    CPPUNIT_ASSERT(refused.code() == StatusCode::kInternal);
    assert_one_line(refused, part);
    CPPUNIT_ASSERT(open_database()->Delete({}, key).ok());
    CPPUNIT_ASSERT(try_open(directory(), false).ok());
  }

  // What programs wrote before it was kept where a key was created.
  void entries_of_the_format_before_are_read() {
    {
      const auto store = open();
      put(*store, "key", "value");
      write_all(*store);
    }
    CPPUNIT_ASSERT(
        open_database()->Put({}, "kold", "\1\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\1value"s).ok());
    const auto store = open();
    CPPUNIT_ASSERT((get(*store, "old") == kv::Entry{"value", 7, 1, 0}));
    CPPUNIT_ASSERT((get(*store, "key") == kv::Entry{"value", 1, 1, 1}));
    std::optional<kv::StateHash> hash;
    store->hash([&](const kv::StateHash& it) { hash = it; });
    CPPUNIT_ASSERT(loop_.run_until([&] { return hash.has_value(); }));
    kv::StateHasher expected;
    expected.add("key", 1, "value");
    expected.add("old", 7, "value");
    CPPUNIT_ASSERT(hash->hash == expected.finish(1).hash);
  }

  void created_is_the_same_after_a_restart() {
    {
      const auto store = open();
      store->apply(1, {kv::Change{"key", kv::Entry{"first", 1, 1, 1}}}, {});
      write_all(*store);
      store->apply(2, {kv::Change{"key", kv::Entry{"second", 2, 2, 1}}}, {});
      write_all(*store);
    }
    CPPUNIT_ASSERT((get(*open(), "key") == kv::Entry{"second", 2, 2, 1}));
  }

  // Nobody remembers a pin over a restart: it is no more than what a listing needs.
  void pins_are_not_durable() {
    Position at = 0;
    {
      const auto store = open();
      put(*store, "key", "value");
      write_all(*store);
      at = store->pin();
    }
    const auto store = open();
    bool is_gone = false;
    kv::Scan scan;
    scan.at = at;
    store->scan(scan, [&](const kv::ScanPage& page) { is_gone = page.gone; });
    CPPUNIT_ASSERT(is_gone);
  }

  void metadata_of_the_state_is_not_for_others() {
    const auto store = open();
    for (const char* name : {"position", "epoch"}) {
      CPPUNIT_ASSERT(contract::aborts([&] { (void)store->put_metadata(name, "12345678"); }));
    }
    CPPUNIT_ASSERT(store->put_metadata("epochs", "12345678").ok());
  }

  void bad_records_are_refused() {
    {
      const auto store = open();
      put(*store, "key", "value");
      write_all(*store);
    }
    const std::string good = "\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1value"s;
    assert_refused_with("kbad\1", "short", R"(key bad\x01)");
    assert_refused_with("kbad", '\3' + good.substr(1), "unknown format 0x03");
    assert_refused_with("kbad", good.substr(0, 24), "cut short");
    assert_refused_with("kbad", "\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2value"s, "above the replica's");
    assert_refused_with("kbad", "\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2value"s,
                        "created behind its position");
    assert_refused_with("k", good, "the key is empty");
    assert_refused_with("k" + std::string(1025, 'x'), good, "1025 bytes");
    assert_refused_with("x", good, "unknown kind: x");
    assert_refused_with("", good, "unknown kind");
    CPPUNIT_ASSERT(open_database()->Put({}, "mposition", "7 bytes").ok());
    assert_one_line(try_open(directory(), false).status(), "no number");
  }

  std::shared_ptr<FaultyFileSystem> disk_;  // of which the files misbehave that a write syncs
  std::unique_ptr<rocksdb::Env> env_;
};

class FlushedRocksStoreTest : public RocksStoreTest {
  CPPUNIT_TEST_SUB_SUITE(FlushedRocksStoreTest, RocksStoreTest);
  CPPUNIT_TEST_SUITE_END();
  Durability durability() const override { return Durability::kFlush; }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RocksStoreTest);
CPPUNIT_TEST_SUITE_REGISTRATION(FlushedRocksStoreTest);

}  // namespace
}  // namespace rkv::storage
