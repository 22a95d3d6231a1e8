// rkvd: a replica of rkv. See readme.txt, or rkvd --help.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/status.h"
#include "posix/failpoints.h"
#include "posix/log_sink.h"
#include "posix/service_manager.h"
#include "posix/system.h"
#include "rkvd/daemon.h"
#include "rkvd/options.h"

extern char** environ;

// Read by jemalloc, if that is the allocator. What is freed goes back to the system within a
// second: memory that a burst of calls needed is not held for good.
extern "C" const char* malloc_conf;
const char* malloc_conf = "background_thread:true,narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0";

namespace {

constexpr int kExitUsage = 2;

int refuse(const rkv::Status& status) {
  std::fprintf(stderr, "rkvd: %s\n", status.reason().c_str());
  return status.code() == rkv::StatusCode::kInvalid ? kExitUsage : EXIT_FAILURE;
}

#ifdef RKV_FAILPOINTS
constexpr const char* kFailpointsVariable = "RKVD_FAILPOINTS";
constexpr const char* kListFailpoints = "list";  // in place of what to arm: prints their names

// Out of the environment, which holds nothing but options after that.
std::string take_failpoints() {
  const char* const value = std::getenv(kFailpointsVariable);
  const std::string taken = value == nullptr ? "" : value;
  unsetenv(kFailpointsVariable);
  return taken;
}
#endif

}  // namespace

int main(int argument_count, char** arguments) {
#ifdef RKV_FAILPOINTS
  const std::string failpoints = take_failpoints();
  if (failpoints == kListFailpoints) {
    std::fputs(rkv::posix::failpoint_names().c_str(), stdout);
    return EXIT_SUCCESS;
  }
  const rkv::Result<std::unique_ptr<rkv::posix::ArmedFailpoints>> armed =
      rkv::posix::ArmedFailpoints::arm(failpoints);
  if (!armed.ok()) return refuse(armed.status());
#endif
  const rkv::Result<rkv::daemon::OptionsOutcome> outcome =
      rkv::daemon::read_options(argument_count, arguments, environ);
  if (!outcome.ok()) return refuse(outcome.status());
  if (!outcome.value().options) {
    std::fputs(outcome.value().text.c_str(), stdout);
    return EXIT_SUCCESS;
  }
  const rkv::daemon::Options& options = *outcome.value().options;
  rkv::Result<rkv::posix::ServiceManager> manager = rkv::posix::ServiceManager::take_environment();
  if (!manager.ok()) return refuse(manager.status());
  const std::unique_ptr<rkv::Logger> logger = rkv::posix::make_stderr_logger(options.log_level);
  rkv::posix::raise_descriptor_limit();
  rkv::Result<std::unique_ptr<rkv::daemon::Daemon>> daemon =
      rkv::daemon::Daemon::start(options, *logger, manager.value());
  if (!daemon.ok()) return refuse(daemon.status());
  daemon.value()->run();
  return EXIT_SUCCESS;
}
