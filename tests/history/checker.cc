#include "checker.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "counterexample.h"

namespace rkv::history {
namespace {

constexpr std::uint64_t kStepsAtFirst = 10'000;
constexpr std::uint64_t kStepsGrowth = 8;

// A refused operation did nothing, and a read without an answer tells nothing. Nor do other reads
// tell anything here than those which are to be linearizable.
bool tells_something(const Operation& operation) {
  if (operation.outcome == Outcome::kRefused) return false;
  if (!is_read(operation)) return true;
  return operation.outcome != Outcome::kUnknown &&
         operation.consistency == Consistency::kLinearizable;
}

// Keys, and which of them belong together since a transaction names both.
class Groups {
 public:
  // Of an operation that names a key; returns the number of one of its keys.
  std::size_t add(const Operation& operation) {
    if (operation.kind != Kind::kTransact) return number_of(operation.key);
    const std::vector<std::string> keys = keys_of(operation.transaction);
    RKV_CHECK(!keys.empty(), "a transaction that tells something names a key");
    const std::size_t first = number_of(keys.front());
    for (const std::string& key : keys) join(first, number_of(key));
    return first;
  }

  // The key that stands for the group of this one.
  std::size_t head(std::size_t key) {
    while (parents_[key] != key) key = parents_[key] = parents_[parents_[key]];
    return key;
  }

  std::size_t keys() const { return parents_.size(); }

 private:
  std::size_t number_of(const std::string& key) {
    const auto [found, is_new] = numbers_.try_emplace(key, parents_.size());
    if (is_new) parents_.push_back(found->second);
    return found->second;
  }

  // The lower number becomes the head, so that groups keep the order in which they first occur.
  void join(std::size_t a, std::size_t b) {
    const std::size_t head_a = head(a);
    const std::size_t head_b = head(b);
    parents_[std::max(head_a, head_b)] = std::min(head_a, head_b);
  }

  std::unordered_map<std::string, std::size_t> numbers_;
  std::vector<std::size_t> parents_;
};

// The operations of each group of keys, in the order in which the groups first occur.
std::vector<std::vector<Part>> by_group(const History& history, Report& report) {
  Groups groups;
  std::vector<std::pair<Part, std::size_t>> parts;  // with one of its keys
  for (const Operation& operation : history) {
    if (!tells_something(operation)) continue;
    parts.push_back({{&operation, operation.outcome != Outcome::kUnknown}, groups.add(operation)});
  }
  report.operations = parts.size();
  report.keys = groups.keys();
  std::vector<std::vector<Part>> of_head(groups.keys());
  for (const auto& [part, key] : parts) of_head[groups.head(key)].push_back(part);
  std::erase_if(of_head, [](const std::vector<Part>& group) { return group.empty(); });
  return of_head;
}

}  // namespace

Report check(const History& history, const CheckOptions& options) {
  Report report;
  std::vector<std::vector<Part>> left = by_group(history, report);
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
