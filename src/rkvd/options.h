#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "base/time.h"
#include "paxos/options.h"
#include "rkvd/role_failures.h"
#include "rpc/server.h"
#include "twopc/options.h"

namespace rkv::daemon {

// Whether the client port is registered with the rpcbind of this machine.
enum class RpcbindUse {
  kAuto,     // where there is one
  kOff,      // rpcbind is not talked to
  kRequire,  // rkvd does not start without
};

// What rkvd was told, by command line, environment and configuration file, in that order of weight.
struct Options {
  std::optional<std::uint32_t> id;
  std::string replicas_file;  // empty: a single replica on this host
  std::string data_dir;
  bool create = false;
  std::string cluster_id;   // empty: not given
  std::string replication;  // empty: not given; then paxos, or what the replica was made with
  // Of 2pc: who coordinates all writes. Nobody if not given: whoever is asked.
  std::optional<std::uint32_t> coordinator;
  std::string listen;       // empty: as the replicas file says
  std::string peer_listen;  // the same
  bool udp = true;          // clients are served over UDP too
  RpcbindUse rpcbind = RpcbindUse::kAuto;
  Duration rpcbind_check_interval;
  LogLevel log_level = LogLevel::kInfo;
  rpc::ServerLimits client_limits;
  paxos::Options paxos;  // its times; who the replicas are is not in it
  twopc::Options twopc;  // the same
  Duration epoch_age;    // of paxos and 2pc
  std::vector<RoleFailure> role_failures;
  std::uint64_t fail_seed = 0;
  Duration answer_timeout;
  Duration stop_timeout;
};

// What to do instead of serving.
struct OptionsOutcome {
  std::optional<Options> options;  // serve with these
  std::string text;                // or print this and leave with success
};

// Reads the options. The reason of a failure names the option, variable or line at fault.
Result<OptionsOutcome> read_options(int argument_count, const char* const* arguments,
                                    const char* const* environment);

}  // namespace rkv::daemon
