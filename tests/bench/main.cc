// make bench: our runtime beside libtirpc's svc_run() and beside a bare echo of the same records,
// in one run on one machine. One process calls, over loopback; each server is a process of one
// thread.
//
//   bench [--seconds S] [--runs N] [--in-flight N]
//
// A figure is the median of N runs (3) of S seconds (1); the servers take turns. --in-flight leaves
// the other rows out, to look at one with a profiler.
//
// With few calls in flight the time goes into waking the other side, which costs several times more
// on another core than on the same one, and the kernel chooses: compare figures of one run only.
// `taskset -c 0 bench` has everything on one core.

#include <getopt.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "child.h"
#include "fail.h"
#include "load.h"
#include "loopback.h"
#include "workload.h"

namespace rkv::bench {
namespace {

struct Options {
  double seconds = 1;
  std::size_t runs = 3;
  std::size_t in_flight = 0;  // 0: all rows
  std::string folder;         // where the servers are
};

// Calls in flight, over so many connections.
struct Depth {
  std::size_t in_flight;
  std::size_t connections;
};
constexpr std::array kDepths = {Depth{1, 1},    Depth{8, 1},    Depth{64, 1},   Depth{256, 1},
                                Depth{1024, 1}, Depth{256, 16}, Depth{256, 256}};
constexpr Depth kIdleDepth = {256, 1};
constexpr std::size_t kIdleConnections = 10'000;
constexpr std::size_t kDescriptorsBeside = 100;  // of this process and of a server

// The median of every figure by itself.
LoadResult median(std::vector<LoadResult> results) {
  const auto middle = [&results](double LoadResult::*figure) {
    std::sort(results.begin(), results.end(),
              [figure](const LoadResult& a, const LoadResult& b) { return a.*figure < b.*figure; });
    return results[results.size() / 2].*figure;
  };
  return {middle(&LoadResult::calls_per_second), middle(&LoadResult::p50_us),
          middle(&LoadResult::p99_us)};
}

// The servers take turns, so that what else the machine does meets them alike.
std::vector<LoadResult> measure(const Options& options, const std::vector<const Child*>& servers,
                                Procedure procedure, const Depth& depth) {
  std::vector<std::vector<LoadResult>> results(servers.size());
  for (std::size_t run = 0; run < options.runs; ++run) {
    for (std::size_t i = 0; i < servers.size(); ++i) {
      Load load(servers[i]->port(),
                {procedure, depth.in_flight, depth.connections, options.seconds});
      results[i].push_back(load.run());
    }
  }
  std::vector<LoadResult> medians(servers.size());
  std::transform(results.begin(), results.end(), medians.begin(), median);
  return medians;
}

// More than everything here should take: a guard for processes, not a limit to come near.
unsigned guard_seconds(const Options& options) {
  const double runs = static_cast<double>(options.runs * (kDepths.size() + 2) * 9);
  return static_cast<unsigned>(runs * options.seconds * 3) + 120;
}

void print_speed(const Options& options) {
  const unsigned guard = guard_seconds(options);
  const Child ours(options.folder + "/runtime_server", guard);
  const Child stock(options.folder + "/stock_server", guard);
  const Child echo(options.folder + "/echo_server", guard);
  std::printf("calls per second; latencies in microseconds\n\n");
  std::printf("%-5s %6s %6s %10s %10s %6s %10s %6s  %8s %8s  %8s %8s\n", "", "in", "conn-", "", "",
              "ours/", "", "ours/", "ours", "ours", "svc_run", "svc_run");
  std::printf("%-5s %6s %6s %10s %10s %6s %10s %6s  %8s %8s  %8s %8s\n", "call", "flight",
              "ections", "ours", "svc_run", "stock", "echo", "echo", "p50", "p99", "p50", "p99");
  for (const Procedure procedure : kProcedures) {
    for (const Depth& depth : kDepths) {
      if (options.in_flight != 0 && depth.in_flight != options.in_flight) continue;
      const auto results = measure(options, {&ours, &stock, &echo}, procedure, depth);
      const double speed = results[0].calls_per_second;
      std::printf("%-5s %6zu %7zu %9.0f %10.0f %6.2f %10.0f %6.2f  %8.1f %8.1f  %8.1f %8.1f\n",
                  to_string(procedure), depth.in_flight, depth.connections, speed,
                  results[1].calls_per_second, speed / results[1].calls_per_second,
                  results[2].calls_per_second, speed / results[2].calls_per_second,
                  results[0].p50_us, results[0].p99_us, results[1].p50_us, results[1].p99_us);
      std::fflush(stdout);
    }
    std::printf("\n");
  }
}

// As many descriptors as this process may have; how many connections fit into them.
std::size_t idle_connections_possible() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur <= kDescriptorsBeside) fail("too few descriptors");
  return std::min<std::size_t>(kIdleConnections, limit.rlim_cur - kDescriptorsBeside);
}

// svc_run is not in this one: it takes no descriptor above 1,023 well.
void print_idle(const Options& options) {
  const std::size_t count = idle_connections_possible();
  const unsigned guard = guard_seconds(options);
  const Child alone(options.folder + "/runtime_server", guard);
  const Child crowded(options.folder + "/runtime_server", guard);
  std::vector<int> idle;
  const std::size_t memory_before = crowded.memory();
  for (std::size_t i = 0; i < count; ++i) idle.push_back(connect_to(crowded.port()));
  // They are accepted in their order: when the last one is answered, all are.
  call_once(idle.back(), Procedure::kNull);
  const std::size_t memory_open = crowded.memory();
  for (const int descriptor : idle) call_once(descriptor, Procedure::kPut);
  const std::size_t memory_used = crowded.memory();
  std::printf("ours with %zu idle connections, beside %zu calls in flight on one more\n\n", count,
              kIdleDepth.in_flight);
  std::printf("bytes of memory (VmRSS) per idle connection: %zu when opened, %zu after a PUT\n\n",
              (memory_open - memory_before) / count, (memory_used - memory_before) / count);
  std::printf("%-5s %12s %12s %6s\n", "call", "without", "with", "ratio");
  for (const Procedure procedure : kProcedures) {
    const auto results = measure(options, {&alone, &crowded}, procedure, kIdleDepth);
    std::printf("%-5s %12.0f %12.0f %6.2f\n", to_string(procedure), results[0].calls_per_second,
                results[1].calls_per_second,
                results[1].calls_per_second / results[0].calls_per_second);
    std::fflush(stdout);
  }
  for (const int descriptor : idle) close(descriptor);
}

Options parse_options(int argc, char** argv) {
  static const option kLong[] = {{"seconds", required_argument, nullptr, 's'},
                                 {"runs", required_argument, nullptr, 'r'},
                                 {"in-flight", required_argument, nullptr, 'i'},
                                 {nullptr, 0, nullptr, 0}};
  Options options;
  int letter = 0;
  while ((letter = getopt_long(argc, argv, "", kLong, nullptr)) != -1) {
    if (letter == 's') {
      options.seconds = std::strtod(optarg, nullptr);
    } else if (letter == 'r') {
      options.runs = std::strtoul(optarg, nullptr, 10);
    } else if (letter == 'i') {
      options.in_flight = std::strtoul(optarg, nullptr, 10);
    } else {
      fail("usage: bench [--seconds S] [--runs N] [--in-flight N]");
    }
  }
  if (optind != argc || options.seconds <= 0 || options.runs == 0) fail("that makes no sense");
  const std::string self = argv[0];
  const std::size_t slash = self.rfind('/');
  options.folder = slash == std::string::npos ? "." : self.substr(0, slash);
  return options;
}

}  // namespace
}  // namespace rkv::bench

int main(int argc, char** argv) {
  const rkv::bench::Options options = rkv::bench::parse_options(argc, argv);
  rkv::bench::print_speed(options);
  rkv::bench::print_idle(options);
}
