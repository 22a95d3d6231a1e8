#include "rkv/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/version.h"
#include "rkv/cluster_commands.h"
#include "rkv/demo_command.h"
#include "rkv/dump_command.h"
#include "rkv/help.h"
#include "rkv/json.h"
#include "rkv/load_command.h"
#include "rkv/output.h"
#include "rkv/read_commands.h"
#include "rkv/shell_command.h"
#include "rkv/txn_command.h"
#include "rkv/write_commands.h"

namespace rkv::cli {
namespace {

ExitStatus run_version(const Options& options, Session&) {
  if (options.format == OutputFormat::kJson) {
    write_output(to_text(Json{{"version", kSoftwareVersion}}));
  } else {
    write_output(fmt::format("rkv {}\n", kSoftwareVersion));
  }
  return kExitOk;
}

// `command`: whose help tells more; empty for the help as a whole.
ExitStatus usage_error(const std::string& what, const Session& session,
                       std::string_view command = {}) {
  write_error(fmt::format("{}; see '{}help{}{}'", what, session.in_shell() ? "" : "rkv ",
                          command.empty() ? "" : " ", command));
  return kExitUsage;
}

ExitStatus run_help(const Options& options, Session& session) {
  if (options.arguments.empty()) {
    write_output(session.in_shell() ? shell_help() : general_help());
    return kExitOk;
  }
  const std::string name = to_command_name(options.arguments[0], session.in_shell());
  const std::string text = session.in_shell() ? shell_command_help(name) : command_help(name);
  if (text.empty()) {
    return usage_error(fmt::format("help: there is no command {}", printable(options.arguments[0])),
                       session);
  }
  write_output(text);
  return kExitOk;
}

// Which commands take standard input for themselves, where the argument is "-".
enum class Input { kNone, kDash };

constexpr std::size_t kGetKeysMax = 1000;

struct Command {
  std::string_view name;
  std::size_t arguments_min;
  std::size_t arguments_max;
  Input input;
  ExitStatus (*run)(const Options&, Session&);
};

constexpr std::array kCommands = {
    Command{"put", 2, 2, Input::kDash, run_put},
    Command{"get", 0, kGetKeysMax, Input::kNone, run_get},
    Command{"del", 0, 1, Input::kNone, run_del},
    Command{"incr", 1, 2, Input::kNone, run_incr},
    Command{"append", 2, 2, Input::kDash, run_append},
    Command{"txn", 0, 1, Input::kDash, run_txn},
    Command{"replicas", 0, 0, Input::kNone, run_replicas},
    Command{"status", 0, 0, Input::kNone, run_status},
    Command{"load", 1, 1, Input::kDash, run_load},
    Command{"dump", 0, 1, Input::kNone, run_dump},
    Command{"demo", 0, 0, Input::kNone, run_demo},
    Command{"shell", 0, 0, Input::kNone, run_shell},
    Command{"version", 0, 0, Input::kNone, run_version},
    Command{"help", 0, 1, Input::kNone, run_help},
};

// kInvalid with a line for the user if the command does not go with its arguments and options.
Status check_command(const Command& command, const Options& options, bool in_shell) {
  const std::size_t count = options.arguments.size();
  if (count < command.arguments_min) {
    return Status::invalid(fmt::format("an argument is missing: {}", command_usage(command.name)));
  }
  if (count > command.arguments_max) {
    return Status::invalid(fmt::format("'{}' is one argument too many: {}",
                                       printable(options.arguments[command.arguments_max]),
                                       command_usage(command.name)));
  }
  if (Status status = check_options(options); !status.ok()) return status;
  const bool reads_input = command.input == Input::kDash && count > 0 &&
                           options.arguments.back() == "-" && !options.literal_value;
  if (in_shell && reads_input) {
    return Status::invalid("'-' is not possible in the shell, which reads its commands from there");
  }
  return Status();
}

ExitStatus run_checked(const Command& command, const Options& options, Session& session) {
  const Status checked = check_command(command, options, session.in_shell());
  if (checked.ok()) return command.run(options, session);
  const bool has_lines = session.in_shell() && has_lines_of_its_own(options);
  const ExitStatus status = usage_error(
      fmt::format("{}: {}{}", command.name, checked.reason(), has_lines ? kLinesAreDropped : ""),
      session, command.name);
  if (has_lines) drop_transaction(*session.lines());
  return status;
}

}  // namespace

ExitStatus run_command(const Options& given, Session& session) {
  if (given.version) return run_version(given, session);
  Options options = given;
  options.command = to_command_name(given.command, session.in_shell());
  if (options.help) {
    options.arguments.clear();
    if (!options.command.empty() && options.command != "help") {
      options.arguments.push_back(options.command);
    }
    return run_help(options, session);
  }
  if (options.command.empty()) return usage_error("a command is missing", session);
  const auto* const command =
      std::find_if(kCommands.begin(), kCommands.end(),
                   [&](const Command& each) { return each.name == options.command; });
  if (command == kCommands.end()) {
    return usage_error(fmt::format("there is no command {}", printable(given.command)), session);
  }
  if (session.in_shell() && command->name == "shell") {
    return usage_error("shell: this is one already", session);
  }
  return run_checked(*command, options, session);
}

}  // namespace rkv::cli
