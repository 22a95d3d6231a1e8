#include "kv/evaluation.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "kv/transaction_codec.h"

namespace rkv::kv {
namespace {

using Outcome = Applied::Outcome;

// What the result of a step takes, encoded, without the value that it tells.
constexpr std::size_t kStepResultOverhead = 64;

template <typename T>
bool holds(Compare::Relation relation, const T& target, const T& operand) {
  switch (relation) {
    case Compare::Relation::kEqual:
      return target == operand;
    case Compare::Relation::kNotEqual:
      return target != operand;
    case Compare::Relation::kLess:
      return target < operand;
    case Compare::Relation::kGreater:
      return target > operand;
  }
  RKV_CHECK(false, "relation out of range");
}

std::uint64_t number_of(Compare::Target target, const Entry* entry) {
  if (entry == nullptr) return 0;
  switch (target) {
    case Compare::Target::kExists:
      return 1;
    case Compare::Target::kVersion:
      return entry->version;
    case Compare::Target::kCreated:
      return entry->created;
    case Compare::Target::kModified:
      return entry->position;
    case Compare::Target::kValue:
      break;
  }
  RKV_CHECK(false, "target out of range");
}

bool holds(const Compare& compare, const Entry* entry) {
  if (compare.target != Compare::Target::kValue) {
    return holds(compare.relation, number_of(compare.target, entry), compare.number);
  }
  if (entry == nullptr) return compare.relation == Compare::Relation::kNotEqual;
  return holds(compare.relation, entry->value, compare.value);
}

// Does the steps of a branch, one after the other, each on what those before it left.
class Branch {
 public:
  Branch(const Findings& findings, const std::vector<std::string>& range, Position position)
      : findings_(findings), range_(range), position_(position) {}

  const Entry* current(const std::string& key) const {
    const auto changed = changed_.find(key);
    if (changed != changed_.end()) return changed->second ? &*changed->second : nullptr;
    const auto found = findings_.entries.find(key);
    return found == findings_.entries.end() || !found->second ? nullptr : &*found->second;
  }

  // False when it cannot be done: refusal() says why, and then nothing is done.
  bool run(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      StepResult result;
      result.kind = step.kind;
      if (!run(step, &result)) return false;
      told_size_ += kStepResultOverhead + (result.entry ? result.entry->value.size() : 0);
      if (told_size_ > kStepsResultSizeMax) {
        return refuse(Outcome::kOverLimit, "what the transaction's steps tell has more than " +
                                               std::to_string(kStepsResultSizeMax) + " bytes");
      }
      results_.push_back(std::move(result));
    }
    return true;
  }

  const Applied& refusal() const { return refusal_; }
  std::vector<StepResult> take_results() { return std::move(results_); }

  // Every key that is another one than was found; a key that came and went is none.
  std::vector<Change> take_changes() {
    std::vector<Change> changes;
    for (auto& [key, entry] : changed_) {
      const auto found = findings_.entries.find(key);
      const bool was_there = found == findings_.entries.end() || found->second.has_value();
      if (entry || was_there) changes.push_back({key, std::move(entry)});
    }
    return changes;
  }

 private:
  bool run(const Step& step, StepResult* result) {
    switch (step.kind) {
      case Step::Kind::kGet:
        tell(step, step.wants_entry, result);
        return true;
      case Step::Kind::kPut:
        if (step.wants_entry) tell(step, true, result);
        result->version = put(step.key, step.value);
        return true;
      case Step::Kind::kDel:
        if (step.wants_entry) tell(step, true, result);
        result->version = del(step.key);
        return true;
      case Step::Kind::kIncr:
        return incr(step, result);
      case Step::Kind::kAppend:
        return append(step, result);
      case Step::Kind::kDelRange:
        del_range(step, result);
        return true;
    }
    RKV_CHECK(false, "kind of step out of range");
  }

  void tell(const Step& step, bool with_value, StepResult* result) const {
    const Entry* entry = current(step.key);
    if (entry == nullptr) return;
    result->entry = ToldEntry{with_value ? entry->value : std::string(), entry->version,
                              entry->created, entry->position};
  }

  std::uint64_t put(const std::string& key, std::string value) {
    const Entry* before = current(key);
    Entry entry{std::move(value), 1, position_, position_};
    if (before != nullptr) {
      entry.version = before->version + 1;
      entry.created = before->created;
    }
    const std::uint64_t version = entry.version;
    changed_.insert_or_assign(key, std::move(entry));
    return version;
  }

  std::uint64_t del(const std::string& key) {
    const Entry* before = current(key);
    if (before == nullptr) return 0;
    const std::uint64_t version = before->version;
    changed_.insert_or_assign(key, std::nullopt);
    return version;
  }

  bool incr(const Step& step, StepResult* result) {
    const Entry* before = current(step.key);
    std::int64_t number = 0;
    if (before != nullptr) {
      const char* const end = before->value.data() + before->value.size();
      const auto [rest, error] = std::from_chars(before->value.data(), end, number);
      if (error != std::errc() || rest != end) {
        return refuse(Outcome::kInvalid,
                      "the value of " + printable(step.key) + " is no decimal number of 64 bits");
      }
    }
    if (__builtin_add_overflow(number, step.amount, &result->number)) {
      return refuse(Outcome::kInvalid, "the value of " + printable(step.key) + " is " +
                                           std::to_string(number) + ", and with " +
                                           std::to_string(step.amount) + " more over 64 bits");
    }
    result->version = put(step.key, std::to_string(result->number));
    return true;
  }

  bool append(const Step& step, StepResult* result) {
    const Entry* before = current(step.key);
    const std::size_t size = (before == nullptr ? 0 : before->value.size()) + step.value.size();
    if (size > kValueSizeMax) {
      return refuse(Outcome::kOverLimit, "the value of " + printable(step.key) + " would have " +
                                             std::to_string(size) + " bytes, the limit is " +
                                             std::to_string(kValueSizeMax));
    }
    result->size = size;
    result->version =
        put(step.key, before == nullptr ? step.value : std::string(before->value) + step.value);
    return true;
  }

  // The range's keys are those that were found, less what steps before this one removed, and what
  // they made.
  void del_range(const Step& step, StepResult* result) {
    std::vector<std::string> keys;
    for (const std::string& key : range_) {
      if (!changed_.contains(key)) keys.push_back(key);
    }
    for (const auto& [key, entry] : changed_) {
      const bool is_in_range = key >= step.key && (step.value.empty() || key < step.value);
      if (entry && is_in_range) keys.push_back(key);
    }
    std::sort(keys.begin(), keys.end());
    result->more = keys.size() > kDelRangeMax;
    if (result->more) keys.resize(kDelRangeMax);
    result->removed = keys.size();
    for (std::string& key : keys) changed_.insert_or_assign(std::move(key), std::nullopt);
  }

  bool refuse(Outcome outcome, std::string reason) {
    refusal_ = {outcome, 0, position_, std::make_shared<const std::string>(std::move(reason))};
    return false;
  }

  const Findings& findings_;
  const std::vector<std::string>& range_;
  const Position position_;
  std::map<std::string, std::optional<Entry>, std::less<>> changed_;
  std::vector<StepResult> results_;
  std::size_t told_size_ = 0;
  Applied refusal_;
};

}  // namespace

std::optional<Scan> range_scan(const std::vector<Step>& steps) {
  const auto step = std::find_if(steps.begin(), steps.end(), [](const Step& each) {
    return each.kind == Step::Kind::kDelRange;
  });
  if (step == steps.end()) return std::nullopt;
  Scan scan;
  scan.first = step->key;
  scan.end = step->value;
  scan.what = Scan::What::kKeys;
  // Other steps may remove some of them first; and one more says that there are more.
  scan.entries_max = kDelRangeMax + kStepsMax + 1;
  scan.size_max = scan.entries_max * kKeySizeMax;
  return scan;
}

Evaluation evaluate(const Transaction& transaction, const Findings& findings, Position position) {
  if (findings.values_size > kTxnValuesSizeMax) {
    auto reason = std::make_shared<const std::string>(
        "the values that the transaction looks at have " + std::to_string(findings.values_size) +
        " bytes, the limit is " + std::to_string(kTxnValuesSizeMax));
    return {{Outcome::kOverLimit, 0, position, std::move(reason)}, {}};
  }
  Branch then(findings, findings.then_range, position);
  const bool succeeded = std::all_of(
      transaction.compares.begin(), transaction.compares.end(),
      [&](const Compare& compare) { return holds(compare, then.current(compare.key)); });
  Branch otherwise(findings, findings.otherwise_range, position);
  Branch& branch = succeeded ? then : otherwise;
  if (!branch.run(succeeded ? transaction.then : transaction.otherwise)) {
    return {branch.refusal(), {}};
  }
  const StepsResult result{succeeded, branch.take_results()};
  auto told = std::make_shared<const std::string>(encode_result(result));
  return {{Outcome::kApplied, 0, position, std::move(told)}, branch.take_changes()};
}

}  // namespace rkv::kv
