#include "rkvd/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cctype>
#include <sstream>
#include <string_view>

#include "base/version.h"
#include "posix/system.h"

namespace po = boost::program_options;

namespace rkv::daemon {
namespace {

constexpr std::string_view kEnvironmentPrefix = "RKVD_";
constexpr std::string_view kFailpointsVariable = "RKVD_FAILPOINTS";
constexpr std::size_t kConfigSizeMax = 1 << 20;

constexpr const char* kUsage =
    "rkvd - a replica of rkv, a replicated key-value store that speaks ONC RPC\n"
    "\n"
    "  rkvd --data-dir DIR                                        a single replica on this host\n"
    "  rkvd --id N --replicas FILE --data-dir DIR                 a replica of a cluster\n"
    "  rkvd --id N --replicas FILE --data-dir DIR --create --cluster-id ID\n"
    "                                                             the same, made anew\n"
    "\n"
    "Each option is also an environment variable (--data-dir: RKVD_DATA_DIR) and a key of the\n"
    "configuration file (data-dir = DIR). The command line goes before the environment, the\n"
    "environment before the file.\n";

template <typename Number>
po::typed_value<Number>* number(Number* target) {
  return po::value<Number>(target)->default_value(*target)->value_name("N");
}

// The targets that are not in their final form yet.
struct Raw {
  std::string config;
  std::string log_level = "info";
  std::string udp = "on";
  std::string rpcbind = "auto";
  std::uint32_t rpcbind_check_ms = 30000;
  std::uint32_t idle_timeout_s = 600;
  std::uint32_t record_timeout_s = 30;
  std::uint32_t write_timeout_s = 30;
  std::uint32_t answer_timeout_ms = 2000;
  std::uint32_t heartbeat_ms = 20;
  std::uint32_t election_ms = 150;
  std::uint32_t request_timeout_ms = 5000;
  std::uint32_t log_keep_mb = 64;
  std::uint32_t epoch_s = 900;
  std::uint32_t stop_timeout_ms = 5000;
  std::vector<std::string> fail;
};

po::options_description identity_options(Options& options) {
  po::options_description group("Who it is");
  auto text = [](std::string* target, const char* name) {
    return po::value<std::string>(target)->value_name(name);
  };
  group.add_options()("id", po::value<std::uint32_t>()->value_name("N"),
                      "which line of the replicas file this replica is")(
      "replicas", text(&options.replicas_file, "FILE"),
      "all replicas of the cluster; without it, a single replica on this host")(
      "data-dir", text(&options.data_dir, "DIR"), "where this replica keeps its data (required)")(
      "create", po::value<bool>(&options.create)->implicit_value(true)->default_value(false, "no"),
      "make a new replica in an empty data directory")(
      "cluster-id", text(&options.cluster_id, "ID"),
      "the cluster's identity, 32 hexadecimal digits, the same for all its replicas")(
      "replication", text(&options.replication, "PROTOCOL"),
      "how replicas agree on writes: paxos (the default), 2pc or forward; fixed when the "
      "cluster is made");
  return group;
}

po::options_description network_options(Options& options, Raw& raw) {
  po::options_description group("Network");
  group.add_options()("listen", po::value<std::string>(&options.listen)->value_name("HOST:PORT"),
                      "take clients here instead of where the replicas file says")(
      "peer-listen", po::value<std::string>(&options.peer_listen)->value_name("HOST:PORT"),
      "take the other replicas here instead")(
      "udp", po::value<std::string>(&raw.udp)->default_value(raw.udp)->value_name("on|off"),
      "take clients over UDP too, at the same port")(
      "rpcbind",
      po::value<std::string>(&raw.rpcbind)->default_value(raw.rpcbind)->value_name("USE"),
      "register the client port with this machine's rpcbind: auto (where there is one), off, or "
      "require (do not start without)")(
      "rpcbind-check-ms", number(&raw.rpcbind_check_ms),
      "look that often whether it is still registered, or can be by now");
  return group;
}

po::options_description limit_options(Options& options, Raw& raw) {
  po::options_description group("Limits and times");
  rpc::ServerLimits& limits = options.client_limits;
  group.add_options()("connections-max", number(&limits.connections_max),
                      "client connections; more are closed at once")(
      "connections-per-host-max", number(&limits.connections_per_host_max),
      "the same from one address")("calls-max", number(&limits.calls_max),
                                   "calls waiting for their answer; more are answered BUSY")(
      "call-bytes-max", number(&limits.call_bytes_max), "bytes of those calls; the same")(
      "calls-per-connection-max", number(&limits.calls_per_connection_max),
      "of one connection; more are read later")("idle-timeout-s", number(&raw.idle_timeout_s),
                                                "a connection without calls is closed")(
      "record-timeout-s", number(&raw.record_timeout_s), "a call must have come in whole by then")(
      "write-timeout-s", number(&raw.write_timeout_s), "answers must be taken by then")(
      "stop-timeout-ms", number(&raw.stop_timeout_ms), "the longest that a clean stop takes");
  return group;
}

po::options_description replication_options(Options& options, Raw& raw) {
  po::options_description group("Replication");
  group.add_options()("heartbeat-ms", number(&raw.heartbeat_ms),
                      "paxos: the leader is heard of at least this often")(
      "election-ms", number(&raw.election_ms),
      "paxos: a replica that hears of no leader for a random time from this to twice this asks to "
      "become it; a leader's lease is this long. The same at all replicas")(
      "request-timeout-ms", number(&raw.request_timeout_ms),
      "paxos: a call that waits for a leader, or a majority, is answered by then; 2pc: a write "
      "that waits for others, or for the votes of all")(
      "coordinator", po::value<std::uint32_t>()->value_name("N"),
      "2pc: all writes go through this replica, whichever is asked; without it, each goes through "
      "the one that is asked. The same at all replicas")(
      "answer-timeout-ms", number(&raw.answer_timeout_ms),
      "forward: another replica must have answered by then")(
      "epoch-s", number(&raw.epoch_s),
      "paxos, 2pc: a write can be tried again for at least this long, and about twice as long at "
      "most; then the retry is refused as expired")(
      "log-keep-mb", number(&raw.log_keep_mb),
      "paxos: bytes of writes, in MiB, that are kept in memory and in the log for replicas that "
      "lag; "
      "who has missed more cannot catch up")(
      "fail",
      po::value<std::vector<std::string>>(&raw.fail)->composing()->value_name("ROLE:UP:DOWN"),
      "a trial: this role (paxos: acceptor, proposer, learner; 2pc: coordinator, participant) "
      "stops after so many seconds and is started again after so many, again and again, in the "
      "mean; may be given several times")("fail-seed", number(&options.fail_seed),
                                          "of the times drawn for --fail");
  return group;
}

po::options_description general_options(Raw& raw) {
  po::options_description group("General");
  group.add_options()("config", po::value<std::string>(&raw.config)->value_name("FILE"),
                      "read options from a file: key = value, # before a comment")(
      "log-level",
      po::value<std::string>(&raw.log_level)->default_value(raw.log_level)->value_name("LEVEL"),
      "error, info, or debug (a line for each operation)")("help", "this text")(
      "version", "the version of the program");
  return group;
}

// "RKVD_DATA_DIR" as "data-dir"; empty for a variable that is not ours.
std::string option_of_variable(std::string_view name) {
  if (!name.starts_with(kEnvironmentPrefix)) return "";
  std::string option;
  for (const char c : name.substr(kEnvironmentPrefix.size())) {
    option += c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return option;
}

Status store_environment(const char* const* environment, const po::options_description& known,
                         po::variables_map& values) {
  po::parsed_options parsed(&known);
  for (const char* const* variable = environment; *variable != nullptr; ++variable) {
    const std::string_view line(*variable);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string option = option_of_variable(line.substr(0, equals));
    if (option.empty()) continue;
    if (line.substr(0, equals) == kFailpointsVariable) {
      return Status::invalid("environment variable " + std::string(kFailpointsVariable) +
                             ": this build has no failpoints; make FAILPOINTS=1 builds one");
    }
    if (known.find_nothrow(option, false) == nullptr) {
      return Status::invalid("environment variable " + std::string(line.substr(0, equals)) +
                             ": there is no option --" + option);
    }
    po::option given(option, {std::string(line.substr(equals + 1))});
    given.original_tokens.push_back(std::string(line.substr(0, equals)));
    parsed.options.push_back(given);
  }
  po::store(parsed, values);
  return {};
}

Status store_config(const std::string& path, const po::options_description& known,
                    po::variables_map& values) {
  Result<std::string> content = posix::read_file(path, kConfigSizeMax);
  if (!content.ok()) return content.status();
  std::istringstream stream(content.value());
  try {
    po::store(po::parse_config_file(stream, known), values);
  } catch (const po::error& error) {
    return Status::invalid(path + ": " + error.what());
  }
  return {};
}

Result<LogLevel> parse_log_level(const std::string& text) {
  if (text == "error") return LogLevel::kError;
  if (text == "info") return LogLevel::kInfo;
  if (text == "debug") return LogLevel::kDebug;
  return Status::invalid("--log-level " + text + ": error, info or debug");
}

Result<RpcbindUse> parse_rpcbind_use(const std::string& text) {
  if (text == "auto") return RpcbindUse::kAuto;
  if (text == "off") return RpcbindUse::kOff;
  if (text == "require") return RpcbindUse::kRequire;
  return Status::invalid("--rpcbind " + text + ": auto, off or require");
}

Status check_limits(const Options& options) {
  const rpc::ServerLimits& limits = options.client_limits;
  if (limits.connections_max == 0 || limits.connections_per_host_max == 0 ||
      limits.calls_max == 0 || limits.call_bytes_max == 0 || limits.calls_per_connection_max == 0) {
    return Status::invalid("a limit of 0 would let nothing in");
  }
  return {};
}

Status take_udp(const std::string& text, Options& options) {
  if (text != "on" && text != "off") return Status::invalid("--udp " + text + ": on or off");
  options.udp = text == "on";
  return {};
}

// An election must leave time for a few heartbeats, or a busy machine alone would start one.
Status take_replication(const Raw& raw, Options& options) {
  constexpr std::uint32_t kHeartbeatsPerElection = 3;
  constexpr std::uint32_t kTimeMax = 60'000;     // milliseconds
  constexpr std::uint32_t kLogKeepMax = 16'384;  // MiB
  if (raw.answer_timeout_ms == 0) return Status::invalid("--answer-timeout-ms must be at least 1");
  if (raw.heartbeat_ms == 0 || raw.election_ms > kTimeMax ||
      raw.election_ms / kHeartbeatsPerElection < raw.heartbeat_ms) {
    return Status::invalid("--heartbeat-ms must be at least 1, and --election-ms at least " +
                           std::to_string(kHeartbeatsPerElection) + " times as much and at most " +
                           std::to_string(kTimeMax));
  }
  if (raw.request_timeout_ms == 0) {
    return Status::invalid("--request-timeout-ms must be at least 1");
  }
  // Of a replica that exists the protocol may be left out; then it could be paxos.
  const bool has_elections = options.replication.empty() || options.replication == "paxos";
  if (has_elections && raw.request_timeout_ms < raw.election_ms) {
    return Status::invalid(
        "--request-timeout-ms must be at least --election-ms: while a leader is "
        "elected, calls wait");
  }
  constexpr std::uint32_t kEpochMax = 86'400;  // seconds
  if (raw.epoch_s == 0 || raw.epoch_s > kEpochMax) {
    return Status::invalid("--epoch-s must be from 1 to " + std::to_string(kEpochMax));
  }
  options.epoch_age = seconds(raw.epoch_s);
  options.answer_timeout = milliseconds(raw.answer_timeout_ms);
  options.paxos.heartbeat = milliseconds(raw.heartbeat_ms);
  options.paxos.election_min = milliseconds(raw.election_ms);
  options.paxos.election_max = milliseconds(std::int64_t{2} * raw.election_ms);
  options.paxos.lease = options.paxos.election_min;
  if (raw.log_keep_mb == 0 || raw.log_keep_mb > kLogKeepMax) {
    return Status::invalid("--log-keep-mb must be from 1 to " + std::to_string(kLogKeepMax));
  }
  options.paxos.kept_bytes = std::size_t{raw.log_keep_mb} << 20;
  options.paxos.request_timeout = milliseconds(raw.request_timeout_ms);
  options.twopc.request_timeout = options.paxos.request_timeout;
  options.twopc.vote_timeout = std::min(options.twopc.vote_timeout, options.twopc.request_timeout);
  return {};
}

Status take_role_failures(const std::vector<std::string>& texts, Options& options) {
  options.role_failures.reserve(texts.size());
  for (const std::string& text : texts) {
    Result<RoleFailure> failure = parse_role_failure(text);
    if (!failure.ok()) return Status::invalid("--fail " + text + ": " + failure.status().reason());
    options.role_failures.push_back(std::move(failure).value());
  }
  return {};
}

Status complete(const po::variables_map& values, const Raw& raw, Options& options) {
  if (values.contains("id")) options.id = values["id"].as<std::uint32_t>();
  if (values.contains("coordinator")) {
    options.coordinator = values["coordinator"].as<std::uint32_t>();
  }
  if (options.data_dir.empty()) {
    return Status::invalid("--data-dir DIR is missing: where this replica keeps its data");
  }
  const Result<LogLevel> level = parse_log_level(raw.log_level);
  if (!level.ok()) return level.status();
  options.log_level = level.value();
  Status status = take_udp(raw.udp, options);
  if (status.ok()) status = take_replication(raw, options);
  if (status.ok()) status = take_role_failures(raw.fail, options);
  if (!status.ok()) return status;
  options.client_limits.idle_timeout = seconds(raw.idle_timeout_s);
  options.client_limits.record_timeout = seconds(raw.record_timeout_s);
  options.client_limits.write_timeout = seconds(raw.write_timeout_s);
  options.stop_timeout = milliseconds(raw.stop_timeout_ms);
  const Result<RpcbindUse> rpcbind = parse_rpcbind_use(raw.rpcbind);
  if (!rpcbind.ok()) return rpcbind.status();
  options.rpcbind = rpcbind.value();
  options.rpcbind_check_interval = milliseconds(raw.rpcbind_check_ms);
  if (raw.rpcbind_check_ms == 0) return Status::invalid("--rpcbind-check-ms must be at least 1");
  return check_limits(options);
}

}  // namespace

Result<OptionsOutcome> read_options(int argument_count, const char* const* arguments,
                                    const char* const* environment) {
  Options options;
  Raw raw;
  po::options_description known;
  known.add(identity_options(options))
      .add(network_options(options, raw))
      .add(replication_options(options, raw))
      .add(limit_options(options, raw))
      .add(general_options(raw));
  po::variables_map values;
  try {
    // No words without an option in front, and no guessing of shortened names.
    const int style = po::command_line_style::unix_style ^ po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(argument_count, arguments)
                  .options(known)
                  .positional(po::positional_options_description())
                  .style(style)
                  .run(),
              values);
    if (values.contains("help")) {
      std::ostringstream text;
      text << kUsage << known;
      return OptionsOutcome{std::nullopt, text.str()};
    }
    if (values.contains("version")) {
      return OptionsOutcome{std::nullopt, std::string("rkvd ") + kSoftwareVersion + "\n"};
    }
    Status status = store_environment(environment, known, values);
    if (!status.ok()) return status;
    if (values.contains("config")) {
      status = store_config(values["config"].as<std::string>(), known, values);
      if (!status.ok()) return status;
    }
    po::notify(values);
    status = complete(values, raw, options);
    if (!status.ok()) return status;
  } catch (const po::error& error) {
    return Status::invalid(error.what());
  }
  return OptionsOutcome{options, ""};
}

}  // namespace rkv::daemon
