#include "chaos/summary.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace rkv::chaos {
namespace {

using history::Kind;
using history::Outcome;

// In milliseconds, with three places: finer than a run repeats.
double ms_of(std::int64_t ns) { return std::round(static_cast<double>(ns) / 1e3) / 1e3; }

}  // namespace

Summary::Summary(std::vector<std::string> servers, TimePoint start)
    : start_(start), last_write_(start) {
  servers_.reserve(servers.size());
  for (std::string& name : servers) servers_.push_back({std::move(name), 0, 0, 0, {}});
}

void Summary::add(const history::Operation& operation, std::size_t server,
                  const std::string& reason, TimePoint invoked, TimePoint now) {
  Server& asked = servers_[server];
  longest_operation_ = std::max(longest_operation_, now - invoked);
  switch (operation.outcome) {
    case Outcome::kOk:
    case Outcome::kNotFound:
      ++asked.acknowledged;
      latencies_ns_.push_back((now - invoked).ns);
      if (operation.kind == Kind::kPut) {
        note_gap(now);
        last_write_ = now;
      }
      return;
    case Outcome::kRefused:
      ++asked.refused;
      break;
    case Outcome::kUnknown:
      ++asked.unknown;
      break;
  }
  asked.reason = reason;
}

void Summary::note_gap(TimePoint until) {
  const Duration gap = until - last_write_;
  longest_gap_ = std::max(longest_gap_, gap);
  if (gap >= kGapMin) gaps_.emplace_back(last_write_, until);
}

void Summary::end(TimePoint now) {
  note_gap(now);
  std::sort(latencies_ns_.begin(), latencies_ns_.end());
}

std::string Summary::to_json() const {
  const auto quantile_ms = [&](double fraction) {
    if (latencies_ns_.empty()) return 0.0;
    const double position = fraction * static_cast<double>(latencies_ns_.size() - 1);
    return ms_of(latencies_ns_[static_cast<std::size_t>(position)]);
  };
  Server all;
  nlohmann::ordered_json each = nlohmann::ordered_json::array();
  for (const Server& server : servers_) {
    all.acknowledged += server.acknowledged;
    all.refused += server.refused;
    all.unknown += server.unknown;
    each.push_back({{"server", server.name},
                    {"acknowledged", server.acknowledged},
                    {"refused", server.refused},
                    {"unknown", server.unknown},
                    {"reason", server.reason}});
  }
  const nlohmann::ordered_json json = {{"operations", all.acknowledged + all.refused + all.unknown},
                                       {"acknowledged", all.acknowledged},
                                       {"refused", all.refused},
                                       {"unknown", all.unknown},
                                       {"longest_gap_ms", ms_of(longest_gap_.ns)},
                                       {"p50_ms", quantile_ms(0.5)},
                                       {"p99_ms", quantile_ms(0.99)},
                                       {"max_ms", quantile_ms(1)},
                                       {"longest_operation_ms", ms_of(longest_operation_.ns)},
                                       {"servers", each}};
  return json.dump();
}

}  // namespace rkv::chaos
