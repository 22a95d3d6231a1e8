#include "chaos/verify.h"

#include <fmt/format.h>
#include <kv.h>

#include <cstdio>
#include <deque>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/log.h"
#include "client/outcome.h"
#include "client/wire.h"
#include "rpc/channel.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"

namespace rkv::chaos {
namespace {

constexpr rpc::Procedure<kv_get_args, kv_get_result> kGetProcedure = {
    KV_PROG, KV_V1, GET, xdr_kv_get_args, xdr_kv_get_result};

constexpr std::size_t kCallsMax = 256;         // under way at one server
constexpr std::size_t kExamplesMax = 10;       // printed
constexpr Duration kPause = milliseconds(50);  // before a key that could not be read is read again

struct Entry {
  std::string key;
  std::string value;
};

// Reads at one server.
class Reader {
 public:
  Reader(rpc::EventLoop& loop, rpc::Resolver& resolver, Logger& logger,
         const client::Server& server, const std::vector<Entry>& entries, const Options& options,
         TimePoint deadline)
      : loop_(loop),
        entries_(entries),
        timeout_(options.timeout),
        deadline_(deadline),
        channel_(loop, resolver, logger, server.host, server.port, rpc::ChannelOptions()) {
    for (std::size_t i = 0; i < entries.size(); ++i) waiting_.push_back(i);
  }

  void begin() {
    while (calls_ < kCallsMax && !waiting_.empty()) {
      const std::size_t entry = waiting_.front();
      waiting_.pop_front();
      read(entry);
    }
  }
  bool done() const { return calls_ == 0 && waiting_.empty(); }
  std::uint64_t missing() const { return missing_; }
  std::uint64_t different() const { return different_; }
  std::uint64_t unread() const { return unread_; }

 private:
  void read(std::size_t entry) {
    ++calls_;
    kv_get_args args;
    client::fill_get(entries_[entry].key, {}, &args);
    channel_.call<kv_get_args, kv_get_result>(
        kGetProcedure, args, rpc::EventLoop::read_clock() + timeout_,
        [this, entry](const rpc::CallOutcome& outcome, kv_get_result& result) {
          if (!outcome.answered()) {
            failed(entry, client::failure_of(outcome, client::Effect::kReads));
          } else {
            answered(entry, client::outcome_of(result, channel_.name()));
          }
        });
  }

  void answered(std::size_t entry, const client::ReadOutcome& outcome) {
    if (outcome.status.code() == StatusCode::kNotFound) {
      ++missing_;
      complain(entry, "is missing");
    } else if (!outcome.status.ok()) {
      failed(entry, outcome.status);
      return;
    } else if (outcome.value != entries_[entry].value) {
      ++different_;
      complain(entry, "is " + outcome.value);
    }
    --calls_;
    begin();
  }

  void failed(std::size_t entry, const Status& status) {
    if (rpc::EventLoop::read_clock() + kPause < deadline_) {
      loop_.add_timer(rpc::EventLoop::read_clock() + kPause, [this, entry] {
        --calls_;
        read(entry);
      });
      return;
    }
    ++unread_;
    complain(entry, status.to_string());
    --calls_;
    begin();
  }

  void complain(std::size_t entry, const std::string& what) {
    if (++complaints_ > kExamplesMax) return;
    fmt::print(stderr, "{}: {} {}\n", channel_.name(), entries_[entry].key, what);
  }

  rpc::EventLoop& loop_;
  const std::vector<Entry>& entries_;
  const Duration timeout_;
  const TimePoint deadline_;
  std::deque<std::size_t> waiting_;  // entries that were not read yet
  std::size_t calls_ = 0;            // under way, or to be made again
  std::uint64_t missing_ = 0;
  std::uint64_t different_ = 0;
  std::uint64_t unread_ = 0;
  std::size_t complaints_ = 0;
  rpc::Channel channel_;
};

Result<std::vector<Entry>> read_record(const std::string& path) {
  std::ifstream file(path);
  std::vector<Entry> entries;
  Entry entry;
  while (file >> entry.key >> entry.value) entries.push_back(entry);
  if (!file.eof() || entries.empty()) return Status::invalid(path + ": there is no record in it");
  return entries;
}

}  // namespace

Result<bool> verify(const Options& options) {
  const Result<std::vector<Entry>> entries = read_record(options.record_file);
  if (!entries.ok()) return entries.status();
  NullLogger logger;
  rpc::EventLoop loop;
  rpc::Resolver resolver(loop);
  const TimePoint deadline = rpc::EventLoop::read_clock() + options.duration;
  std::vector<std::unique_ptr<Reader>> readers;
  readers.reserve(options.servers.size());
  for (const client::Server& server : options.servers) {
    readers.push_back(std::make_unique<Reader>(loop, resolver, logger, server, entries.value(),
                                               options, deadline));
    readers.back()->begin();
  }
  std::uint64_t missing = 0;
  std::uint64_t different = 0;
  std::uint64_t unread = 0;
  for (const auto& reader : readers) {
    loop.run_until([&] { return reader->done(); }, kNever);
    missing += reader->missing();
    different += reader->different();
    unread += reader->unread();
  }
  const nlohmann::ordered_json json = {{"keys", entries.value().size()},
                                       {"servers", options.servers.size()},
                                       {"missing", missing},
                                       {"different", different},
                                       {"unread", unread}};
  fmt::print("{}\n", json.dump());
  return missing + different + unread == 0;
}

}  // namespace rkv::chaos
