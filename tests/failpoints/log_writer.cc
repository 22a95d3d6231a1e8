// A log on the files of a directory, with failpoints in it, in segments so small that it often
// opens another: what a replica does in hours happens here in a second.
//
//   log_writer DIR          appends slots, and prints each that is durable, a line for each
//   log_writer DIR SLOT     opens the log and checks that everything up to SLOT is there
//
// Exit status: 0 done, 1 the log failed or is not as it should be, 2 wrong usage.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "contract/task_loop.h"
#include "posix/failpoints.h"
#include "posix/posix_disk.h"
#include "storage/segmented_log.h"

namespace rkv {
namespace {

constexpr std::size_t kSegmentSize = 64 * storage::kSectorSize;
constexpr Position kSlotsToAppend = 300;
constexpr Position kSlotsAtOnce = 3;
constexpr Position kKept = 60;  // slots behind the last one that are not cut
constexpr std::uint32_t kRecordType = 1;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "log_writer: %s\n", what.c_str());
  std::_Exit(EXIT_FAILURE);
}

LogRecord record_of(Position slot) {
  LogRecord record;
  record.type = kRecordType;
  record.slot = slot;
  record.body = std::make_shared<const std::string>(std::to_string(slot) +
                                                    std::string(slot * 37 % 3000, 'v'));
  return record;
}

// The standing of the log is its last slot.
class Writer {
 public:
  explicit Writer(const std::string& directory) {
    posix::PosixDisk::Options options;
    options.directory = directory;
    options.post = [this](std::function<void()> task) { loop_.post(std::move(task)); };
    auto disk = posix::PosixDisk::open(options);
    if (!disk.ok()) fail(disk.status().reason());
    disk_ = std::move(disk).value();
    storage::SegmentedLog::Options log_options;
    log_options.segment_size = kSegmentSize;
    log_options.reserve = 0;
    log_options.fatal = [](const Status& failure) { fail(failure.reason()); };
    auto log = storage::SegmentedLog::open(*disk_, log_options);
    if (!log.ok()) fail(log.status().reason());
    log_ = std::move(log).value();
    if (!log_->damage().empty()) fail("the log is damaged");
    recovered_ = log_->take_recovered();
    if (!recovered_.standing.empty()) last_ = std::stoull(recovered_.standing);
  }
  // The log first, which uses the disk.
  ~Writer() { log_.reset(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void append_all() {
    const Position begin = last_;
    log_->set_live_records([this] { return live_records(); });
    log_->set_durable_listener([begin](env::LogDevice::BatchNumber durable) {
      std::printf("%llu\n", static_cast<unsigned long long>(begin) + durable);
      std::fflush(stdout);
    });
    while (last_ < begin + kSlotsToAppend) {
      for (Position i = 0; i < kSlotsAtOnce; ++i) {
        ++last_;
        log_->append({{record_of(last_)}, std::to_string(last_)});
      }
      if (last_ > kKept) log_->cut(last_ - kKept);
      const auto wanted = last_ - begin;
      if (!loop_.run_until([&] { return log_->durable() >= wanted; })) fail("it does not get on");
    }
  }

  // That the slots up to this one are there, but for those that may have been cut.
  void check(Position slot) const {
    if (last_ < slot)
      fail("slot " + std::to_string(slot) + " is lost: the last one is " + std::to_string(last_));
    if (recovered_.lost_up_to) fail("records are damaged");
    // A cut may stand for slots that were appended at once with the last one, and are not there.
    constexpr Position kThere = kKept - kSlotsAtOnce;
    Position wanted = last_ > kThere ? last_ - kThere + 1 : 1;
    for (const LogRecord& record : recovered_.records) {
      if (record.slot == 0 || *record.body != *record_of(record.slot).body) fail("a wrong record");
      if (record.slot == wanted) ++wanted;
    }
    if (wanted <= last_) fail("slot " + std::to_string(wanted) + " is lost");
  }

 private:
  // The newest slots once more, as those of a replica which are not known to be chosen.
  std::vector<LogRecord> live_records() const {
    constexpr Position kLive = 5;
    std::vector<LogRecord> records;
    records.reserve(kLive);
    for (Position slot = last_ > kLive ? last_ - kLive : 1; slot < last_; ++slot) {
      records.push_back(record_of(slot));
    }
    return records;
  }

  contract::TaskLoop loop_;
  std::unique_ptr<posix::PosixDisk> disk_;
  std::unique_ptr<storage::SegmentedLog> log_;
  RecoveredLog recovered_;
  Position last_ = 0;
};

int run(int argument_count, char** arguments) {
  if (argument_count < 2 || argument_count > 3) {
    std::fputs("usage: log_writer DIR [SLOT]\n", stderr);
    return 2;
  }
  const char* const failpoints = std::getenv("RKVD_FAILPOINTS");
  const auto armed = posix::ArmedFailpoints::arm(failpoints == nullptr ? "" : failpoints);
  if (!armed.ok()) fail(armed.status().reason());
  Writer writer(arguments[1]);
  if (argument_count == 3) {
    writer.check(std::stoull(arguments[2]));
  } else {
    writer.append_all();
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace rkv

int main(int argument_count, char** arguments) { return rkv::run(argument_count, arguments); }
