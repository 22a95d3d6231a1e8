#include "rkv/shell_line.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "rkv/words.h"

namespace rkv::cli {
namespace {

// The value of `-w VALUE`, `-wVALUE`, `--output VALUE` or `--output=VALUE`; nothing for a word that
// is none of these, and empty where the value is the next word.
struct OutputOption {
  std::string name;
  std::optional<std::string> value;
};
std::optional<OutputOption> as_output_option(const std::string& text) {
  constexpr std::string_view kLong = "--output";
  if (text == kLong || text == "-w") return OutputOption{text, std::nullopt};
  if (text.starts_with("--output=")) {
    return OutputOption{std::string(kLong), text.substr(kLong.size() + 1)};
  }
  if (text.starts_with("-w")) return OutputOption{"-w", text.substr(2)};
  return std::nullopt;
}

// Takes the options out of the words, in front of "--", and leaves the rest in `words`.
Status take_options(std::vector<Word>* words, Options* options) {
  std::vector<Word> rest;
  for (std::size_t i = 0; i < words->size(); ++i) {
    const Word& word = (*words)[i];
    if (!word.literal && word.text == "--") {
      rest.insert(rest.end(), words->begin() + static_cast<std::ptrdiff_t>(i) + 1, words->end());
      break;
    }
    if (word.literal || word.text.size() < 2 || word.text.front() != '-') {
      rest.push_back(word);
    } else if (std::optional<OutputOption> output = as_output_option(word.text)) {
      if (!output->value && i + 1 == words->size()) {
        return Status::invalid(fmt::format("{} has no value", output->name));
      }
      const Result<OutputFormat> format =
          parse_format(output->name, output->value ? *output->value : (*words)[++i].text);
      if (!format.ok()) return format.status();
      options->format = format.value();
    } else if (word.text == "--state-hash") {
      options->state_hash = true;
    } else if (word.text == "--help" || word.text == "-h") {
      options->help = true;
    } else {
      return Status::invalid(fmt::format(
          "{} is not an option here, only -w, --state-hash and --help are; an argument that begins "
          "with - is quoted, or stands behind --",
          printable(word.text)));
    }
  }
  *words = std::move(rest);
  return Status();
}

}  // namespace

Result<Options> parse_shell_line(std::string_view line, const Options& shell_options) {
  Result<std::vector<Word>> split = split_words(line);
  if (!split.ok()) return split.status();
  std::vector<Word>& words = split.value();
  Options options = shell_options;
  options.command.clear();
  options.arguments.clear();
  options.state_hash = options.help = options.version = false;
  if (words.empty()) return options;
  if (Status status = take_options(&words, &options); !status.ok()) return status;
  if (words.empty() && !options.help) return Status::invalid("a command is missing");
  for (Word& word : words) options.arguments.push_back(std::move(word.text));
  if (words.empty()) {
    options.command = "help";
    return options;
  }
  options.literal_value = words.back().literal;
  options.command = std::move(options.arguments.front());
  options.arguments.erase(options.arguments.begin());
  return options;
}

}  // namespace rkv::cli
