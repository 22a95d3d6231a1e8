#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "client/server.h"
#include "rpc/endpoint.h"

namespace rkv::once {

struct CountersOptions {
  std::vector<client::Server> servers;
  rpc::Transport transport = rpc::Transport::kTcp;
  std::size_t clients = 64;
  std::size_t counters = 4;
  Duration run_time = seconds(5);
  Duration timeout = seconds(2);  // of one increment, over all its retries
};

// What clients were told of their increments.
struct CountersResult {
  std::uint64_t issued = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t unknown = 0;         // the rest surely did not happen
  std::vector<std::string> reasons;  // of the first few that were not acknowledged
  bool numbers_are_unique = true;    // no two increments of a counter were told the same number
};

// Has many clients, each with a connection and a session of its own, increment a few counters, one
// increment after the other, through all servers. Blocks for the time of the run.
CountersResult increment_counters(const CountersOptions& options);

// The sum of the counters; fails when they cannot be read within the timeout.
Result<std::int64_t> sum_of_counters(const CountersOptions& options);

}  // namespace rkv::once
