#include "transaction_simulation.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rkv::history {
namespace {

constexpr Time kLateFactor = 20;  // of the delays: how late the effect of an unanswered one may be

using Entry = std::pair<std::string, std::uint64_t>;  // value and version
using Table = std::map<std::string, Entry>;

class TransactionSimulation {
 public:
  TransactionSimulation(const TransactionOptions& options, Random& random)
      : options_(options), random_(random) {}

  History run() {
    std::vector<Time> free_at(options_.processes);
    while (history_.size() < options_.operations) {
      const auto next = std::min_element(free_at.begin(), free_at.end());
      const auto process = static_cast<std::uint64_t>(next - free_at.begin());
      *next = request(process, *next + random_.below(options_.delay_max + 1));
    }
    std::stable_sort(effects_.begin(), effects_.end());
    for (const auto& [time, operation] : effects_) take_effect(history_[operation]);
    std::stable_sort(history_.begin(), history_.end(),
                     [](const Operation& a, const Operation& b) { return a.invoked < b.invoked; });
    return std::move(history_);
  }

 private:
  std::string draw_key() { return "key" + std::to_string(random_.below(options_.keys)); }
  std::string draw_value() { return std::to_string(random_.below(3)); }

  Compare draw_compare() {
    Compare compare;
    compare.key = draw_key();
    constexpr Compare::Target kTargets[] = {Compare::Target::kExists, Compare::Target::kVersion,
                                            Compare::Target::kValue};
    compare.target = kTargets[random_.below(3)];
    compare.relation = static_cast<Compare::Relation>(random_.below(4));
    compare.number = random_.below(compare.target == Compare::Target::kExists ? 2 : 4);
    compare.value = draw_value();
    return compare;
  }

  std::vector<Step> draw_steps() {
    std::vector<Step> steps(random_.below(4));
    for (Step& step : steps) {
      step.kind = static_cast<Step::Kind>(random_.below(5));
      if (random_.below(12) == 0) step.kind = Step::Kind::kDelRange;
      if (step.kind == Step::Kind::kDelRange) {
        if (random_.below(3) != 0) step.range.first = draw_key();
        if (random_.below(3) != 0) step.range.end = draw_key();
        continue;
      }
      step.key = draw_key();
      if (step.kind == Step::Kind::kPut) step.value = draw_value();
      if (step.kind == Step::Kind::kAppend)
        step.value = random_.below(20) == 0 ? "x" : draw_value();
      if (step.kind == Step::Kind::kIncr) step.amount = static_cast<std::int64_t>(random_.below(3));
    }
    return steps;
  }

  Operation draw() {
    Operation operation;
    operation.kind = static_cast<Kind>(random_.below(2) == 0 ? 3 : random_.below(3));
    if (operation.kind != Kind::kTransact) {
      operation.key = draw_key();
      if (operation.kind == Kind::kPut) operation.argument = draw_value();
      return operation;
    }
    for (std::uint64_t i = random_.below(3); i > 0; --i) {
      operation.transaction.compares.push_back(draw_compare());
    }
    operation.transaction.then = draw_steps();
    if (random_.below(2) == 0) operation.transaction.otherwise = draw_steps();
    if (keys_of(operation.transaction).empty()) return draw();
    return operation;
  }

  // Returns when the process is free again.
  Time request(std::uint64_t process, Time now) {
    Operation operation = draw();
    operation.process = process;
    operation.invoked = now;
    const Time effect = now + random_.below(options_.delay_max + 1);
    const Time answer = effect + random_.below(options_.delay_max + 1);
    const bool is_lost = options_.lost_one_in != 0 && random_.below(options_.lost_one_in) == 0 &&
                         lost_ < options_.lost_max;
    if (!is_lost) {
      operation.returned = answer;
      effects_.emplace_back(effect, history_.size());
    } else {
      ++lost_;
      if (random_.below(3) != 0) {
        effects_.emplace_back(now + random_.below(options_.delay_max * kLateFactor + 1),
                              history_.size());
      }
    }
    history_.push_back(std::move(operation));
    return answer;
  }

  bool holds(const Compare& compare) const {
    const auto found = table_.find(compare.key);
    if (compare.target == Compare::Target::kValue && found == table_.end()) {
      return compare.relation == Compare::Relation::kNotEqual;
    }
    int order = 0;  // of the target to the operand
    if (compare.target == Compare::Target::kValue) {
      order = found->second.first.compare(compare.value);
    } else {
      std::uint64_t target = found == table_.end() ? 0 : 1;
      if (compare.target == Compare::Target::kVersion && target == 1) target = found->second.second;
      order = target < compare.number ? -1 : target > compare.number ? 1 : 0;
    }
    switch (compare.relation) {
      case Compare::Relation::kEqual:
        return order == 0;
      case Compare::Relation::kNotEqual:
        return order != 0;
      case Compare::Relation::kLess:
        return order < 0;
      case Compare::Relation::kGreater:
        break;
    }
    return order > 0;
  }

  // Nothing if it cannot be done.
  std::optional<StepResult> take_step(const Step& step) {
    StepResult result;
    if (step.kind == Step::Kind::kDelRange) {
      result.removed = std::erase_if(
          table_, [&step](const auto& entry) { return step.range.contains(entry.first); });
      return result;
    }
    const auto found = table_.find(step.key);
    result.found = found != table_.end();
    if (step.kind == Step::Kind::kGet || step.kind == Step::Kind::kDel) {
      if (!result.found) return result;
      result.version = found->second.second;
      if (step.kind == Step::Kind::kGet) {
        result.value = found->second.first;
      } else {
        table_.erase(found);
      }
      return result;
    }
    Entry& entry = table_[step.key];
    result.version = ++entry.second;
    if (step.kind == Step::Kind::kPut) entry.first = step.value;
    if (step.kind == Step::Kind::kAppend) entry.first += step.value;
    if (step.kind == Step::Kind::kIncr) {
      const std::string number = entry.first.empty() ? "0" : entry.first;
      if (number.find('x') != std::string::npos || number.size() > 15) return std::nullopt;
      result.number = std::stoll(number) + step.amount;
      entry.first = std::to_string(*result.number);
    }
    return result;
  }

  // A put, get or del is a transaction of one step as well.
  void take_effect(Operation& operation) {
    if (operation.kind == Kind::kTransact) return transact(operation);
    Step step;
    step.kind = operation.kind == Kind::kPut   ? Step::Kind::kPut
                : operation.kind == Kind::kGet ? Step::Kind::kGet
                                               : Step::Kind::kDel;
    step.key = operation.key;
    step.value = operation.argument;
    const StepResult result = *take_step(step);
    if (operation.returned == kNever) return;
    const bool is_done = operation.kind == Kind::kPut || result.found;
    operation.outcome = is_done ? Outcome::kOk : Outcome::kNotFound;
    if (result.value) operation.value = *result.value;
    if (is_done && options_.versions) operation.version = result.version;
  }

  void transact(Operation& operation) {
    TransactionResult told;
    told.succeeded =
        std::all_of(operation.transaction.compares.begin(), operation.transaction.compares.end(),
                    [this](const Compare& compare) { return holds(compare); });
    const Table before = table_;
    const bool answered = operation.returned != kNever;
    for (const Step& step : branch_of(operation.transaction, told.succeeded)) {
      std::optional<StepResult> result = take_step(step);
      if (!result) {
        table_ = before;
        if (answered) operation.outcome = Outcome::kRefused;
        return;
      }
      if (!options_.versions) result->version.reset();
      told.results.push_back(*std::move(result));
    }
    if (!answered) return;
    operation.outcome = Outcome::kOk;
    operation.transacted = std::move(told);
  }

  const TransactionOptions& options_;
  Random& random_;
  History history_;
  std::vector<std::pair<Time, std::size_t>> effects_;  // when, and of which operation
  std::size_t lost_ = 0;
  Table table_;
};

}  // namespace

History simulate(const TransactionOptions& options, Random& random) {
  return TransactionSimulation(options, random).run();
}

}  // namespace rkv::history
