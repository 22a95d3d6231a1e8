#include "rkv/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "rkv/files.h"
#include "rkv/words.h"

namespace rkv::cli {
namespace {

constexpr double kTimeoutMax = 86400;    // seconds
constexpr double kStalenessMax = 86400;  // seconds
constexpr std::size_t kReplicasFileSizeMax = 64 * 1024;

Status must_be(const GivenOption& given, std::string_view what) {
  return Status::invalid(
      fmt::format("{} is {}, but must be {}", given.shown, printable(given.value), what));
}

Status take_seconds(const GivenOption& given, double max, Duration* duration) {
  double number = 0;
  const char* const end = given.value.data() + given.value.size();
  const auto [rest, error] = std::from_chars(given.value.data(), end, number);
  if (error != std::errc() || rest != end || !(number >= 0.001 && number <= max)) {
    return must_be(given, fmt::format("seconds from 0.001 to {}", max));
  }
  *duration = Duration{static_cast<std::int64_t>(number * 1e9)};
  return Status();
}

Status take_number(const GivenOption& given, std::uint64_t min,
                   std::optional<std::uint64_t>* number) {
  std::uint64_t taken = 0;
  const char* const end = given.value.data() + given.value.size();
  const auto [rest, error] = std::from_chars(given.value.data(), end, taken);
  if (error != std::errc() || rest != end || taken < min) {
    return must_be(given, fmt::format("a number from {}", min));
  }
  *number = taken;
  return Status();
}

Status take_transport(const GivenOption& given, Options* options) {
  if (given.value != "tcp" && given.value != "udp") return must_be(given, "tcp or udp");
  options->transport = given.value == "udp" ? rpc::Transport::kUdp : rpc::Transport::kTcp;
  return Status();
}

Status take_format(const GivenOption& given, Options* options) {
  if (given.value == "simple") {
    options->format = OutputFormat::kSimple;
  } else if (given.value == "table") {
    options->format = OutputFormat::kTable;
  } else if (given.value == "json") {
    options->format = OutputFormat::kJson;
  } else {
    return must_be(given, "simple, table or json");
  }
  return Status();
}

Status take_consistency(const GivenOption& given, Options* options) {
  if (given.value == "linearizable") {
    options->consistency = client::Consistency::kLinearizable;
  } else if (given.value == "sequential") {
    options->consistency = client::Consistency::kSequential;
  } else if (given.value == "eventual") {
    options->consistency = client::Consistency::kEventual;
  } else {
    return must_be(given, "linearizable, sequential or eventual");
  }
  return Status();
}

Status take_option(const GivenOption& given, Options* options) {
  switch (given.id) {
    case OptionId::kServers:
      options->servers_text = given.value;
      return Status();
    case OptionId::kReplicas:
      options->replicas_file = given.value;
      return Status();
    case OptionId::kOutput:
      return take_format(given, options);
    case OptionId::kTransport:
      return take_transport(given, options);
    case OptionId::kTimeout:
      return take_seconds(given, kTimeoutMax, &options->timeout);
    case OptionId::kConsistency:
      return take_consistency(given, options);
    case OptionId::kMaxStaleness:
      return take_seconds(given, kStalenessMax, &options->max_staleness);
    case OptionId::kHistory:
      options->history_file = given.value;
      return Status();
    case OptionId::kHelp:
      options->help = true;
      return Status();
    case OptionId::kVersion:
      options->version = true;
      return Status();
    case OptionId::kStateHash:
      options->state_hash = true;
      return Status();
    case OptionId::kIfAbsent:
      options->if_absent = true;
      return Status();
    case OptionId::kIfVersion:
      return take_number(given, 0, &options->if_version);
    case OptionId::kIfValue:
      options->if_value = given.value;
      return Status();
    case OptionId::kPrev:
      options->prev = true;
      return Status();
    case OptionId::kPrefix:
      options->prefix = given.value;
      return Status();
    case OptionId::kFrom:
      options->from = given.value;
      return Status();
    case OptionId::kTo:
      options->to = given.value;
      return Status();
    case OptionId::kLimit:
      return take_number(given, 1, &options->limit);
    case OptionId::kKeysOnly:
      options->keys_only = true;
      return Status();
    case OptionId::kCountOnly:
      options->count_only = true;
      return Status();
    case OptionId::kReverse:
      options->reverse = true;
      return Status();
    case OptionId::kResume:
      options->resume = true;
      return Status();
  }
  RKV_CHECK(false, "an option that nobody takes");
}

bool is_given(const std::vector<GivenOption>& given, OptionId id) {
  return std::any_of(given.begin(), given.end(),
                     [&](const GivenOption& each) { return each.id == id; });
}

// The options whose variables are set, but for those that the command line has, or hides.
std::vector<GivenOption> from_environment(const std::vector<GivenOption>& given) {
  const bool has_places =
      is_given(given, OptionId::kServers) || is_given(given, OptionId::kReplicas);
  std::vector<GivenOption> found;
  for (const OptionSpec& spec : option_table()) {
    if (spec.variable.empty() || is_given(given, spec.id)) continue;
    if (has_places && (spec.id == OptionId::kServers || spec.id == OptionId::kReplicas)) continue;
    const std::string name(spec.variable);
    const char* const text = std::getenv(name.c_str());
    if (text != nullptr && *text != '\0') found.push_back({spec.id, name, text});
  }
  return found;
}

}  // namespace

client::CallOptions Options::call() const {
  client::CallOptions call;
  call.timeout = timeout;
  if (has_option(option_spec(OptionId::kConsistency), command)) call.consistency = consistency;
  if (call.consistency == client::Consistency::kEventual) call.max_staleness = max_staleness;
  return call;
}

Status apply_options(std::vector<GivenOption> given, Options* options) {
  for (const GivenOption& each : given) {
    if (Status status = take_option(each, options); !status.ok()) return status;
  }
  const bool is_eventual = options->consistency == client::Consistency::kEventual;
  // A bound of the environment, or of the whole shell, may be for other commands.
  if (!is_eventual && is_given(given, OptionId::kMaxStaleness)) {
    return Status::invalid("--max-staleness goes with --consistency eventual only");
  }
  options->given = std::move(given);
  return Status();
}

Result<Options> parse_options(int argc, const char* const* argv) {
  std::vector<Word> words;
  for (int i = 1; i < argc; ++i) words.push_back({argv[i], false});
  Result<SplitWords> split = split_options(std::move(words));
  if (!split.ok()) return split.status();
  Options options;
  for (const GivenOption& each : from_environment(split.value().options)) {
    if (Status status = take_option(each, &options); !status.ok()) return status;
  }
  if (Status status = apply_options(std::move(split.value().options), &options); !status.ok()) {
    return status;
  }
  for (Word& word : split.value().rest) options.arguments.push_back(std::move(word.text));
  if (!options.arguments.empty()) {
    options.command = std::move(options.arguments.front());
    options.arguments.erase(options.arguments.begin());
  }
  return options;
}

Status check_options(const Options& options) {
  for (const GivenOption& given : options.given) {
    const OptionSpec& spec = option_spec(given.id);
    if (has_option(spec, options.command)) continue;
    std::string owners(spec.commands);
    for (std::size_t i = 0; (i = owners.find(' ', i)) != std::string::npos; i += 2) {
      owners.replace(i, 1, ", ");
    }
    return Status::invalid(fmt::format("{} is for {} only", given.shown, owners));
  }
  return Status();
}

Result<Cluster> find_cluster(const Options& options) {
  Cluster cluster;
  if (options.replicas_file) {
    const Result<std::string> text = read_file(*options.replicas_file, kReplicasFileSizeMax);
    if (!text.ok()) return Status::invalid(text.status().reason());
    Result<std::vector<ReplicaAddress>> replicas =
        parse_replicas(text.value(), *options.replicas_file);
    if (!replicas.ok()) return replicas.status();
    cluster.replicas = std::move(replicas).value();
    cluster.servers = client::servers_of(cluster.replicas);
  }
  if (options.servers_text) {
    Result<std::vector<client::Server>> servers = client::parse_servers(*options.servers_text);
    if (!servers.ok()) return Status::invalid("servers: " + servers.status().reason());
    cluster.servers = std::move(servers).value();
  }
  if (cluster.servers.empty()) cluster.servers.push_back({"127.0.0.1", kDefaultClientPort});
  return cluster;
}

}  // namespace rkv::cli
