#include "brute_force.h"

#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/check.h"

namespace rkv::history {
namespace {

// Key: value and version.
using Table = std::map<std::string, std::pair<std::string, std::uint64_t>>;

bool holds(Compare::Relation relation, const auto& target, const auto& operand) {
  return (relation == Compare::Relation::kEqual && target == operand) ||
         (relation == Compare::Relation::kNotEqual && target != operand) ||
         (relation == Compare::Relation::kLess && target < operand) ||
         (relation == Compare::Relation::kGreater && target > operand);
}

bool holds(const Table& table, const Compare& compare) {
  const auto found = table.find(compare.key);
  const bool is_there = found != table.end();
  if (compare.target == Compare::Target::kValue) {
    if (!is_there) return compare.relation == Compare::Relation::kNotEqual;
    return holds(compare.relation, found->second.first, compare.value);
  }
  std::uint64_t target = is_there ? 1 : 0;
  if (compare.target == Compare::Target::kVersion && is_there) target = found->second.second;
  return holds(compare.relation, target, compare.number);
}

// Does what the step asks. Nothing if it cannot be done. Amounts are not negative here.
std::optional<StepResult> done(Table& table, const Step& step) {
  StepResult result;
  if (step.kind == Step::Kind::kDelRange) {
    const auto& [first, end] = step.range;
    const auto begin = table.lower_bound(first);
    auto behind = begin;
    result.removed = 0;
    for (; behind != table.end() && (end.empty() || behind->first < end); ++behind) {
      ++*result.removed;
    }
    table.erase(begin, behind);
    return result;
  }
  const auto found = table.find(step.key);
  result.found = found != table.end();
  if (step.kind == Step::Kind::kGet || step.kind == Step::Kind::kDel) {
    if (!result.found) return result;
    result.value = found->second.first;
    result.version = found->second.second;
    if (step.kind == Step::Kind::kDel) table.erase(found);
    return result;
  }
  std::string value = step.value;
  if (step.kind == Step::Kind::kAppend && result.found) value = found->second.first + value;
  if (step.kind == Step::Kind::kIncr) {
    const std::string before = result.found ? found->second.first : "0";
    std::int64_t number = 0;
    const char* const end = before.data() + before.size();
    if (const auto read = std::from_chars(before.data(), end, number);
        read.ec != std::errc() || read.ptr != end || number > INT64_MAX - step.amount) {
      return std::nullopt;
    }
    result.number = number + step.amount;
    value = std::to_string(*result.number);
  }
  auto& entry = table[step.key];
  entry.first = value;
  result.version = ++entry.second;
  return result;
}

bool is_as_told(const Step& step, const StepResult& result, const StepResult& told) {
  const bool needs_key = step.kind == Step::Kind::kGet || step.kind == Step::Kind::kDel;
  if (needs_key && result.found != told.found) return false;
  return (!told.value || told.value == result.value) &&
         (!told.version || told.version == result.version) &&
         (!told.number || told.number == result.number) &&
         (!told.removed || told.removed == result.removed);
}

bool transact(Table& table, const Operation& operation) {
  const bool told = operation.outcome != Outcome::kUnknown;
  bool succeeded = true;
  for (const Compare& compare : operation.transaction.compares) {
    succeeded = succeeded && holds(table, compare);
  }
  if (told && succeeded != operation.transacted.succeeded) return false;
  const Table before = table;
  const std::vector<Step>& steps =
      succeeded ? operation.transaction.then : operation.transaction.otherwise;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::optional<StepResult> result = done(table, steps[i]);
    if (!result) {
      table = before;
      return !told;
    }
    if (told && !is_as_told(steps[i], *result, operation.transacted.results[i])) return false;
  }
  return true;
}

// Does what the operation asks, and tells whether it was told that.
bool happen(Table& table, const Operation& operation) {
  if (operation.kind == Kind::kTransact) return transact(table, operation);
  const auto found = table.find(operation.key);
  const bool is_there = found != table.end();
  const bool told = operation.outcome != Outcome::kUnknown;
  if (operation.kind == Kind::kPut) {
    auto& [value, version] = table[operation.key];
    value = operation.argument;
    ++version;
    return !told || !operation.version || *operation.version == version;
  }
  if (told && (operation.outcome == Outcome::kOk) != is_there) return false;
  if (told && is_there && operation.version && *operation.version != found->second.second) {
    return false;
  }
  if (operation.kind == Kind::kGet) {
    return !told || !is_there || operation.value == found->second.first;
  }
  if (is_there) table.erase(found);
  return true;
}

bool some_order_fits(const History& history, std::vector<bool>& used, const Table& table) {
  bool all_answered_are_used = true;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (!used[i] && history[i].returned != kNever) all_answered_are_used = false;
  }
  if (all_answered_are_used) return true;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (used[i]) continue;
    bool is_next = true;
    for (std::size_t j = 0; j < history.size(); ++j) {
      if (!used[j] && history[j].returned < history[i].invoked) is_next = false;
    }
    Table after = table;
    if (!is_next || !happen(after, history[i])) continue;
    used[i] = true;
    if (some_order_fits(history, used, after)) return true;
    used[i] = false;
  }
  return false;
}

}  // namespace

bool brute_force(const History& history) {
  RKV_CHECK(history.size() <= kBruteForceMax, "few enough to try every order");
  History happened;
  for (const Operation& operation : history) {
    if (operation.outcome != Outcome::kRefused) happened.push_back(operation);
  }
  std::vector<bool> used(happened.size());
  return some_order_fits(happened, used, {});
}

}  // namespace rkv::history
