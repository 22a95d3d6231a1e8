#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "rkv/words.h"

namespace rkv::cli {

enum class OptionId {
  kServers,
  kReplicas,
  kOutput,
  kTransport,
  kTimeout,
  kConsistency,
  kMaxStaleness,
  kHistory,
  kHelp,
  kVersion,
  kStateHash,
  kIfAbsent,
  kIfVersion,
  kIfValue,
  kPrev,
  kPrefix,
  kFrom,
  kTo,
  kLimit,
  kKeysOnly,
  kCountOnly,
  kReverse,
  kResume,
};

// An option of rkv: how it is written, and where it may stand.
struct OptionSpec {
  OptionId id;
  std::string_view name;  // without its dashes
  char letter;            // of its short form; NUL: it has none
  bool takes_value;
  std::string_view variable;  // of the environment, which stands in for it; empty: none
  std::string_view commands;  // that have it, apart by blanks; empty: all
  bool in_shell;              // whether a line of the shell may have it
};

const std::vector<OptionSpec>& option_table();
const OptionSpec& option_spec(OptionId id);

// Whether the command has the option.
bool has_option(const OptionSpec& spec, std::string_view command);

// An option as it was given.
struct GivenOption {
  OptionId id;
  std::string shown;  // as it was written: "-w", "--output"
  std::string value;
};

struct SplitWords {
  std::vector<GivenOption> options;  // each at most once
  std::vector<Word> rest;            // the command and its arguments
};

// Takes the options out of the words, up to "--". A value is behind "=" or is the next word; of a
// short one it may also follow the letter. A word that is literal, a lone "-" and a number such as
// -5 are no options. No abbreviations: what works today must not become ambiguous tomorrow.
// kInvalid with a line for the user for what makes no sense.
Result<SplitWords> split_options(std::vector<Word> words);

}  // namespace rkv::cli
