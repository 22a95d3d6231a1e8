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

std::string text_of(const Compare& compare) {
  const std::string relation = text_of(compare.relation);
  switch (compare.target) {
    case Compare::Target::kExists:
      return "exists " + quoted(compare.key) + relation + std::to_string(compare.number);
    case Compare::Target::kVersion:
      return "version " + quoted(compare.key) + relation + std::to_string(compare.number);
    case Compare::Target::kValue:
      break;
  }
  return "value " + quoted(compare.key) + relation + quoted(compare.value);
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
      break;
  }
  return "append " + quoted(step.key) + " + " + quoted(step.value);
}

std::string text_of(const Step& step, const StepResult& result) {
  const bool needs_key = step.kind == Step::Kind::kGet || step.kind == Step::Kind::kDel;
  if (needs_key && !result.found) return "nothing";
  std::string text = "ok";
  if (step.kind == Step::Kind::kGet && result.value) text = quoted(*result.value);
  if (step.kind == Step::Kind::kIncr && result.number) text = std::to_string(*result.number);
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

std::vector<std::string> keys_of(const Transaction& transaction) {
  std::vector<std::string> keys;
  for (const Compare& compare : transaction.compares) keys.push_back(compare.key);
  for (const Step& step : transaction.then) keys.push_back(step.key);
  for (const Step& step : transaction.otherwise) keys.push_back(step.key);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
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
