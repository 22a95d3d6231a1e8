#include "rkv/completion.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "rkv/help.h"
#include "rkv/option_table.h"

namespace rkv::cli {
namespace {

constexpr std::string_view kBlanks = " \t";

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }
char upper(char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = lower(c);
  return result;
}

std::vector<std::string_view> blank_separated(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (line.empty()) return words;
    const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

// The names that may stand where the last word is, `before` being the words in front of it.
std::vector<std::string> names_behind(const std::vector<std::string_view>& before,
                                      std::string_view part) {
  std::vector<std::string> names;
  if (before.empty() || (before.size() == 1 && lower(before[0]) == "help")) {
    for (const std::string_view verb : shell_verbs()) names.emplace_back(verb);
    return names;
  }
  if (before.back() == "-w" || before.back() == "--output") return {"json", "simple", "table"};
  if (before.back() == "--consistency") return {"eventual", "linearizable", "sequential"};
  if (!part.starts_with("--")) return names;
  const std::string command = to_command_name(before[0], true);
  for (const OptionSpec& spec : option_table()) {
    if (spec.in_shell && has_option(spec, command)) names.push_back("--" + std::string(spec.name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Completion complete(std::string_view line) {
  std::vector<std::string_view> words = blank_separated(line);
  std::string_view part;
  if (!words.empty() && kBlanks.find(line.back()) == std::string_view::npos) {
    part = words.back();
    words.pop_back();
  }
  const std::string begun = lower(part);
  Completion completion;
  for (std::string& name : names_behind(words, part)) {
    if (name.starts_with(begun)) completion.candidates.push_back(std::move(name));
  }
  std::vector<std::string>& found = completion.candidates;
  if (found.empty()) return completion;
  std::size_t common = found[0].size();
  for (const std::string& name : found) {
    const auto [end, other] =
        std::mismatch(found[0].begin(), found[0].end(), name.begin(), name.end());
    common = std::min(common, static_cast<std::size_t>(end - found[0].begin()));
  }
  completion.inserted = found[0].substr(begun.size(), common - begun.size());
  if (!part.empty() && is_upper(part.back())) {
    for (char& c : completion.inserted) c = upper(c);
  }
  if (found.size() == 1) {
    completion.inserted += ' ';
    found.clear();
  }
  return completion;
}

}  // namespace rkv::cli
