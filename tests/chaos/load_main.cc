// A load for a cluster to which things happen; what it does and prints is told by --help. Exits
// with 0, 1 if a verification found something, 2 if the command line makes no sense, 3 if a file
// cannot be read or written.

#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>

#include "chaos/load.h"
#include "chaos/options.h"
#include "chaos/verify.h"
#include "chaos/workload.h"
#include "client/client_id.h"
#include "rpc/event_loop.h"

namespace {

using namespace rkv;

constexpr int kExitDifferent = 1;
constexpr int kExitUsage = 2;
constexpr int kExitFailure = 3;

volatile std::sig_atomic_t stop_asked = 0;

int fail(int status, const std::string& reason) {
  fmt::print(stderr, "chaos_load: {}\n", reason);
  return status;
}

bool write_gaps(const std::string& path, const chaos::Summary& summary) {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t boot_ns =
      std::chrono::nanoseconds(since_1970).count() - rpc::EventLoop::read_clock().ns;
  std::ofstream file(path, std::ios::trunc);
  for (const auto& [begin, end] : summary.gaps()) {
    file << (begin.ns + boot_ns) / 1000 << ' ' << (end.ns + boot_ns) / 1000 << '\n';
  }
  file.close();
  return file.good();
}

int run_load(const chaos::Options& options) {
  const std::uint64_t seed = client::draw_client_id();
  std::unique_ptr<chaos::Workload> workload;
  if (options.mode == chaos::Mode::kRegister) {
    workload = std::make_unique<chaos::RegisterWorkload>(options.history_file, options.keys,
                                                         options.read_percent, seed);
  } else {
    workload =
        std::make_unique<chaos::RecordWorkload>(options.record_file, options.value_size, seed);
  }
  chaos::Load load(options, *workload);
  const chaos::Summary summary = load.run([] { return stop_asked != 0; });
  fmt::print("{}\n", summary.to_json());
  if (!workload->save()) return fail(kExitFailure, "the history or record cannot be written");
  if (!options.gaps_file.empty() && !write_gaps(options.gaps_file, summary)) {
    return fail(kExitFailure, options.gaps_file + " cannot be written");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<chaos::Options> options;
  try {
    options = chaos::read_options(argc, argv);
  } catch (const std::exception& error) {
    return fail(kExitUsage, error.what());
  }
  if (!options) return 0;
  struct sigaction action {};
  action.sa_handler = [](int) { stop_asked = 1; };
  sigaction(SIGTERM, &action, nullptr);
  if (options->mode != chaos::Mode::kVerify) return run_load(*options);
  const Result<bool> verified = chaos::verify(*options);
  if (!verified.ok()) return fail(kExitFailure, verified.status().reason());
  return verified.value() ? 0 : kExitDifferent;
}
