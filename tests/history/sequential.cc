#include "sequential.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "key_writes.h"

namespace rkv::history {
namespace {

using Keys = std::map<std::string, KeyWrites>;

// A key that an answer with a slot tells of.
struct Look {
  std::string key;
  KeyState seen;
};

std::string line_of(const Operation& operation) { return "\n    " + to_text(operation); }

bool has_position(const Operation& operation) {
  return operation.position &&
         (operation.outcome == Outcome::kOk || operation.outcome == Outcome::kNotFound);
}

const KeyWrites& writes_of(const std::string& key, const Keys& keys) {
  static const KeyWrites kNone;
  const auto found = keys.find(key);
  return found == keys.end() ? kNone : found->second;
}

// ---- slots do not go back ----------------------------------------------------------------------

using Operations = std::vector<const Operation*>;

// The first one that was told a lower slot than one that had ended before it, behind that one; both
// are nullptr if there is none.
std::pair<const Operation*, const Operation*> step_back_of(const Operations& operations) {
  Operations by_return = operations;
  std::stable_sort(by_return.begin(), by_return.end(), [](const Operation* a, const Operation* b) {
    return a->returned < b->returned;
  });
  Operations by_request = operations;
  std::stable_sort(by_request.begin(), by_request.end(),
                   [](const Operation* a, const Operation* b) { return a->invoked < b->invoked; });
  const Operation* highest = nullptr;  // of those that ended before
  std::size_t ended = 0;
  for (const Operation* const operation : by_request) {
    for (; ended < by_return.size() && by_return[ended]->returned < operation->invoked; ++ended) {
      if (highest == nullptr || *by_return[ended]->position > *highest->position) {
        highest = by_return[ended];
      }
    }
    if (highest != nullptr && *operation->position < *highest->position) {
      return {highest, operation};
    }
  }
  return {};
}

std::string reason_of_step_back(const History& history) {
  std::map<std::uint64_t, Operations> processes;
  Operations linearizable;
  for (const Operation& operation : history) {
    const bool goes_on = operation.kind == Kind::kList && operation.list.goes_on;
    if (!has_position(operation) || goes_on) continue;
    const bool reads = is_read(operation);
    if (reads && operation.consistency == Consistency::kEventual) continue;
    processes[operation.process].push_back(&operation);
    if (reads && operation.consistency != Consistency::kLinearizable) continue;
    linearizable.push_back(&operation);
  }
  for (const auto& [process, operations] : processes) {
    const auto [before, after] = step_back_of(operations);
    if (after == nullptr) continue;
    return "process " + std::to_string(process) + " went back: after" + line_of(*before) +
           "\n  it was told" + line_of(*after);
  }
  const auto [before, after] = step_back_of(linearizable);
  if (after == nullptr) return {};
  return "a linearizable call went back: after" + line_of(*before) + "\n  came" + line_of(*after);
}

// ---- what reads find ---------------------------------------------------------------------------

KeyState seen_by_get(const Operation& operation) {
  if (operation.outcome == Outcome::kNotFound) return {};
  return {true, operation.value, operation.version, operation.created, operation.modified};
}

KeyState seen_by(const StepResult& result) {
  return {result.found, result.value, result.version, result.created, result.modified};
}

// An end of a part of a range; without a key there is none.
struct Bound {
  std::optional<std::string> key;
  bool is_in = true;  // the key itself is in the part
};

// The part of a range that a page covers.
struct Covered {
  Bound first;
  Bound last;

  bool contains(const std::string& key) const {
    if (first.key && (key < *first.key || (key == *first.key && !first.is_in))) return false;
    return !last.key || key < *last.key || (key == *last.key && last.is_in);
  }
};

Covered covered_by(const Operation& operation) {
  const ListQuery& query = operation.list;
  const std::vector<ListedKey>& keys = operation.listed.keys;
  Covered covered;
  if (!query.range.first.empty()) covered.first = {query.range.first, true};
  if (!query.range.end.empty()) covered.last = {query.range.end, false};
  Bound& begin = query.reverse ? covered.last : covered.first;
  Bound& end = query.reverse ? covered.first : covered.last;
  if (!query.behind.empty()) {
    begin = {query.behind, false};
  } else if (query.goes_on && !keys.empty()) {
    begin = {keys.front().key, true};
  }
  if (operation.listed.more && !keys.empty()) end = {keys.back().key, true};
  return covered;
}

// Whether nothing is known of where a page begins or ends.
bool covers_nothing(const Operation& operation) {
  const bool is_empty = operation.listed.keys.empty();
  return is_empty &&
         (operation.listed.more || (operation.list.goes_on && operation.list.behind.empty()));
}

// Why the keys of a page cannot be what was asked for, whatever was written; or nothing.
std::string reason_against_order(const Operation& operation, const Covered& covered) {
  const std::vector<ListedKey>& keys = operation.listed.keys;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const bool is_behind = i == 0 || (operation.list.reverse ? keys[i].key < keys[i - 1].key
                                                             : keys[i].key > keys[i - 1].key);
    if (is_behind && covered.contains(keys[i].key)) continue;
    return "key \"" + printable(keys[i].key) +
           "\" does not belong where this page has it:" + line_of(operation);
  }
  return {};
}

// What a page tells of every key that it covers: that it is there, or that it is not.
std::vector<Look> looks_of_list(const Operation& operation, const Covered& covered,
                                const Keys& keys) {
  std::map<std::string, KeyState> seen;
  for (const ListedKey& key : operation.listed.keys) {
    seen[key.key] = {true, key.value, key.version, key.created, key.modified};
  }
  if (!operation.listed.count && !covers_nothing(operation)) {
    const std::optional<std::string>& last = covered.last.key;
    auto key = keys.lower_bound(covered.first.key.value_or(""));
    for (; key != keys.end() && (!last || key->first <= *last); ++key) {
      if (covered.contains(key->first)) seen.try_emplace(key->first);
    }
  }
  std::vector<Look> looks;
  looks.reserve(seen.size());
  for (auto& [key, state] : seen) looks.push_back({key, std::move(state)});
  return looks;
}

// Of a read.
std::vector<Look> looks_of(const Operation& operation, const Keys& keys) {
  std::vector<Look> looks;
  if (operation.kind == Kind::kGet) {
    looks.push_back({operation.key, seen_by_get(operation)});
  } else if (operation.kind == Kind::kList) {
    looks = looks_of_list(operation, covered_by(operation), keys);
  } else {
    const auto& [succeeded, results] = operation.transacted;
    const std::vector<Step>& steps = branch_of(operation.transaction, succeeded);
    for (std::size_t i = 0; i < std::min(steps.size(), results.size()); ++i) {
      looks.push_back({steps[i].key, seen_by(results[i])});
    }
  }
  return looks;
}

// Nothing if the read may have seen this; else why not.
std::string reason_against(const Operation& operation, const Look& look, const KeyWrites& writes) {
  const KeyWrites::Write* const last = writes.last_up_to(*operation.position);
  const KeyState made = last == nullptr ? KeyState() : last->state;
  if (fits(made, look.seen)) return {};
  const Time now = operation.returned;
  if (writes.anything_from && *writes.anything_from <= now) return {};
  // Where an unknown write may be in between, slots are not those of the known ones.
  KeyState without_slots = look.seen;
  without_slots.created = without_slots.modified = std::nullopt;
  if (writes.may_be_unknown_at(now) && fits(made, without_slots)) return {};
  for (const auto& [state, since] : writes.elsewhere) {
    if (since <= now && fits(state, without_slots)) return {};
  }
  std::string text = "key \"" + printable(look.key) + "\": this read, at slot " +
                     std::to_string(*operation.position) + "," + line_of(operation);
  if (last == nullptr) return text + "\n  saw what no write up to that slot made";
  return text + "\n  did not see the last write up to that slot:" + line_of(*last->operation);
}

// Of a list that counts a whole range.
std::string reason_against_count(const Operation& operation, const Keys& keys) {
  if (operation.listed.more || operation.list.goes_on) return {};
  std::uint64_t count = 0;
  for (const auto& [key, writes] : keys) {
    if (!operation.list.range.contains(key)) continue;
    if (writes.is_ambiguous || writes.may_be_unknown_at(operation.returned)) return {};
    const KeyWrites::Write* const last = writes.last_up_to(*operation.position);
    if (last != nullptr && last->state.is_there) ++count;
  }
  if (count == *operation.listed.count) return {};
  return "this count, at slot " + std::to_string(*operation.position) + "," + line_of(operation) +
         "\n  is not that of the keys that are there: " + std::to_string(count);
}

std::string reason_against_read(const Operation& operation, const Keys& keys,
                                SequentialReport& report) {
  std::string reason;
  if (operation.kind == Kind::kList) {
    reason = reason_against_order(operation, covered_by(operation));
    if (reason.empty() && operation.listed.count) reason = reason_against_count(operation, keys);
  }
  for (const Look& look : looks_of(operation, keys)) {
    if (!reason.empty()) break;
    const KeyWrites& writes = writes_of(look.key, keys);
    if (writes.is_ambiguous) continue;
    ++report.values;
    reason = reason_against(operation, look, writes);
  }
  return reason;
}

// ---- compares of slots -------------------------------------------------------------------------

bool holds(Compare::Relation relation, std::uint64_t slot, std::uint64_t operand) {
  switch (relation) {
    case Compare::Relation::kEqual:
      return slot == operand;
    case Compare::Relation::kNotEqual:
      return slot != operand;
    case Compare::Relation::kLess:
      return slot < operand;
    case Compare::Relation::kGreater:
      break;
  }
  return slot > operand;
}

// Of a transaction that succeeded.
std::string reason_against_compares(const Operation& operation, const Keys& keys) {
  // What a write compares was there before it.
  const bool is_write = !is_read(operation);
  if (is_write && *operation.position == 0) return "a write has no slot 0:" + line_of(operation);
  const std::uint64_t slot = *operation.position - (is_write ? 1 : 0);
  for (const Compare& compare : operation.transaction.compares) {
    if (!compares_slot(compare)) continue;
    const KeyWrites& writes = writes_of(compare.key, keys);
    if (writes.is_ambiguous || writes.may_be_unknown_at(operation.returned)) continue;
    const KeyWrites::Write* const last = writes.last_up_to(slot);
    std::uint64_t compared = 0;
    if (last != nullptr) {
      const bool wants_created = compare.target == Compare::Target::kCreated;
      compared = (wants_created ? last->state.created : last->state.modified).value_or(0);
    }
    if (holds(compare.relation, compared, compare.number)) continue;
    return "this transaction succeeded," + line_of(operation) + "\n  although for key \"" +
           printable(compare.key) + "\" that slot was " + std::to_string(compared);
  }
  return {};
}

}  // namespace

SequentialReport check_sequential(const History& history) {
  SequentialReport report;
  report.positions =
      static_cast<std::size_t>(std::count_if(history.begin(), history.end(), has_position));
  if (report.positions == 0) return report;
  report.explanation = reason_of_step_back(history);
  const Keys keys = writes_by_key(history);
  for (const Operation& operation : history) {
    if (!report.explanation.empty()) break;
    if (!has_position(operation)) continue;
    if (is_read(operation)) report.explanation = reason_against_read(operation, keys, report);
    if (report.explanation.empty() && operation.kind == Kind::kTransact &&
        operation.transacted.succeeded) {
      report.explanation = reason_against_compares(operation, keys);
    }
  }
  report.holds = report.explanation.empty();
  return report;
}

}  // namespace rkv::history
