#include "rkv/options.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/bytes.h"
#include "rkv/files.h"

namespace rkv::cli {
namespace {

namespace po = boost::program_options;

constexpr double kTimeoutMax = 86400;  // seconds
constexpr std::size_t kReplicasFileSizeMax = 64 * 1024;

po::options_description describe_options() {
  po::options_description all;
  auto add = all.add_options();
  add("servers,s", po::value<std::string>());
  add("replicas,f", po::value<std::string>());
  add("output,w", po::value<std::string>());
  add("timeout", po::value<std::string>());
  add("transport,t", po::value<std::string>());
  add("state-hash", po::bool_switch());
  add("help,h", po::bool_switch());
  add("version", po::bool_switch());
  add("words", po::value<std::vector<std::string>>());
  return all;
}

// The command and its arguments as they were given, empty ones too.
std::vector<std::string> words_of(const po::parsed_options& parsed) {
  std::vector<std::string> words;
  for (const po::option& option : parsed.options) {
    if (option.position_key < 0) continue;
    words.insert(words.end(), option.value.begin(), option.value.end());
  }
  return words;
}

// The text of an option, or of the variable that stands in for it, and which of the two it was.
struct Setting {
  std::string name;
  std::string text;
};
std::optional<Setting> find_setting(const po::variables_map& given, const char* option,
                                    const char* shown_option, const char* variable) {
  if (given.count(option) > 0) return Setting{shown_option, given[option].as<std::string>()};
  const char* text = std::getenv(variable);
  if (text != nullptr && *text != '\0') return Setting{variable, text};
  return std::nullopt;
}

Status take_timeout(const Setting& setting, Options* options) {
  double number = 0;
  const char* const end = setting.text.data() + setting.text.size();
  const auto [rest, error] = std::from_chars(setting.text.data(), end, number);
  if (error != std::errc() || rest != end || !(number >= 0.001 && number <= kTimeoutMax)) {
    return Status::invalid(fmt::format("{} is {}, but must be seconds from 0.001 to {}",
                                       setting.name, printable(setting.text), kTimeoutMax));
  }
  options->timeout = Duration{static_cast<std::int64_t>(number * 1e9)};
  return Status();
}

Status take_transport(const Setting& setting, Options* options) {
  if (setting.text != "tcp" && setting.text != "udp") {
    return Status::invalid(
        fmt::format("{} is {}, but must be tcp or udp", setting.name, printable(setting.text)));
  }
  options->transport = setting.text == "udp" ? rpc::Transport::kUdp : rpc::Transport::kTcp;
  return Status();
}

void take_places(const po::variables_map& given, Options* options) {
  const bool on_command_line = given.count("servers") > 0 || given.count("replicas") > 0;
  const auto take = [&](const char* option, const char* variable) -> std::optional<std::string> {
    if (given.count(option) > 0) return given[option].as<std::string>();
    const char* text = on_command_line ? nullptr : std::getenv(variable);
    if (text == nullptr || *text == '\0') return std::nullopt;
    return text;
  };
  options->servers_text = take("servers", "RKV_SERVERS");
  options->replicas_file = take("replicas", "RKV_REPLICAS");
}

Result<Options> take_options(const po::parsed_options& parsed) {
  po::variables_map given;
  po::store(parsed, given);
  Options options;
  std::vector<std::string> words = words_of(parsed);
  if (!words.empty()) {
    options.command = std::move(words.front());
    words.erase(words.begin());
    options.arguments = std::move(words);
  }
  options.state_hash = given["state-hash"].as<bool>();
  options.help = given["help"].as<bool>();
  options.version = given["version"].as<bool>();
  take_places(given, &options);
  if (const auto timeout = find_setting(given, "timeout", "--timeout", "RKV_TIMEOUT")) {
    if (Status status = take_timeout(*timeout, &options); !status.ok()) return status;
  }
  if (const auto transport = find_setting(given, "transport", "-t", "RKV_TRANSPORT")) {
    if (Status status = take_transport(*transport, &options); !status.ok()) return status;
  }
  if (const auto format = find_setting(given, "output", "-w", "RKV_OUTPUT")) {
    const Result<OutputFormat> parsed_format = parse_format(format->name, format->text);
    if (!parsed_format.ok()) return parsed_format.status();
    options.format = parsed_format.value();
  }
  return options;
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv) {
  const po::options_description described = describe_options();
  po::positional_options_description positional;
  positional.add("words", -1);
  // No guessing: an abbreviation that works today must not become ambiguous tomorrow.
  constexpr int kStyle =
      po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  try {
    return take_options(po::command_line_parser(argc, argv)
                            .options(described)
                            .positional(positional)
                            .style(kStyle)
                            .run());
  } catch (const po::error& error) {
    return Status::invalid(printable(error.what(), 300));
  }
}

Result<OutputFormat> parse_format(const std::string& setting, const std::string& text) {
  if (text == "simple") return OutputFormat::kSimple;
  if (text == "table") return OutputFormat::kTable;
  if (text == "json") return OutputFormat::kJson;
  return Status::invalid(
      fmt::format("{} is {}, but must be simple, table or json", setting, printable(text)));
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
