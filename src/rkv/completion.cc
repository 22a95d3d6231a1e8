#include "rkv/completion.h"

#include <algorithm>
#include <cctype>

#include "rkv/help.h"

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

// The part of the line that is to become a verb; nothing to complete if there is a blank in it.
std::string_view verb_part(std::string_view line) {
  const auto skip_blanks = [&line] {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  };
  skip_blanks();
  const std::size_t end = line.find_first_of(kBlanks);
  if (end != std::string_view::npos && lower(line.substr(0, end)) == "help") {
    line.remove_prefix(end);
    skip_blanks();
  }
  return line;
}

}  // namespace

Completion complete(std::string_view line) {
  const std::string_view part = verb_part(line);
  const std::string begun = lower(part);
  Completion completion;
  for (const std::string_view verb : shell_verbs()) {
    if (verb.starts_with(begun)) completion.candidates.emplace_back(verb);
  }
  std::vector<std::string>& found = completion.candidates;
  if (found.empty()) return completion;
  std::size_t common = found[0].size();
  for (const std::string& verb : found) {
    const auto [end, other] =
        std::mismatch(found[0].begin(), found[0].end(), verb.begin(), verb.end());
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
