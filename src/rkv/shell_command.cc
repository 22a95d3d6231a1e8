#include "rkv/shell_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/version.h"
#include "rkv/commands.h"
#include "rkv/files.h"
#include "rkv/help.h"
#include "rkv/history_file.h"
#include "rkv/line_editor.h"
#include "rkv/line_source.h"
#include "rkv/output.h"
#include "rkv/shell_line.h"
#include "rkv/txn_command.h"

namespace rkv::cli {
namespace {

constexpr const char* kPrompt = "rkv> ";

// What a line comes to: a status, or nothing where it is to end the shell.
std::optional<ExitStatus> run_line(std::string_view line, Session& session) {
  const Result<Options> options = parse_shell_line(line, session.options());
  if (!options.ok()) {
    const bool has_lines = begins_transaction(line);
    write_error(fmt::format("{}{}; see 'help'", options.status().reason(),
                            has_lines ? kLinesAreDropped : ""));
    if (has_lines) drop_transaction(*session.lines());
    return kExitUsage;
  }
  const Options& asked = options.value();
  const std::string command = to_command_name(asked.command, true);
  if (command.empty()) return kExitOk;
  if (command != "exit" && command != "quit") return run_command(asked, session);
  if (asked.help) {
    write_output(shell_command_help(command));
    return kExitOk;
  }
  if (asked.arguments.empty()) return std::nullopt;
  write_error(fmt::format("{}: it takes no arguments; see 'help'", command));
  return kExitUsage;
}

// For as long as it lives, commands of the session that take lines of their own take these.
class LinesOfShell {
 public:
  LinesOfShell(Session& session, LineSource& lines) : session_(session) {
    session_.set_lines(&lines);
  }
  ~LinesOfShell() { session_.set_lines(nullptr); }
  LinesOfShell(const LinesOfShell&) = delete;
  LinesOfShell& operator=(const LinesOfShell&) = delete;

 private:
  Session& session_;
};

ExitStatus run_script(Session& session) {
  FileLines lines(InputFile::standard_input());
  const LinesOfShell in_use(session, lines);
  ExitStatus worst = kExitOk;
  while (true) {
    const Result<std::optional<std::string>> line = lines.next(kPrompt);
    if (!line.ok()) {
      worst = worse_of(worst, report("shell", line.status()));
      // A line that is too long is a failed command; an input that cannot be read is the end.
      if (line.status().code() == StatusCode::kOverLimit) continue;
      return worst;
    }
    if (!line.value()) return worst;
    const std::optional<ExitStatus> status = run_line(*line.value(), session);
    if (!status) return worst;
    worst = worse_of(worst, *status);
    // Whoever writes the commands may wait for each answer; who cannot take one gets no more.
    if (!flush_output()) return worst;
  }
}

// A history that cannot be read or written is told of once, and then done without.
class ShellHistory {
 public:
  std::vector<std::string> load() {
    if (path_.empty()) return {};
    Result<std::vector<std::string>> lines = file_.load();
    if (lines.ok()) return std::move(lines).value();
    disable(lines.status());
    return {};
  }

  void add(const std::string& line) {
    if (is_disabled_ || path_.empty()) return;
    if (const Status status = file_.add(line); !status.ok()) disable(status);
  }

 private:
  void disable(const Status& status) {
    is_disabled_ = true;
    write_error(fmt::format("shell: the history is not kept: {}", status.reason()));
  }

  const std::string path_ = HistoryFile::default_path();
  HistoryFile file_{path_};
  bool is_disabled_ = false;
};

ExitStatus run_interactive(Session& session) {
  ShellHistory history;
  LineEditor editor(kPrompt, history.load());
  if (!editor.ok()) return run_script(session);
  TypedLines lines(editor);
  const LinesOfShell in_use(session, lines);
  if (output_is_terminal()) {
    write_output(
        fmt::format("rkv {}; 'help' lists the commands, 'exit' or ^D leaves\n", kSoftwareVersion));
    flush_output();
  }
  while (true) {
    const Result<std::optional<std::string>> typed = lines.next(kPrompt);
    if (!typed.ok()) return report("shell", typed.status());
    const std::optional<std::string>& line = typed.value();
    if (!line) {
      // The prompt is still on the line.
      if (output_is_terminal()) write_output("\n");
      return kExitOk;
    }
    if (HistoryFile::keeps(*line)) {
      editor.add_to_history(*line);
      history.add(*line);
    }
    const std::optional<ExitStatus> status = run_line(*line, session);
    if (!status || !flush_output()) return kExitOk;
  }
}

}  // namespace

ExitStatus run_shell(const Options& options, Session&) {
  Session shell(options, Session::Kind::kShell);
  const ExitStatus status = isatty(STDIN_FILENO) == 1 ? run_interactive(shell) : run_script(shell);
  if (const Status recorded = shell.history_status(); !recorded.ok()) {
    return worse_of(status, report("history", recorded));
  }
  return status;
}

}  // namespace rkv::cli
