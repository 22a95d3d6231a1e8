#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "history/operation.h"

namespace rkv::chaos {

// Counts what a load has seen. Times are those of one clock.
class Summary {
 public:
  // A time without an acknowledged write that is at least so long is kept.
  static constexpr Duration kGapMin = milliseconds(10);

  Summary(std::vector<std::string> servers, TimePoint start);

  // An operation that `server`, a number of the list, was asked, with `reason` when it failed.
  void add(const history::Operation& operation, std::size_t server, const std::string& reason,
           TimePoint invoked, TimePoint now);
  // The load is over.
  void end(TimePoint now);

  // Begin and end of each time without an acknowledged write.
  const std::vector<std::pair<TimePoint, TimePoint>>& gaps() const { return gaps_; }

  // All of it in one line of JSON. Latencies are those of what was acknowledged, in milliseconds.
  std::string to_json() const;

 private:
  struct Server {
    std::string name;
    std::uint64_t acknowledged = 0;
    std::uint64_t refused = 0;
    std::uint64_t unknown = 0;
    std::string reason;  // why the last one failed
  };

  void note_gap(TimePoint until);

  std::vector<Server> servers_;
  const TimePoint start_;
  TimePoint last_write_;
  Duration longest_gap_;
  Duration longest_operation_;
  std::vector<std::int64_t> latencies_ns_;  // of what was acknowledged
  std::vector<std::pair<TimePoint, TimePoint>> gaps_;
};

}  // namespace rkv::chaos
