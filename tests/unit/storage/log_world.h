#pragma once

#include <cppunit/extensions/HelperMacros.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../../sim/sim_disk.h"
#include "base/random.h"
#include "storage/segmented_log.h"

namespace rkv::storage {

// A simulated disk with its schedule, and the logs that are opened on it.
class LogWorld {
 public:
  static constexpr std::size_t kSegmentSize = 16 * kSectorSize;

  explicit LogWorld(std::uint64_t seed = 1)
      : random_(seed), disk_(random_, [this](Duration delay, std::function<void()> task) {
          tasks_.emplace(std::make_pair(now_ns_ + delay.ns, ++tasks_made_), std::move(task));
        }) {}

  Random& random() { return random_; }
  sim::SimDisk& disk() { return disk_; }

  static LogIdentity identity() {
    LogIdentity identity;
    identity.cluster.bytes = {1, 2, 3};
    identity.replica = {7};
    return identity;
  }

  Result<std::unique_ptr<SegmentedLog>> try_open(std::size_t segment_size = kSegmentSize,
                                                 const LogIdentity& whose = identity()) {
    SegmentedLog::Options options;
    options.identity = whose;
    options.segment_size = segment_size;
    options.reserve = 2 * segment_size;
    options.fatal = [this](const Status& failure) { failures_.push_back(failure); };
    return SegmentedLog::open(disk_, options);
  }
  std::unique_ptr<SegmentedLog> open(std::size_t segment_size = kSegmentSize) {
    auto opened = try_open(segment_size);
    CPPUNIT_ASSERT_MESSAGE(opened.status().to_string(), opened.ok());
    return std::move(opened).value();
  }

  // Lets the next thing happen that is scheduled; false if there is none.
  bool run_one() {
    if (tasks_.empty()) return false;
    auto first = tasks_.extract(tasks_.begin());
    now_ns_ = first.key().first;
    first.mapped()();
    return true;
  }
  void run() {
    while (run_one()) {
    }
  }

  // What fatal was called with.
  const std::vector<Status>& failures() const { return failures_; }

 private:
  Random random_;
  std::map<std::pair<std::int64_t, std::uint64_t>, std::function<void()>> tasks_;
  std::int64_t now_ns_ = 0;
  std::uint64_t tasks_made_ = 0;
  sim::SimDisk disk_;
  std::vector<Status> failures_;
};

inline env::LogRecord log_record(Position slot, std::string_view body,
                                 std::string_view head = "head") {
  env::LogRecord record;
  record.type = 2;
  record.slot = slot;
  record.head = head;
  record.body = std::make_shared<const std::string>(body);
  return record;
}

inline env::LogDevice::Batch log_batch(std::string standing,
                                       std::vector<env::LogRecord> records = {}) {
  return {std::move(records), std::move(standing)};
}

inline bool same_record(const env::LogRecord& one, const env::LogRecord& other) {
  const bool same_body = one.body == nullptr || other.body == nullptr ? one.body == other.body
                                                                      : *one.body == *other.body;
  return one.type == other.type && one.slot == other.slot && one.head == other.head && same_body;
}

inline bool same_records(const std::vector<env::LogRecord>& some,
                         const std::vector<env::LogRecord>& others) {
  return some.size() == others.size() &&
         std::equal(some.begin(), some.end(), others.begin(), same_record);
}

}  // namespace rkv::storage
