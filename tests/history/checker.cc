#include "checker.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "counterexample.h"

namespace rkv::history {
namespace {

constexpr std::uint64_t kStepsAtFirst = 10'000;
constexpr std::uint64_t kStepsGrowth = 8;

// A refused operation did nothing, and a read without an answer tells nothing. Nor do other reads
// tell anything here than those which are to be linearizable. Lists are only held against slots
// (sequential.h).
bool tells_something(const Operation& operation) {
  if (operation.outcome == Outcome::kRefused || operation.kind == Kind::kList) return false;
  if (!is_read(operation)) return true;
  return operation.outcome != Outcome::kUnknown &&
         operation.consistency == Consistency::kLinearizable;
}

// Keys, and which of them belong together since a transaction touches both.
class Groups {
 public:
  // Takes in the keys that an operation names. All have to be there before the first group_of().
  void add_keys_of(const Operation& operation) {
    for (const std::string& key : keys_of(operation)) {
      if (numbers_.try_emplace(key, parents_.size()).second) parents_.push_back(parents_.size());
    }
  }

  // Puts the keys that an operation touches together, and returns one of them; nothing if it
  // touches none, being of a range where no key was named.
  std::optional<std::size_t> group_of(const Operation& operation) {
    std::optional<std::size_t> first;
    const auto take = [&](std::size_t key) {
      if (!first) first = key;
      join(*first, key);
    };
    for (const std::string& key : keys_of(operation)) take(numbers_.at(key));
    for (const std::vector<Step>* steps :
         {&operation.transaction.then, &operation.transaction.otherwise}) {
      for (const Step& step : *steps) {
        if (step.kind != Step::Kind::kDelRange) continue;
        for (auto key = numbers_.lower_bound(step.range.first); key != numbers_.end(); ++key) {
          if (!step.range.contains(key->first)) break;
          take(key->second);
        }
      }
    }
    return first;
  }

  // The key that stands for the group of this one.
  std::size_t head(std::size_t key) {
    while (parents_[key] != key) key = parents_[key] = parents_[parents_[key]];
    return key;
  }

  std::size_t keys() const { return parents_.size(); }

 private:
  // The lower number becomes the head, so that groups keep the order in which they first occur.
  void join(std::size_t a, std::size_t b) {
    const std::size_t head_a = head(a);
    const std::size_t head_b = head(b);
    parents_[std::max(head_a, head_b)] = std::min(head_a, head_b);
  }

  std::map<std::string, std::size_t> numbers_;
  std::vector<std::size_t> parents_;
};

// Operations that stand for others.
using Made = std::deque<Operation>;

// An unanswered transaction that compares slots may have run either branch, as far as anybody
// knows: one operation for each, neither of which has to happen.
void add_branches(const Operation& operation, Made& made, std::vector<Part>& parts) {
  Operation then = operation;
  then.transaction.otherwise.clear();
  std::erase_if(then.transaction.compares, compares_slot);
  Operation otherwise = operation;
  otherwise.transaction.compares.clear();
  otherwise.transaction.then = std::move(otherwise.transaction.otherwise);
  otherwise.transaction.otherwise.clear();
  for (Operation* branch : {&then, &otherwise}) {
    if (branch->transaction.then.empty()) continue;
    parts.push_back({&made.emplace_back(std::move(*branch)), false});
  }
}

std::vector<Part> parts_of(const History& history, Made& made) {
  std::vector<Part> parts;
  for (const Operation& operation : history) {
    if (!tells_something(operation)) continue;
    const bool answered = operation.outcome != Outcome::kUnknown;
    if (answered || !compares_slots(operation.transaction)) {
      parts.push_back({&operation, answered});
    } else {
      add_branches(operation, made, parts);
    }
  }
  return parts;
}

// The operations of each group of keys, in the order in which the groups first occur.
std::vector<std::vector<Part>> by_group(const History& history, Made& made, Report& report) {
  Groups groups;
  const std::vector<Part> parts = parts_of(history, made);
  for (const Part& part : parts) groups.add_keys_of(*part.operation);
  std::vector<std::pair<Part, std::size_t>> with_key;
  for (const Part& part : parts) {
    const std::optional<std::size_t> key = groups.group_of(*part.operation);
    if (key) with_key.emplace_back(part, *key);
  }
  report.operations = with_key.size();
  report.keys = groups.keys();
  std::vector<std::vector<Part>> of_head(groups.keys());
  for (const auto& [part, key] : with_key) of_head[groups.head(key)].push_back(part);
  std::erase_if(of_head, [](const std::vector<Part>& group) { return group.empty(); });
  return of_head;
}

}  // namespace

Report check(const History& history, const CheckOptions& options) {
  Report report;
  Made made;
  std::vector<std::vector<Part>> left = by_group(history, made, report);
  std::uint64_t steps_max = std::min(kStepsAtFirst, options.steps_max);
  while (!left.empty()) {
    std::vector<std::vector<Part>> undecided;
    for (std::vector<Part>& parts : left) {
      const SearchResult result = search(parts, steps_max);
      report.steps += result.steps;
      if (result.verdict == Verdict::kNotLinearizable) {
        report.verdict = result.verdict;
        report.explanation = counterexample(parts, options.steps_max);
        return report;
      }
      if (result.verdict == Verdict::kUnknown) undecided.push_back(std::move(parts));
    }
    left = std::move(undecided);
    if (left.empty() || steps_max == options.steps_max) break;
    steps_max = std::min(steps_max * kStepsGrowth, options.steps_max);
  }
  if (left.empty()) return report;
  report.verdict = Verdict::kUnknown;
  report.explanation = undecided_text(left.front(), left.size(), options.steps_max);
  return report;
}

}  // namespace rkv::history
