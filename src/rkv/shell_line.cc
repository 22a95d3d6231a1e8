#include "rkv/shell_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "rkv/help.h"
#include "rkv/option_table.h"
#include "rkv/words.h"

namespace rkv::cli {
namespace {

constexpr std::string_view kHowToQuote =
    "an argument that begins with - is quoted, or stands behind --";

// Those of the shell without what belongs to the command that it was started by.
Options for_one_line(const Options& shell) {
  Options options;
  options.format = shell.format;
  options.timeout = shell.timeout;
  options.transport = shell.transport;
  options.consistency = shell.consistency;
  options.max_staleness = shell.max_staleness;
  options.history_file = shell.history_file;
  options.servers_text = shell.servers_text;
  options.replicas_file = shell.replicas_file;
  return options;
}

}  // namespace

Result<Options> parse_shell_line(std::string_view line, const Options& shell_options) {
  Result<std::vector<Word>> words = split_words(line);
  if (!words.ok()) return words.status();
  Options options = for_one_line(shell_options);
  if (words.value().empty()) return options;
  Result<SplitWords> split = split_options(std::move(words).value());
  if (!split.ok()) {
    return Status::invalid(fmt::format("{}; {}", split.status().reason(), kHowToQuote));
  }
  for (const GivenOption& given : split.value().options) {
    if (option_spec(given.id).in_shell) continue;
    return Status::invalid(
        fmt::format("{} is for the shell as a whole, not for one line of it", given.shown));
  }
  if (Status status = apply_options(std::move(split.value().options), &options); !status.ok()) {
    return status;
  }
  std::vector<Word>& rest = split.value().rest;
  if (rest.empty() && !options.help) return Status::invalid("a command is missing");
  if (rest.empty()) {
    options.command = "help";
    return options;
  }
  options.literal_value = rest.back().literal;
  for (Word& word : rest) options.arguments.push_back(std::move(word.text));
  options.command = std::move(options.arguments.front());
  options.arguments.erase(options.arguments.begin());
  return options;
}

bool begins_transaction(std::string_view line) {
  std::vector<std::string> arguments;  // and the command
  std::vector<std::string> doubtful;   // words that may be the value of the option before them
  bool follows_option = false;
  for (Word& word : split_roughly(line)) {
    const bool is_stray_quote = word.literal && word.text.empty();
    const bool is_input = !word.literal && word.text == "-";
    if (is_stray_quote || is_input) continue;
    const bool is_option = !word.literal && word.text.front() == '-';
    if (!is_option) (follows_option ? doubtful : arguments).push_back(std::move(word.text));
    follows_option = is_option && word.text.find('=') == std::string::npos;
  }
  const auto is_txn = [](const std::string& word) { return to_command_name(word, true) == "txn"; };
  if (arguments.empty()) return std::any_of(doubtful.begin(), doubtful.end(), is_txn);
  return arguments.size() == 1 && is_txn(arguments.front());
}

}  // namespace rkv::cli
