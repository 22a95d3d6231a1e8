#include "floor.h"

#include <fcntl.h>
#include <kv.h>
#include <unistd.h>

#include <string_view>

#include "../fail.h"
#include "../histogram.h"
#include "base/log.h"
#include "rpc/channel.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"
#include "rpc/xdr.h"

namespace rkv::bench {
namespace {

// A batch of the log with one small put in it: one sector (src/storage/FORMAT.txt).
constexpr std::size_t kSyncSize = 512;
constexpr std::size_t kFileSize = std::size_t{16} << 20;
constexpr Duration kPatience = seconds(10);

double median_us(const Histogram& times) { return static_cast<double>(times.quantile(0.5)) / 1000; }

bool_t encode_nothing(XDR*, char*) { return TRUE; }

// One NULL call after the other.
class NullCalls {
 public:
  explicit NullCalls(std::uint16_t port)
      : resolver_(loop_),
        channel_(loop_, resolver_, logger_, "127.0.0.1", port, rpc::ChannelOptions()) {}

  double measure(Duration span) {
    end_ = rpc::EventLoop::read_clock() + span;
    call();
    if (!loop_.run_until([this] { return is_over_; }, end_ + kPatience)) {
      fail("a replica does not answer");
    }
    return median_us(times_);
  }

 private:
  void call() {
    const TimePoint started = loop_.now();
    channel_.call_raw(KV_PROG, KV_V1, 0, nullptr, rpc::untyped(encode_nothing), nullptr, kNever,
                      [this, started](const rpc::CallOutcome& outcome, std::string_view) {
                        if (!outcome.answered()) fail("a NULL call was not answered");
                        times_.add(static_cast<std::uint64_t>((loop_.now() - started).ns));
                        is_over_ = loop_.now() >= end_;
                        if (!is_over_) call();
                      });
  }

  rpc::EventLoop loop_;
  rpc::Resolver resolver_;
  NullLogger logger_;
  rpc::Channel channel_;
  TimePoint end_;
  bool is_over_ = false;
  Histogram times_;
};

double measure_sync(const std::string& folder, Duration span) {
  const std::string path = folder + "/sync";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const std::string zeros(kFileSize, '\0');
  if (file < 0 || pwrite(file, zeros.data(), kFileSize, 0) != static_cast<ssize_t>(kFileSize) ||
      fsync(file) != 0) {
    fail_errno("cannot make a file");
  }
  const std::string sector(kSyncSize, 's');
  Histogram times;
  TimePoint now = rpc::EventLoop::read_clock();
  const TimePoint end = now + span;
  for (std::size_t offset = 0; now < end; offset = (offset + kSyncSize) % kFileSize) {
    const TimePoint started = now;
    if (pwrite(file, sector.data(), kSyncSize, static_cast<off_t>(offset)) !=
            static_cast<ssize_t>(kSyncSize) ||
        fdatasync(file) != 0) {
      fail_errno("cannot write a file");
    }
    now = rpc::EventLoop::read_clock();
    times.add(static_cast<std::uint64_t>((now - started).ns));
  }
  close(file);
  unlink(path.c_str());
  return median_us(times);
}

}  // namespace

Floor measure_floor(std::uint16_t port, const std::string& folder, double seconds) {
  const Duration span{static_cast<std::int64_t>(seconds * 1e9 / 2)};
  return {NullCalls(port).measure(span), measure_sync(folder, span)};
}

}  // namespace rkv::bench
