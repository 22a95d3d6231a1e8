#include "rkv/option_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace rkv::cli {
namespace {

// A word as an option, if it looks like one.
struct Written {
  std::string name;  // with its dashes
  const OptionSpec* spec = nullptr;
  std::optional<std::string> value;
};

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool looks_like_option(const Word& word) {
  return !word.literal && word.text.size() > 1 && word.text.front() == '-' &&
         !is_number(std::string_view(word.text).substr(1));
}

template <typename Matches>
const OptionSpec* find_spec(Matches matches) {
  const std::vector<OptionSpec>& table = option_table();
  const auto found = std::find_if(table.begin(), table.end(), matches);
  return found == table.end() ? nullptr : &*found;
}

Written read_option(const std::string& text) {
  Written written;
  if (text.starts_with("--")) {
    const std::size_t equals = text.find('=');
    written.name = text.substr(0, equals);
    if (equals != std::string::npos) written.value = text.substr(equals + 1);
    written.spec = find_spec([&](const OptionSpec& spec) {
      return spec.name == std::string_view(written.name).substr(2);
    });
    return written;
  }
  written.name = text.substr(0, 2);
  written.spec = find_spec([&](const OptionSpec& spec) { return spec.letter == text[1]; });
  if (text.size() > 2) written.value = text.substr(2);
  return written;
}

}  // namespace

const std::vector<OptionSpec>& option_table() {
  using enum OptionId;
  constexpr std::string_view kReads = "get txn dump shell";
  constexpr std::string_view kRanges = "get del dump";
  static const std::vector<OptionSpec> kTable = {
      {kServers, "servers", 's', true, "RKV_SERVERS", "", false},
      {kReplicas, "replicas", 'f', true, "RKV_REPLICAS", "", false},
      {kOutput, "output", 'w', true, "RKV_OUTPUT", "", true},
      {kTransport, "transport", 't', true, "RKV_TRANSPORT", "", false},
      {kTimeout, "timeout", '\0', true, "RKV_TIMEOUT", "", true},
      {kConsistency, "consistency", '\0', true, "RKV_CONSISTENCY", kReads, true},
      {kMaxStaleness, "max-staleness", '\0', true, "RKV_MAX_STALENESS", kReads, true},
      {kHistory, "history", '\0', true, "RKV_HISTORY", "", false},
      {kHelp, "help", 'h', false, "", "", true},
      {kVersion, "version", '\0', false, "", "", false},
      {kStateHash, "state-hash", '\0', false, "", "status", true},
      {kIfAbsent, "if-absent", '\0', false, "", "put", true},
      {kIfVersion, "if-version", '\0', true, "", "put del", true},
      {kIfValue, "if-value", '\0', true, "", "put del", true},
      {kPrev, "prev", '\0', false, "", "put del", true},
      {kPrefix, "prefix", '\0', true, "", kRanges, true},
      {kFrom, "from", '\0', true, "", kRanges, true},
      {kTo, "to", '\0', true, "", kRanges, true},
      {kLimit, "limit", '\0', true, "", "get", true},
      {kKeysOnly, "keys-only", '\0', false, "", "get", true},
      {kCountOnly, "count-only", '\0', false, "", "get", true},
      {kReverse, "reverse", '\0', false, "", "get", true},
      {kResume, "resume", '\0', false, "", "dump load", true},
  };
  return kTable;
}

const OptionSpec& option_spec(OptionId id) {
  const OptionSpec* const spec = find_spec([&](const OptionSpec& each) { return each.id == id; });
  RKV_CHECK(spec != nullptr, "an option that is not in the table");
  return *spec;
}

bool has_option(const OptionSpec& spec, std::string_view command) {
  if (spec.commands.empty()) return true;
  std::string_view rest = spec.commands;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, end) == command) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

Result<SplitWords> split_options(std::vector<Word> words) {
  SplitWords split;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].literal && words[i].text == "--") {
      std::move(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end(),
                std::back_inserter(split.rest));
      break;
    }
    if (!looks_like_option(words[i])) {
      split.rest.push_back(std::move(words[i]));
      continue;
    }
    Written written = read_option(words[i].text);
    const std::string shown = printable(written.name);
    if (written.spec == nullptr) {
      return Status::invalid(fmt::format("unrecognised option '{}'", shown));
    }
    if (!written.spec->takes_value && written.value) {
      return Status::invalid(fmt::format("option '{}' does not take a value", shown));
    }
    if (written.spec->takes_value && !written.value) {
      if (i + 1 == words.size()) {
        return Status::invalid(
            fmt::format("the required argument for option '{}' is missing", shown));
      }
      written.value = std::move(words[++i].text);
    }
    const OptionId id = written.spec->id;
    const bool is_given = std::any_of(split.options.begin(), split.options.end(),
                                      [&](const GivenOption& each) { return each.id == id; });
    if (is_given) {
      return Status::invalid(fmt::format("option '{}' cannot be given more than once", shown));
    }
    split.options.push_back({id, written.name, std::move(written.value).value_or("")});
  }
  return split;
}

}  // namespace rkv::cli
