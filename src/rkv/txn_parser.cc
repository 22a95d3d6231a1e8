#include "rkv/txn_parser.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/limits.h"
#include "rkv/files.h"
#include "rkv/option_table.h"
#include "rkv/options.h"
#include "rkv/selection.h"

namespace rkv::cli {
namespace {

using client::Compare;
using client::Step;
using Words = std::vector<Word>;

constexpr std::string_view kConditionUsage =
    "a condition is: if exists KEY, if absent KEY, or if version|created|modified|value KEY "
    "=|!=|<|> WHAT";
constexpr std::string_view kWordsOfATransaction =
    "if, then, else, end, put, get, del, incr and append are";

// A word of the language in lower case; empty for one that is quoted.
std::string keyword_of(const Word& word) {
  if (word.literal) return {};
  std::string keyword = word.text;
  for (char& c : keyword) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return keyword;
}

Status usage(std::string_view form) {
  return Status::invalid(fmt::format("it should be: {}", form));
}

template <typename Number>
Result<Number> number_of(const Word& word) {
  Number number = 0;
  const char* const end = word.text.data() + word.text.size();
  const auto [rest, error] = std::from_chars(word.text.data(), end, number);
  if (error != std::errc() || rest != end) {
    return Status::invalid(fmt::format("{} is not a number", printable(word.text)));
  }
  return number;
}

// A value, or what is in the file that @FILE names.
Result<std::string> value_of(Word word) {
  if (word.literal) return std::move(word.text);
  if (word.text == "-") {
    return Status::invalid("'-' for standard input is not possible here; the text itself is \"-\"");
  }
  if (word.text.starts_with('@')) return read_file(word.text.substr(1), kValueSizeMax);
  return std::move(word.text);
}

std::optional<Compare::Target> target_of(const std::string& keyword) {
  if (keyword == "version") return Compare::Target::kVersion;
  if (keyword == "created") return Compare::Target::kCreated;
  if (keyword == "modified") return Compare::Target::kModified;
  if (keyword == "value") return Compare::Target::kValue;
  return std::nullopt;
}

std::optional<Compare::Relation> relation_of(const Word& word) {
  if (word.literal) return std::nullopt;
  if (word.text == "=") return Compare::Relation::kEqual;
  if (word.text == "!=") return Compare::Relation::kNotEqual;
  if (word.text == "<") return Compare::Relation::kLess;
  if (word.text == ">") return Compare::Relation::kGreater;
  return std::nullopt;
}

// The words behind the name of a step, and the options among them.
struct StepWords {
  Words words;
  Options options;
};

Result<StepWords> split_step(const std::string& name, Words words) {
  Result<SplitWords> split = split_options(std::move(words));
  if (!split.ok()) return split.status();
  for (const GivenOption& given : split.value().options) {
    const bool is_range =
        given.id == OptionId::kPrefix || given.id == OptionId::kFrom || given.id == OptionId::kTo;
    if ((given.id == OptionId::kPrev && (name == "put" || name == "del")) ||
        (is_range && name == "del")) {
      continue;
    }
    return Status::invalid(fmt::format("{} is not an option of {} here", given.shown, name));
  }
  StepWords step{std::move(split.value().rest), {}};
  Status status = apply_options(std::move(split.value().options), &step.options);
  if (!status.ok()) return status;
  return step;
}

Result<Step> put_step(StepWords step) {
  if (step.words.size() != 2) return usage("put KEY VALUE|@FILE [--prev]");
  Result<std::string> value = value_of(std::move(step.words[1]));
  if (!value.ok()) return value.status();
  return Step::put(std::move(step.words[0].text), std::move(value).value(), step.options.prev);
}

Result<Step> get_step(StepWords step) {
  if (step.words.size() != 1) return usage("get KEY");
  return Step::get(std::move(step.words[0].text));
}

Result<Step> del_step(StepWords step) {
  const Result<std::optional<client::Range>> range = range_of(step.options);
  if (!range.ok()) return range.status();
  if (range.value().has_value() == (step.words.size() == 1) || step.words.size() > 1 ||
      (range.value() && step.options.prev)) {
    return usage("del KEY [--prev], del --prefix P, or del --from A --to B");
  }
  if (step.options.prefix && step.options.prefix->empty()) {
    return Status::invalid("--prefix is empty, which is every key; --from '' if that is meant");
  }
  if (range.value()) return Step::del_range(range.value()->first, range.value()->end);
  return Step::del(std::move(step.words[0].text), step.options.prev);
}

Result<Step> incr_step(StepWords step) {
  if (step.words.empty() || step.words.size() > 2) return usage("incr KEY [N]");
  std::int64_t amount = 1;
  if (step.words.size() == 2) {
    const Result<std::int64_t> number = number_of<std::int64_t>(step.words[1]);
    if (!number.ok()) return number.status();
    amount = number.value();
  }
  return Step::incr(std::move(step.words[0].text), amount);
}

Result<Step> append_step(StepWords step) {
  if (step.words.size() != 2) return usage("append KEY VALUE|@FILE");
  Result<std::string> value = value_of(std::move(step.words[1]));
  if (!value.ok()) return value.status();
  return Step::append(std::move(step.words[0].text), std::move(value).value());
}

struct StepName {
  std::string_view name;
  Result<Step> (*parse)(StepWords);
};
constexpr std::array kSteps = {StepName{"put", put_step},   StepName{"get", get_step},
                               StepName{"del", del_step},   StepName{"delete", del_step},
                               StepName{"incr", incr_step}, StepName{"append", append_step}};

}  // namespace

bool TxnParser::is_end(std::string_view line) {
  const Result<Words> words = split_words(line);
  return words.ok() && words.value().size() == 1 && keyword_of(words.value()[0]) == "end";
}

Status TxnParser::take(std::string_view line) {
  ++line_;
  Result<Words> words = split_words(line);
  Status status = words.ok() ? take_words(std::move(words).value()) : words.status();
  if (status.ok()) return status;
  return {status.code(), fmt::format("{}:{}: {}", source_, line_, status.reason())};
}

Status TxnParser::take_words(Words words) {
  if (words.empty()) return Status();
  if (ended()) return Status::invalid("there is something behind 'end'");
  const std::string keyword = keyword_of(words[0]);
  if (keyword == "then" || keyword == "else" || keyword == "end") return take_part(keyword, words);
  if (keyword == "if") return take_condition(words);
  return take_step(std::move(words));
}

Status TxnParser::take_part(const std::string& keyword, const Words& words) {
  if (words.size() > 1) {
    return Status::invalid(fmt::format("'{}' stands on a line of its own", keyword));
  }
  if (keyword == "end") {
    part_ = Part::kEnded;
  } else if (keyword == "else") {
    if (part_ == Part::kElse) return Status::invalid("there is an 'else' already");
    if (transaction_.compares.empty()) {
      return Status::invalid("'else' without a condition would never be done");
    }
    part_ = Part::kElse;
  } else {
    if (part_ != Part::kConditions) {
      return Status::invalid("'then' stands behind the conditions, once, and before 'else'");
    }
    part_ = Part::kThen;
  }
  return Status();
}

Status TxnParser::take_condition(const Words& words) {
  if (part_ != Part::kConditions) {
    return Status::invalid("conditions stand before 'then' and 'else'");
  }
  if (words.size() < 3) return Status::invalid(std::string(kConditionUsage));
  if (transaction_.compares.size() == kComparesMax) {
    return {StatusCode::kOverLimit, fmt::format("more than {} conditions", kComparesMax)};
  }
  const std::string what = keyword_of(words[1]);
  if (words.size() == 3 && (what == "exists" || what == "absent")) {
    transaction_.compares.push_back(what == "exists" ? Compare::exists(words[2].text)
                                                     : Compare::absent(words[2].text));
    return Status();
  }
  const std::optional<Compare::Target> target = target_of(what);
  const std::optional<Compare::Relation> relation =
      words.size() == 5 ? relation_of(words[3]) : std::nullopt;
  if (!target || !relation) return Status::invalid(std::string(kConditionUsage));
  Compare compare;
  compare.key = words[2].text;
  compare.target = *target;
  compare.relation = *relation;
  if (*target == Compare::Target::kValue) {
    Result<std::string> value = value_of(words[4]);
    if (!value.ok()) return value.status();
    compare.value = std::move(value).value();
  } else {
    const Result<std::uint64_t> number = number_of<std::uint64_t>(words[4]);
    if (!number.ok()) return number.status();
    compare.number = number.value();
  }
  transaction_.compares.push_back(std::move(compare));
  return Status();
}

Status TxnParser::take_step(Words words) {
  const std::string name = keyword_of(words[0]);
  const StepName* found = nullptr;
  for (const StepName& each : kSteps) {
    if (each.name == name) found = &each;
  }
  if (found == nullptr) {
    return Status::invalid(fmt::format("{} is no word of a transaction: {}",
                                       printable(words[0].text), kWordsOfATransaction));
  }
  // Without a condition nothing has to say where the steps begin.
  if (part_ == Part::kConditions && !transaction_.compares.empty()) {
    return Status::invalid("steps stand behind 'then' or 'else'");
  }
  std::vector<Step>& branch = part_ == Part::kElse ? transaction_.otherwise : transaction_.then;
  if (branch.size() == kStepsMax) {
    return {StatusCode::kOverLimit, fmt::format("more than {} steps in one branch", kStepsMax)};
  }
  words.erase(words.begin());
  Result<StepWords> step_words = split_step(name == "delete" ? "del" : name, std::move(words));
  if (!step_words.ok()) return step_words.status();
  Result<Step> step = found->parse(std::move(step_words).value());
  if (!step.ok()) return step.status();
  part_ = part_ == Part::kConditions ? Part::kThen : part_;
  branch.push_back(std::move(step).value());
  return Status();
}

}  // namespace rkv::cli
