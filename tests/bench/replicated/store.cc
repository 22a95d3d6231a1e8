#include "store.h"

#include <algorithm>
#include <thread>

#include "../fail.h"

namespace rkv::bench {
namespace {

constexpr Duration kLeaderPatience = seconds(30);
constexpr std::chrono::milliseconds kPollPause{20};

}  // namespace

std::size_t Store::leader() {
  const TimePoint deadline = rpc::EventLoop::read_clock() + kLeaderPatience;
  while (rpc::EventLoop::read_clock() < deadline) {
    for (const auto& server : servers_) server->check_runs();
    const std::size_t leader = find_leader();
    if (leader < replicas()) return leader;
    std::this_thread::sleep_for(kPollPause);
  }
  fail("a cluster has no leader");
}

double Store::cpu_seconds() const {
  double sum = 0;
  for (const auto& server : servers_) sum += server->cpu_seconds();
  return sum;
}

std::size_t Store::peak_memory() const {
  std::size_t most = 0;
  for (const auto& server : servers_) most = std::max(most, server->peak_memory());
  return most;
}

void Store::forget_peak_memory() {
  for (const auto& server : servers_) server->forget_peak_memory();
}

void Store::start_server(const std::vector<std::string>& command, const std::string& log) {
  servers_.push_back(std::make_unique<Server>(command, log));
}

}  // namespace rkv::bench
