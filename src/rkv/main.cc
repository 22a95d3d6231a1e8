#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/version.h"
#include "rkv/cluster_commands.h"
#include "rkv/data_commands.h"
#include "rkv/exit_status.h"
#include "rkv/help.h"
#include "rkv/json.h"
#include "rkv/load_command.h"
#include "rkv/options.h"
#include "rkv/output.h"

namespace rkv::cli {
namespace {

ExitStatus run_version(const Options& options) {
  if (options.format == OutputFormat::kJson) {
    write_output(to_text(Json{{"version", kSoftwareVersion}}));
  } else {
    write_output(fmt::format("rkv {}\n", kSoftwareVersion));
  }
  return kExitOk;
}

ExitStatus usage_error(const std::string& what, const std::string& hint) {
  write_error(fmt::format("{}; see '{}'", what, hint));
  return kExitUsage;
}

ExitStatus run_help(const Options& options) {
  if (options.arguments.empty()) {
    write_output(general_help());
    return kExitOk;
  }
  const std::string text = command_help(options.arguments[0]);
  if (text.empty()) {
    return usage_error(fmt::format("help: there is no command {}", printable(options.arguments[0])),
                       "rkv help");
  }
  write_output(text);
  return kExitOk;
}

struct Command {
  std::string_view name;
  std::size_t arguments_min;
  std::size_t arguments_max;
  ExitStatus (*run)(const Options&);
};

constexpr std::array kCommands = {
    Command{"put", 2, 2, run_put},         Command{"get", 1, 1, run_get},
    Command{"del", 1, 1, run_del},         Command{"replicas", 0, 0, run_replicas},
    Command{"status", 0, 0, run_status},   Command{"load", 1, 1, run_load},
    Command{"version", 0, 0, run_version}, Command{"help", 0, 1, run_help},
};

ExitStatus run_command(const Command& command, const Options& options) {
  const std::string hint = fmt::format("rkv help {}", command.name);
  const std::size_t count = options.arguments.size();
  if (count < command.arguments_min) {
    return usage_error(
        fmt::format("{}: an argument is missing: {}", command.name, command_usage(command.name)),
        hint);
  }
  if (count > command.arguments_max) {
    return usage_error(fmt::format("{}: '{}' is one argument too many: {}", command.name,
                                   printable(options.arguments[command.arguments_max]),
                                   command_usage(command.name)),
                       hint);
  }
  if (options.state_hash && command.name != "status") {
    return usage_error(fmt::format("{}: --state-hash is for status only", command.name), hint);
  }
  return command.run(options);
}

ExitStatus run(int argc, const char* const* argv) {
  const Result<Options> parsed = parse_options(argc, argv);
  if (!parsed.ok()) return usage_error(parsed.status().reason(), "rkv help");
  Options options = parsed.value();
  if (options.version) return run_version(options);
  if (options.help) {
    options.arguments.clear();
    if (!options.command.empty() && options.command != "help") {
      options.arguments.push_back(options.command);
    }
    return run_help(options);
  }
  if (options.command.empty()) return usage_error("a command is missing", "rkv help");
  const auto* const command =
      std::find_if(kCommands.begin(), kCommands.end(),
                   [&](const Command& each) { return each.name == options.command; });
  if (command == kCommands.end()) {
    return usage_error(fmt::format("there is no command {}", printable(options.command)),
                       "rkv help");
  }
  return run_command(*command, options);
}

}  // namespace
}  // namespace rkv::cli

// SIGPIPE keeps its meaning: a reader that goes away ends the command quietly, as with any other
// tool. Where it is ignored, the failed write is reported instead. Sockets never raise it.
int main(int argc, char** argv) { return rkv::cli::close_output(rkv::cli::run(argc, argv)); }
