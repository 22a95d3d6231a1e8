// What a crash, a power cut and a damaged file leave of a store.

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <map>

#include "base/bytes.h"
#include "base/random.h"
#include "crash_writer.h"
#include "faulty_file_system.h"
#include "store_fixture.h"

namespace rkv::storage {
namespace {

// A crash writer in a process of its own.
class CrashWriter {
 public:
  explicit CrashWriter(const std::string& directory) {
    std::array<int, 2> ends{};
    CPPUNIT_ASSERT(::pipe2(ends.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string program = "/proc/self/exe";
    std::string argument = kCrashWriterArgument;
    std::string where = directory;
    const std::array<char*, 4> arguments = {program.data(), argument.data(), where.data(), nullptr};
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

class CrashTest : public StoreFixture {
  CPPUNIT_TEST_SUITE(CrashTest);
  CPPUNIT_TEST(killed_writer_keeps_what_it_reported);
  CPPUNIT_TEST(power_cut_keeps_what_was_reported);
  CPPUNIT_TEST(torn_end_of_the_log_is_dropped);
  CPPUNIT_TEST(damaged_log_is_refused);
  CPPUNIT_TEST(missing_file_is_refused);
  CPPUNIT_TEST_SUITE_END();

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
      CrashWriter writer(directory());
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

  static void flip_byte(const std::filesystem::path& file, std::uint64_t offset) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(stream.get() ^ 0x10);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.put(byte);
    CPPUNIT_ASSERT(stream.good());
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
    std::vector<std::filesystem::path> tables;
    for (const auto& file : std::filesystem::directory_iterator(directory())) {
      if (file.path().extension() == ".sst") tables.push_back(file.path());
    }
    CPPUNIT_ASSERT(!tables.empty());
    std::filesystem::remove(tables.front());
    CPPUNIT_ASSERT(try_open(directory(), true).status().code() == StatusCode::kInternal);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CrashTest);

}  // namespace
}  // namespace rkv::storage
