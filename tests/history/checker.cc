#include "checker.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "counterexample.h"

namespace rkv::history {
namespace {

constexpr std::uint64_t kStepsAtFirst = 10'000;
constexpr std::uint64_t kStepsGrowth = 8;

// A refused operation did nothing, and a get without an answer tells nothing.
bool tells_something(const Operation& operation) {
  RKV_CHECK(operation.kind != Kind::kTransact, "transactions are not searched yet");
  if (operation.outcome == Outcome::kRefused) return false;
  return operation.kind != Kind::kGet || operation.outcome != Outcome::kUnknown;
}

// The operations of each key, the keys in the order in which they first occur.
std::vector<std::vector<Part>> by_key(const History& history) {
  std::vector<std::vector<Part>> keys;
  std::unordered_map<std::string_view, std::size_t> number;
  for (const Operation& operation : history) {
    if (!tells_something(operation)) continue;
    const auto [found, is_new] = number.try_emplace(operation.key, keys.size());
    if (is_new) keys.emplace_back();
    keys[found->second].push_back({&operation, operation.outcome != Outcome::kUnknown});
  }
  return keys;
}

}  // namespace

Report check(const History& history, const CheckOptions& options) {
  std::vector<std::vector<Part>> left = by_key(history);
  Report report;
  report.keys = left.size();
  for (const std::vector<Part>& parts : left) report.operations += parts.size();
  std::uint64_t steps_max = std::min(kStepsAtFirst, options.steps_max);
  while (!left.empty()) {
    std::vector<std::vector<Part>> undecided;
    for (std::vector<Part>& parts : left) {
      Search search(parts);
      const Verdict verdict = search.run(steps_max);
      report.steps += search.steps();
      if (verdict == Verdict::kNotLinearizable) {
        report.verdict = verdict;
        report.explanation = counterexample(parts, options.steps_max);
        return report;
      }
      if (verdict == Verdict::kUnknown) undecided.push_back(std::move(parts));
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
