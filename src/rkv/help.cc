#include "rkv/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "rkv/help_texts.h"

namespace rkv::cli {
namespace {

const CommandText* find_command(std::string_view name) {
  const std::span<const CommandText> texts = command_texts();
  const auto found = std::find_if(texts.begin(), texts.end(),
                                  [&](const CommandText& each) { return each.name == name; });
  return found == texts.end() ? nullptr : &*found;
}

std::string capitalized(std::string_view text) {
  return fmt::format("{}{}", static_cast<char>(text.front() - 'a' + 'A'), text.substr(1));
}

}  // namespace

std::string general_help() {
  std::string text = "Usage: rkv [options] COMMAND [arguments]\n\nCommands:\n";
  for (const CommandText& command : command_texts()) {
    text += fmt::format("  {:<24} {}\n", command.usage, command.summary);
  }
  return text + "\n" + std::string(options_text()) +
         "\n'rkv help COMMAND' tells more of a command.\n";
}

std::string command_help(std::string_view command) {
  const CommandText* const found = find_command(command);
  if (found == nullptr) return {};
  const std::string head =
      fmt::format("Usage: rkv [options] {}\n\n{}.\n", found->usage, capitalized(found->summary));
  const std::string_view gap = found->details.empty() ? "" : "\n";
  return fmt::format("{}{}{}\n{}", head, gap, found->details, options_text());
}

std::string_view command_usage(std::string_view command) {
  const CommandText* const found = find_command(command);
  return found == nullptr ? std::string_view() : found->usage;
}

std::string shell_help() {
  std::string text = "Commands:\n";
  for (const CommandText& command : command_texts()) {
    if (command.name == "shell") continue;
    text += fmt::format("  {:<24} {}\n", command.usage, command.summary);
  }
  return fmt::format("{}  {:<24} {}\n\n{}", text, "exit", "leave the shell; so does quit",
                     shell_text());
}

std::string shell_command_help(std::string_view command) {
  if (command == "exit" || command == "quit") {
    return fmt::format("Usage: {}\n\nLeave the shell.\n", command);
  }
  const CommandText* const found = find_command(command);
  if (found == nullptr) return {};
  return fmt::format("Usage: {}\n\n{}.\n{}{}", found->usage, capitalized(found->summary),
                     found->details.empty() ? "" : "\n", found->details);
}

const std::vector<std::string_view>& shell_verbs() {
  static const std::vector<std::string_view> kVerbs = {
      "append", "del",  "delete", "demo", "dump",     "exit",   "get", "help",
      "incr",   "load", "put",    "quit", "replicas", "status", "txn", "version"};
  return kVerbs;
}

std::string to_command_name(std::string_view given, bool in_shell) {
  std::string name(given);
  if (!in_shell) return name;
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name == "delete" ? "del" : name;
}

}  // namespace rkv::cli
