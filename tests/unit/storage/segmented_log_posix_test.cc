// The log on real files: reopened, killed at any moment.

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "../../contract/task_loop.h"
#include "../../contract/temporary_directory.h"
#include "base/bytes.h"
#include "base/check.h"
#include "log_world.h"
#include "posix/posix_disk.h"

namespace rkv::storage {
namespace {

using Record = env::LogRecord;

constexpr std::size_t kPosixSegmentSize = std::size_t{128} << 10;

// A log on the files of a directory, and the loop it needs.
class PosixLog {
 public:
  explicit PosixLog(const std::string& directory, std::size_t segment_size = kPosixSegmentSize) {
    posix::PosixDisk::Options options;
    options.directory = directory;
    options.post = [this](std::function<void()> task) { loop_.post(std::move(task)); };
    auto disk = posix::PosixDisk::open(options);
    RKV_CHECK(disk.ok(), disk.status().reason());
    disk_ = std::move(disk).value();
    SegmentedLog::Options log_options;
    log_options.identity = LogWorld::identity();
    log_options.segment_size = segment_size;
    log_options.fatal = [](const Status& failure) { RKV_CHECK(false, failure.reason()); };
    auto log = SegmentedLog::open(*disk_, log_options);
    RKV_CHECK(log.ok(), log.status().reason());
    log_ = std::move(log).value();
  }
  // The log first, which uses the disk.
  ~PosixLog() { log_.reset(); }
  PosixLog(const PosixLog&) = delete;
  PosixLog& operator=(const PosixLog&) = delete;

  SegmentedLog& log() { return *log_; }
  bool run_until(const std::function<bool()>& condition) { return loop_.run_until(condition); }

 private:
  contract::TaskLoop loop_;
  std::unique_ptr<posix::PosixDisk> disk_;
  std::unique_ptr<SegmentedLog> log_;
};

// What is appended for each slot; the standing is the slot.
std::string body_of(Position slot) {
  return std::to_string(slot) + std::string(slot * 37 % 3000, 'v');
}

constexpr Position kKept = 60;  // slots behind the last one that are not cut

// Appends a slot after another for ever, and writes each that is durable to `reports`, as 8 bytes
// in network order.
[[noreturn]] void write_until_killed(const std::string& directory, int reports) {
  PosixLog world(directory);
  SegmentedLog& log = world.log();
  const std::string standing = log.take_recovered().standing;
  const Position begin = standing.empty() ? 0 : std::stoull(standing);
  Position appended = begin;
  log.set_durable_listener([&](env::LogDevice::BatchNumber durable) {
    std::string bytes;
    append_uint64(bytes, begin + durable);
    const ssize_t written = ::write(reports, bytes.data(), bytes.size());
    RKV_CHECK(written == static_cast<ssize_t>(bytes.size()), "the parent reads what is reported");
  });
  while (true) {
    for (int i = 0; i < 5; ++i) {
      ++appended;
      log.append(log_batch(std::to_string(appended), {log_record(appended, body_of(appended))}));
    }
    if (appended > kKept) log.cut(appended - kKept);
    const auto before = log.durable();
    RKV_CHECK(world.run_until([&] { return log.durable() > before; }), "writes go on");
  }
}

class SegmentedLogPosixTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SegmentedLogPosixTest);
  CPPUNIT_TEST(recovered_is_what_was_appended);
  CPPUNIT_TEST(a_killed_writer_keeps_what_it_reported);
  CPPUNIT_TEST(appends_do_not_wait_for_a_large_file);
  CPPUNIT_TEST_SUITE_END();

  void recovered_is_what_was_appended() {
    const contract::TemporaryDirectory directory;
    std::vector<Record> expected;
    for (int round = 0; round < 5; ++round) {
      PosixLog world(directory.path());
      const auto recovered = world.log().take_recovered();
      CPPUNIT_ASSERT(same_records(recovered.records, expected));
      CPPUNIT_ASSERT(!recovered.lost_up_to && world.log().damage().empty());
      for (int i = 0; i < 100; ++i) {
        const Position slot = expected.size() + 1;
        expected.push_back(log_record(slot, body_of(slot)));
        world.log().append(log_batch("s", {expected.back()}));
      }
      CPPUNIT_ASSERT(world.run_until([&] { return world.log().durable() == 100; }));
    }
  }

  static Position read_report(int reports) {
    std::string bytes(8, '\0');
    const ssize_t got = ::read(reports, bytes.data(), bytes.size());
    return got == 8 ? XdrReader(bytes).read_uint64() : 0;
  }

  // Starts a writer and kills it after some reports; returns the last one.
  static Position kill_after(const std::string& directory, std::uint64_t reports) {
    std::array<int, 2> ends{};
    CPPUNIT_ASSERT(::pipe(ends.data()) == 0);
    std::fflush(stdout);
    const pid_t writer = ::fork();
    CPPUNIT_ASSERT(writer >= 0);
    if (writer == 0) {
      ::close(ends[0]);
      write_until_killed(directory, ends[1]);
    }
    ::close(ends[1]);
    Position last = 0;
    for (std::uint64_t i = 0; i < reports; ++i) {
      const Position report = read_report(ends[0]);
      if (report == 0) break;
      last = report;
    }
    ::kill(writer, SIGKILL);
    int status = 0;
    CPPUNIT_ASSERT(::waitpid(writer, &status, 0) == writer);
    CPPUNIT_ASSERT_MESSAGE("the writer ended by itself",
                           WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    while (const Position report = read_report(ends[0])) last = report;
    ::close(ends[0]);
    return last;
  }

  void a_killed_writer_keeps_what_it_reported() {
    const contract::TemporaryDirectory directory;
    Random random(3);
    Position reported = 0;
    for (int round = 0; round < 20; ++round) {
      reported = std::max(reported, kill_after(directory.path(), 1 + random.below(60)));
      PosixLog world(directory.path());
      const auto recovered = world.log().take_recovered();
      CPPUNIT_ASSERT(!recovered.lost_up_to && world.log().damage().empty());
      const Position last = std::stoull(recovered.standing);
      CPPUNIT_ASSERT(last >= reported);
      CPPUNIT_ASSERT(recovered.records.size() >= std::min(last, kKept));
      Position expected = last - recovered.records.size();
      for (const Record& record : recovered.records) {
        ++expected;
        CPPUNIT_ASSERT(same_record(record, log_record(expected, body_of(expected))));
      }
    }
    std::size_t files = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory.path())) {
      files += file.is_regular_file() ? 1 : 0;
    }
    CPPUNIT_ASSERT(files < 12);
  }

  // As when the next segment is made while one is written to.
  void appends_do_not_wait_for_a_large_file() {
    const contract::TemporaryDirectory directory;
    posix::PosixDisk::Options options;
    contract::TaskLoop loop;
    options.directory = directory.path();
    options.post = [&loop](std::function<void()> task) { loop.post(std::move(task)); };
    auto disk = posix::PosixDisk::open(options);
    CPPUNIT_ASSERT(disk.ok());
    bool large_is_made = false;
    int writes = 0;
    const auto count = [&](const Status& status) {
      CPPUNIT_ASSERT(status.ok());
      ++writes;
    };
    disk.value()->create("small", 4096, count);
    disk.value()->create("large", std::size_t{64} << 20, [&](const Status& status) {
      CPPUNIT_ASSERT(status.ok());
      large_is_made = true;
    });
    for (int i = 1; i <= 10; ++i) {
      disk.value()->write("small", 0, "x", count);
      CPPUNIT_ASSERT(loop.run_until([&] { return writes == i + 1; }));
      CPPUNIT_ASSERT(!large_is_made);
    }
    CPPUNIT_ASSERT(loop.run_until([&] { return large_is_made; }));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SegmentedLogPosixTest);

}  // namespace
}  // namespace rkv::storage
