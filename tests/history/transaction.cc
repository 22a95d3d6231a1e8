#include "transaction.h"

#include <algorithm>

#include "base/bytes.h"

namespace rkv::history {
namespace {

constexpr std::size_t kShown = 40;  // characters of a key or value

std::string quoted(const std::string& bytes) { return '"' + printable(bytes, kShown) + '"'; }

const char* text_of(Compare::Relation relation) {
  switch (relation) {
    case Compare::Relation::kEqual:
      return " = ";
    case Compare::Relation::kNotEqual:
      return " != ";
    case Compare::Relation::kLess:
      return " < ";
    case Compare::Relation::kGreater:
      break;
  }
  return " > ";
}

const char* text_of(Compare::Target target) {
  switch (target) {
    case Compare::Target::kExists:
      return "exists ";
    case Compare::Target::kVersion:
      return "version ";
    case Compare::Target::kCreated:
      return "created ";
    case Compare::Target::kModified:
      return "modified ";
    case Compare::Target::kValue:
      break;
  }
  return "value ";
}

std::string text_of(const Compare& compare) {
  const bool has_value = compare.target == Compare::Target::kValue;
  return text_of(compare.target) + quoted(compare.key) + text_of(compare.relation) +
         (has_value ? quoted(compare.value) : std::to_string(compare.number));
}

std::string text_of(const Step& step) {
  switch (step.kind) {
    case Step::Kind::kGet:
      return "get " + quoted(step.key);
    case Step::Kind::kPut:
      return "put " + quoted(step.key) + " = " + quoted(step.value);
    case Step::Kind::kDel:
      return "del " + quoted(step.key);
    case Step::Kind::kIncr:
      return "incr " + quoted(step.key) + " by " + std::to_string(step.amount);
    case Step::Kind::kAppend:
      return "append " + quoted(step.key) + " + " + quoted(step.value);
    case Step::Kind::kDelRange:
      break;
  }
  return "del " + to_text(step.range);
}

std::string text_of(const Step& step, const StepResult& result) {
  const bool needs_key = step.kind == Step::Kind::kGet || step.kind == Step::Kind::kDel;
  if (needs_key && !result.found) return "nothing";
  std::string text = "ok";
  if (step.kind == Step::Kind::kGet && result.value) text = quoted(*result.value);
  if (step.kind == Step::Kind::kIncr && result.number) text = std::to_string(*result.number);
  if (step.kind == Step::Kind::kDelRange && result.removed) {
    text = std::to_string(*result.removed) + (result.more ? " keys, of more" : " keys");
  }
  if (result.version) text += ", version " + std::to_string(*result.version);
  return text;
}

void add_steps(std::string& text, const char* word, const std::vector<Step>& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    text += i == 0 ? word : ", ";
    text += text_of(steps[i]);
  }
}

}  // namespace

std::string to_text(const Range& range) {
  std::string text = "from " + (range.first.empty() ? "the first key" : quoted(range.first));
  return text + " to " + (range.end.empty() ? "the last" : quoted(range.end));
}

bool compares_slot(const Compare& compare) {
  return compare.target == Compare::Target::kCreated ||
         compare.target == Compare::Target::kModified;
}

bool compares_slots(const Transaction& transaction) {
  return std::any_of(transaction.compares.begin(), transaction.compares.end(), compares_slot);
}

std::vector<std::string> keys_of(const Transaction& transaction) {
  std::vector<std::string> keys;
  for (const Compare& compare : transaction.compares) keys.push_back(compare.key);
  for (const std::vector<Step>* steps : {&transaction.then, &transaction.otherwise}) {
    for (const Step& step : *steps) {
      if (step.kind != Step::Kind::kDelRange) keys.push_back(step.key);
    }
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

bool removes(const Transaction& transaction, std::string_view key) {
  const auto removes_it = [key](const Step& step) {
    return step.kind == Step::Kind::kDelRange && step.range.contains(key);
  };
  return std::any_of(transaction.then.begin(), transaction.then.end(), removes_it) ||
         std::any_of(transaction.otherwise.begin(), transaction.otherwise.end(), removes_it);
}

const std::vector<Step>& branch_of(const Transaction& transaction, bool succeeded) {
  return succeeded ? transaction.then : transaction.otherwise;
}

bool is_read(const Transaction& transaction) {
  const auto reads = [](const Step& step) { return step.kind == Step::Kind::kGet; };
  return std::all_of(transaction.then.begin(), transaction.then.end(), reads) &&
         std::all_of(transaction.otherwise.begin(), transaction.otherwise.end(), reads);
}

std::string to_text(const Transaction& transaction) {
  std::string text = "transact";
  for (std::size_t i = 0; i < transaction.compares.size(); ++i) {
    text += i == 0 ? " if " : " and ";
    text += text_of(transaction.compares[i]);
  }
  add_steps(text, " then ", transaction.then);
  add_steps(text, " else ", transaction.otherwise);
  return text;
}

std::string to_text(const Transaction& transaction, const TransactionResult& result) {
  std::string text = result.succeeded ? "succeeded" : "failed";
  const std::vector<Step>& steps = branch_of(transaction, result.succeeded);
  for (std::size_t i = 0; i < std::min(steps.size(), result.results.size()); ++i) {
    text += i == 0 ? ": " : "; ";
    text += text_of(steps[i], result.results[i]);
  }
  return text;
}

}  // namespace rkv::history
