// What a crash, a power cut and a damaged file leave of a store.

#include <fcntl.h>
#include <rocksdb/db.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <map>
#include <thread>

#include "base/bytes.h"
#include "base/random.h"
#include "crash_writer.h"
#include "faulty_file_system.h"
#include "power_cut_file_system.h"
#include "store_fixture.h"

namespace rkv::storage {
namespace {

// A crash writer in a process of its own.
class CrashWriter {
 public:
  CrashWriter(const std::string& directory, Durability durability) {
    std::array<int, 2> ends{};
    CPPUNIT_ASSERT(::pipe2(ends.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string program = "/proc/self/exe";
    std::string argument = kCrashWriterArgument;
    std::string where = directory;
    std::string how = durability == Durability::kFlush ? kCrashWriterFlushes : "log";
    const std::array<char*, 5> arguments = {program.data(), argument.data(), where.data(),
                                            how.data(), nullptr};
    const int failed =
        ::posix_spawn(&process_, program.c_str(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    reports_ = ends[0];
    CPPUNIT_ASSERT(failed == 0);
  }
  ~CrashWriter() { kill(); }
  CrashWriter(const CrashWriter&) = delete;
  CrashWriter& operator=(const CrashWriter&) = delete;

  // The next position it reports as durable; 0: none comes any more.
  Position next_report() {
    std::string bytes(8, '\0');
    std::size_t size = 0;
    while (size < bytes.size()) {
      const ssize_t got = ::read(reports_, bytes.data() + size, bytes.size() - size);
      if (got <= 0) return 0;
      size += static_cast<std::size_t>(got);
    }
    return XdrReader(bytes).read_uint64();
  }

  void kill() {
    if (process_ == 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }

  // After the kill: the last position it had reported, or `before` if there was none since.
  Position last_report(Position before) {
    while (const Position report = next_report()) before = report;
    ::close(reports_);
    return before;
  }

 private:
  pid_t process_ = 0;
  int reports_ = -1;
};

class CrashFixture : public StoreFixture {
 protected:
  // The state must be what the positions up to applied() make, of which there are at least
  // `reported`.
  static void assert_prefix(RocksStore& store, Position reported) {
    CPPUNIT_ASSERT_MESSAGE(std::to_string(store.applied()) + " of " + std::to_string(reported),
                           store.applied() >= reported);
    std::map<std::string, Position> expected;
    for (Position position = 1; position <= store.applied(); ++position) {
      expected[crash_key(position)] = position;
    }
    CPPUNIT_ASSERT(store.keys() == expected.size());
    for (const auto& [key, position] : expected) {
      const std::optional<kv::Entry> entry = get(store, key);
      CPPUNIT_ASSERT(entry && entry->position == position);
      CPPUNIT_ASSERT(entry->value == crash_value(position));
    }
  }

  void killed_writer_keeps_what_it_reported() {
    Random random(11);
    Position reported = 0;
    for (int round = 0; round < 5; ++round) {
      CrashWriter writer(directory(), durability());
      const std::uint64_t reports = 1 + random.below(200);
      for (std::uint64_t i = 0; i < reports; ++i) {
        reported = writer.next_report();
        CPPUNIT_ASSERT_MESSAGE("the crash writer ended by itself", reported > 0);
      }
      writer.kill();
      reported = writer.last_report(reported);
      const auto store = open();
      assert_prefix(*store, reported);
    }
  }

  static void put_next(RocksStore& store) {
    const Position position = store.applied() + 1;
    put(store, crash_key(position), crash_value(position));
  }

  void fill(RocksStore& store, Position count) {
    while (store.applied() < count) {
      put_next(store);
      write_all(store);
    }
  }

  static void flip_byte(const std::filesystem::path& file, std::uint64_t offset) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(stream.get() ^ 0x10);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.put(byte);
    CPPUNIT_ASSERT(stream.good());
  }

  // In a copy of the directory.
  void assert_damage_is_refused(const std::filesystem::path& file, std::uint64_t offset) {
    std::filesystem::remove_all(other_directory());
    std::filesystem::copy(directory(), other_directory());
    flip_byte(other_directory() / file.filename(), offset);
    const Status refused = try_open(other_directory(), false).status();
    const std::string where = file.filename().string() + ", byte " + std::to_string(offset);
    CPPUNIT_ASSERT_MESSAGE(where, !refused.ok());
    CPPUNIT_ASSERT(refused.code() == StatusCode::kInternal);
  }

  void assert_missing_is_refused(const std::filesystem::path& file) {
    std::filesystem::remove_all(other_directory());
    std::filesystem::copy(directory(), other_directory());
    std::filesystem::remove(other_directory() / file.filename());
    const Status refused = try_open(other_directory(), true).status();
    CPPUNIT_ASSERT_MESSAGE(file, refused.code() == StatusCode::kInternal);
  }

  // The files of the directory whose names begin and end so.
  std::vector<std::filesystem::path> files(std::string_view begin, std::string_view end) const {
    std::vector<std::filesystem::path> found;
    for (const auto& file : std::filesystem::directory_iterator(directory())) {
      const std::string name = file.path().filename();
      if (name.starts_with(begin) && name.ends_with(end)) found.push_back(file.path());
    }
    return found;
  }

  // Cuts the power at many steps on the disk, all the time that stores are opened, written and
  // closed.
  void power_cut_at_any_step_keeps_what_was_reported() {
    constexpr int kStepsPerCut = 3;  // on average
    const auto disk = std::make_shared<PowerCutFileSystem>(directory());
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
    std::atomic<Position> reported = 0;
    std::atomic<std::uint64_t> counted = 0;  // starts, as metadata
    std::vector<std::pair<Position, std::uint64_t>> cuts;
    Random random(5);
    const auto image = [this](std::size_t cut) {
      return temporary_.path() / ("cut " + std::to_string(cut));
    };
    const auto cut = [&] {
      if (counted == 0 || random.below(kStepsPerCut) != 0) return;
      cuts.emplace_back(reported, counted);
      disk->leave(image(cuts.size()), random);
    };
    disk->set_watcher(cut);
    for (std::uint64_t start = 1; start <= 3; ++start) {
      const auto store = open(env.get());
      CPPUNIT_ASSERT(store->put_metadata("starts", std::to_string(start)).ok());
      counted = start;
      for (int i = 0; i < 9; ++i) {
        for (int j = 0; j <= i % 4; ++j) put_next(*store);
        write_all(*store);
        reported = store->durable();
      }
      CPPUNIT_ASSERT(store->put_metadata("last", "while the state was written").ok());
    }
    disk->set_watcher(nullptr);
    CPPUNIT_ASSERT_MESSAGE(std::to_string(cuts.size()), cuts.size() > 30);
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      const auto left = try_open(image(i + 1), false);
      CPPUNIT_ASSERT_MESSAGE(left.status().to_string(), left.ok());
      assert_prefix(*left.value(), cuts[i].first);
      const std::string starts = left.value()->metadata("starts").value().value_or("0");
      CPPUNIT_ASSERT(std::stoull(starts) >= cuts[i].second);
    }
  }
};

class CrashTest : public CrashFixture {
  CPPUNIT_TEST_SUITE(CrashTest);
  CPPUNIT_TEST(killed_writer_keeps_what_it_reported);
  CPPUNIT_TEST(power_cut_at_any_step_keeps_what_was_reported);
  CPPUNIT_TEST(power_cut_keeps_what_was_reported);
  CPPUNIT_TEST(torn_end_of_the_log_is_dropped);
  CPPUNIT_TEST(damaged_log_is_refused);
  CPPUNIT_TEST(missing_file_is_refused);
  CPPUNIT_TEST_SUITE_END();

  // Copies the directory while a write hangs in its sync, and takes from the copy what was not
  // synced.
  void power_cut_keeps_what_was_reported() {
    const auto disk = std::make_shared<FaultyFileSystem>();
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
    const auto store = open(env.get());
    fill(*store, 50);
    disk->hold_syncs();
    put_next(*store);
    store->write();
    CPPUNIT_ASSERT(disk->wait_for_held_sync());
    std::filesystem::copy(directory(), other_directory());
    const std::uint64_t synced = disk->synced_sizes().at(log_in(directory()));
    disk->release_syncs();
    const std::filesystem::path log = log_in(other_directory());
    CPPUNIT_ASSERT(synced < std::filesystem::file_size(log));
    std::filesystem::resize_file(log, synced);
    auto after_the_cut = try_open(other_directory(), false);
    CPPUNIT_ASSERT_MESSAGE(after_the_cut.status().to_string(), after_the_cut.ok());
    CPPUNIT_ASSERT(after_the_cut.value()->applied() == 50);
    assert_prefix(*after_the_cut.value(), 50);
  }

  void torn_end_of_the_log_is_dropped() {
    fill(*open(), 100);
    const std::uint64_t size = std::filesystem::file_size(log_in(directory()));
    Position last = 100;
    for (const std::uint64_t torn : {1U, 6U, 50U, 2'000U, 60'000U}) {
      std::filesystem::remove_all(other_directory());
      std::filesystem::copy(directory(), other_directory());
      std::filesystem::resize_file(log_in(other_directory()), size - torn);
      auto store = try_open(other_directory(), false);
      CPPUNIT_ASSERT_MESSAGE(store.status().to_string(), store.ok());
      CPPUNIT_ASSERT(store.value()->applied() < 100 && store.value()->applied() <= last);
      assert_prefix(*store.value(), 1);
      last = store.value()->applied();
    }
    CPPUNIT_ASSERT(last < 99);
  }

  void damaged_log_is_refused() {
    fill(*open(), 100);
    const std::uint64_t size = std::filesystem::file_size(log_in(directory()));
    CPPUNIT_ASSERT(size > 3 * 32768);
    for (const std::uint64_t offset : {std::uint64_t{20}, size / 3, size / 2, size - 20}) {
      std::filesystem::remove_all(other_directory());
      std::filesystem::copy(directory(), other_directory());
      flip_byte(log_in(other_directory()), offset);
      const Status refused = try_open(other_directory(), false).status();
      CPPUNIT_ASSERT_MESSAGE("byte " + std::to_string(offset), !refused.ok());
      CPPUNIT_ASSERT(refused.code() == StatusCode::kInternal);
      CPPUNIT_ASSERT_MESSAGE(refused.reason(),
                             refused.reason().find(" is damaged: ") != std::string::npos);
    }
  }

  // Behind a reopen the state is in a table file, and the log is new.
  void missing_file_is_refused() {
    fill(*open(), 10);
    open().reset();
    CPPUNIT_ASSERT(!files("", ".sst").empty());
    assert_missing_is_refused(files("", ".sst").front());
  }
};

class FlushedCrashTest : public CrashFixture {
  CPPUNIT_TEST_SUITE(FlushedCrashTest);
  CPPUNIT_TEST(killed_writer_keeps_what_it_reported);
  CPPUNIT_TEST(power_cut_at_any_step_keeps_what_was_reported);
  CPPUNIT_TEST(a_write_is_in_tables_alone);
  CPPUNIT_TEST(only_last_changes_are_written);
  CPPUNIT_TEST(damaged_tables_and_manifests_are_refused);
  CPPUNIT_TEST(missing_files_are_refused);
  CPPUNIT_TEST(a_damaged_table_stops_the_store_when_it_is_met);
  CPPUNIT_TEST(space_is_bounded);
  CPPUNIT_TEST(the_durability_may_change_between_starts);
  CPPUNIT_TEST_SUITE_END();

  Durability durability() const override {
    return log_is_synced_ ? Durability::kWriteAheadLog : Durability::kFlush;
  }

  void a_write_is_in_tables_alone() {
    const auto store = open();
    const std::filesystem::path log = log_in(directory());
    fill(*store, 3);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, files("", ".sst").size());
    CPPUNIT_ASSERT_EQUAL(log, log_in(directory()));  // a flush makes a new one if it was used
    CPPUNIT_ASSERT_EQUAL(std::uintmax_t{0}, std::filesystem::file_size(log));
  }

  // Ten keys, one reply, the epoch and the position.
  void only_last_changes_are_written() {
    {
      const auto store = open();
      for (Position position = 1; position <= 1000; ++position) {
        std::vector<kv::Change> changes;
        changes.push_back({"key " + std::to_string(position % 10),
                           kv::Entry{std::to_string(position), position, position}});
        kv::SessionChanges sessions;
        sessions.replies = {
            {{1, position}, kv::Reply{{kv::Applied::Outcome::kApplied, 1, position}, position}}};
        if (position > 1) sessions.replies.push_back({{1, position - 1}, std::nullopt});
        if (position % 100 == 0) sessions.epoch = position / 100;
        store->apply(position, std::move(changes), std::move(sessions));
      }
      write_all(*store);
    }
    rocksdb::DB* opened = nullptr;
    CPPUNIT_ASSERT(rocksdb::DB::OpenForReadOnly({}, directory(), &opened).ok());
    const std::unique_ptr<rocksdb::DB> database(opened);
    rocksdb::TablePropertiesCollection tables;
    CPPUNIT_ASSERT(database->GetPropertiesOfAllTables(&tables).ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, tables.size());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{13}, tables.begin()->second->num_entries);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, tables.begin()->second->num_deletions);
  }

  void damaged_tables_and_manifests_are_refused() {
    fill(*open(), 5);
    for (const std::filesystem::path& table : files("", ".sst")) {
      const std::uint64_t size = std::filesystem::file_size(table);
      for (const std::uint64_t offset : {std::uint64_t{3}, size / 3, size / 2, size - 5}) {
        assert_damage_is_refused(table, offset);
      }
    }
    const std::filesystem::path manifest = files("MANIFEST-", "").at(0);
    const std::uint64_t size = std::filesystem::file_size(manifest);
    for (const std::uint64_t offset : {std::uint64_t{10}, size / 3, size / 2, size - 5}) {
      assert_damage_is_refused(manifest, offset);
    }
    assert_damage_is_refused(directory() / "CURRENT", 10);
  }

  void missing_files_are_refused() {
    fill(*open(), 5);
    for (const std::filesystem::path& table : files("", ".sst")) assert_missing_is_refused(table);
    assert_missing_is_refused(files("MANIFEST-", "").at(0));
  }

  // The first table is read again when it is compacted with those that came later.
  void a_damaged_table_stops_the_store_when_it_is_met() {
    const auto store = open();
    fill(*store, 1);
    flip_byte(files("", ".sst").at(0), 5);
    for (int i = 0; i < 100 && failures_.empty(); ++i) {
      put_next(*store);
      store->write();
      CPPUNIT_ASSERT(loop_.run_until(
          [&] { return store->durable() == store->applied() || !failures_.empty(); }));
    }
    CPPUNIT_ASSERT(!failures_.empty());
  }

  void space_is_bounded() {
    constexpr std::size_t kTablesMax = 10;  // up to 8 of single writes, and what they are merged to
    constexpr int kWrites = 60;
    const auto store = open();
    for (int i = 0; i < kWrites; ++i) {
      for (int key = 0; key < 100; ++key) put(*store, "key " + std::to_string(key), "value");
      write_all(*store);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (files("", ".sst").size() > kTablesMax) {
      CPPUNIT_ASSERT(std::chrono::steady_clock::now() < deadline);
      std::this_thread::yield();
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, files("MANIFEST-", "").size());
  }

  void the_durability_may_change_between_starts() {
    for (int start = 1; start <= 6; ++start) {
      log_is_synced_ = start % 2 == 0;
      const auto store = open();
      assert_prefix(*store, static_cast<Position>(start - 1) * 5);
      CPPUNIT_ASSERT(store->put_metadata("start", std::to_string(start)).ok());
      fill(*store, static_cast<Position>(start) * 5);
      CPPUNIT_ASSERT(store->metadata("start").value() == std::to_string(start));
    }
  }

  bool log_is_synced_ = false;
};

CPPUNIT_TEST_SUITE_REGISTRATION(CrashTest);
CPPUNIT_TEST_SUITE_REGISTRATION(FlushedCrashTest);

}  // namespace
}  // namespace rkv::storage
