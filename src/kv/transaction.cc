#include "kv/transaction.h"

#include <algorithm>
#include <set>

#include "base/limits.h"
#include "kv/command.h"

namespace rkv::kv {
namespace {

Status over_limit(std::string reason) { return {StatusCode::kOverLimit, std::move(reason)}; }

bool reads(const Step& step) { return step.kind == Step::Kind::kGet; }
bool removes_range(const Step& step) { return step.kind == Step::Kind::kDelRange; }

Status validate_step(const Step& step) {
  if (step.kind != Step::Kind::kDelRange) {
    Status status = validate_key(step.key);
    return status.ok() ? validate_value(step.value) : status;
  }
  if (step.key.size() > kKeySizeMax || step.value.size() > kKeySizeMax) {
    return over_limit("a bound of a range has more than " + std::to_string(kKeySizeMax) + " bytes");
  }
  return {};
}

Status validate_steps(const std::vector<Step>& steps) {
  if (steps.size() > kStepsMax) {
    return over_limit("the transaction has " + std::to_string(steps.size()) +
                      " steps in one branch, the limit is " + std::to_string(kStepsMax));
  }
  for (const Step& step : steps) {
    if (Status status = validate_step(step); !status.ok()) return status;
  }
  if (std::count_if(steps.begin(), steps.end(), removes_range) > 1) {
    return Status::invalid("a branch of the transaction removes more than one range");
  }
  return {};
}

}  // namespace

Status validate_transaction(const Transaction& transaction) {
  if (transaction.compares.size() > kComparesMax) {
    return over_limit("the transaction has " + std::to_string(transaction.compares.size()) +
                      " compares, the limit is " + std::to_string(kComparesMax));
  }
  for (const Compare& compare : transaction.compares) {
    Status status = validate_key(compare.key);
    if (status.ok()) status = validate_value(compare.value);
    if (!status.ok()) return status;
  }
  if (transaction.compares.empty() && transaction.then.empty() && transaction.otherwise.empty()) {
    return Status::invalid("the transaction is empty");
  }
  const Status status = validate_steps(transaction.then);
  return status.ok() ? validate_steps(transaction.otherwise) : status;
}

bool only_reads(const Transaction& transaction) {
  return std::all_of(transaction.then.begin(), transaction.then.end(), reads) &&
         std::all_of(transaction.otherwise.begin(), transaction.otherwise.end(), reads);
}

bool needs_total_order(const Transaction& transaction) {
  const auto asks_for_revision = [](const Compare& compare) {
    return compare.target == Compare::Target::kCreated ||
           compare.target == Compare::Target::kModified;
  };
  const std::vector<Compare>& compares = transaction.compares;
  return std::any_of(compares.begin(), compares.end(), asks_for_revision) ||
         std::any_of(transaction.then.begin(), transaction.then.end(), removes_range) ||
         std::any_of(transaction.otherwise.begin(), transaction.otherwise.end(), removes_range);
}

std::vector<std::string> keys_of(const Transaction& transaction) {
  std::set<std::string> keys;
  for (const Compare& compare : transaction.compares) keys.insert(compare.key);
  for (const std::vector<Step>* steps : {&transaction.then, &transaction.otherwise}) {
    for (const Step& step : *steps) {
      if (!removes_range(step)) keys.insert(step.key);
    }
  }
  return {keys.begin(), keys.end()};
}

std::set<std::string, std::less<>> keys_of_values(const Transaction& transaction) {
  std::set<std::string, std::less<>> keys;
  for (const Compare& compare : transaction.compares) {
    if (compare.target == Compare::Target::kValue) keys.insert(compare.key);
  }
  for (const std::vector<Step>* steps : {&transaction.then, &transaction.otherwise}) {
    for (const Step& step : *steps) {
      const bool changes_value = step.kind == Step::Kind::kIncr || step.kind == Step::Kind::kAppend;
      if (changes_value || step.wants_entry) keys.insert(step.key);
    }
  }
  return keys;
}

std::string end_of_prefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xFF') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace rkv::kv
