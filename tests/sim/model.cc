#include "sim/model.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/limits.h"
#include "kv/transaction_codec.h"

namespace rkv::sim {
namespace {

using kv::Compare;
using kv::Step;
using Outcome = kv::Applied::Outcome;

// The state that a transaction has come to.
class Draft {
 public:
  Draft(const KeyStates& before, Position position) : before_(before), position_(position) {}

  KeyState at(const std::string& key) const {
    if (const auto found = changes_.find(key); found != changes_.end()) return found->second;
    const auto found = before_.find(key);
    return found == before_.end() ? KeyState() : found->second;
  }

  void put(const std::string& key, std::string value) {
    const KeyState old = at(key);
    changes_[key] = {true, old.present ? old.version + 1 : 1, std::move(value),
                     old.present ? old.created : position_, position_};
  }

  void del(const std::string& key) { changes_[key] = {}; }

  std::vector<std::string> present_in(const std::string& first, const std::string& end) const {
    std::vector<std::string> keys;
    for (const KeyStates* const states : {&before_, &changes_}) {
      for (const auto& [key, state] : *states) {
        if (key >= first && (end.empty() || key < end) && at(key).present) keys.push_back(key);
      }
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
  }

  // A key that came and went is not changed.
  KeyStates take_changes() {
    std::erase_if(changes_, [this](const auto& change) {
      const auto found = before_.find(change.first);
      const bool was_present = found != before_.end() && found->second.present;
      return !change.second.present && !was_present;
    });
    return std::move(changes_);
  }

 private:
  const KeyStates& before_;
  const Position position_;
  KeyStates changes_;
};

std::uint64_t number_of(const KeyState& state, Compare::Target target) {
  if (!state.present) return 0;
  if (target == Compare::Target::kVersion) return state.version;
  if (target == Compare::Target::kCreated) return state.created;
  if (target == Compare::Target::kModified) return state.modified;
  return 1;
}

bool holds(const Compare& compare, const KeyState& state) {
  int order = 0;
  if (compare.target == Compare::Target::kValue) {
    if (!state.present) return compare.relation == Compare::Relation::kNotEqual;
    order = state.value.compare(compare.value);
  } else {
    const std::uint64_t number = number_of(state, compare.target);
    order = number < compare.number ? -1 : number > compare.number ? 1 : 0;
  }
  if (compare.relation == Compare::Relation::kEqual) return order == 0;
  if (compare.relation == Compare::Relation::kNotEqual) return order != 0;
  return compare.relation == Compare::Relation::kLess ? order < 0 : order > 0;
}

std::optional<std::int64_t> to_number(const std::string& text) {
  const bool has_digits = text.find_first_not_of("-0123456789") == std::string::npos;
  if (text.empty() || !has_digits) return std::nullopt;
  errno = 0;
  char* end = nullptr;
  const long long number = std::strtoll(text.c_str(), &end, 10);
  if (errno != 0 || *end != '\0') return std::nullopt;
  return number;
}

Outcome incr(const Step& step, Draft& draft, kv::StepResult& result) {
  const KeyState state = draft.at(step.key);
  const std::optional<std::int64_t> number =
      state.present ? to_number(state.value) : std::optional<std::int64_t>(0);
  if (!number) return Outcome::kInvalid;
  const __int128 sum = static_cast<__int128>(*number) + step.amount;
  if (sum > INT64_MAX || sum < INT64_MIN) return Outcome::kInvalid;
  result.number = static_cast<std::int64_t>(sum);
  draft.put(step.key, std::to_string(result.number));
  return Outcome::kApplied;
}

Outcome run(const Step& step, Draft& draft, kv::StepResult& result) {
  const KeyState before = draft.at(step.key);
  result.kind = step.kind;
  const bool is_get = step.kind == Step::Kind::kGet;
  const bool may_tell = is_get || step.kind == Step::Kind::kPut || step.kind == Step::Kind::kDel;
  if (before.present && may_tell && (is_get || step.wants_entry)) {
    result.entry = kv::ToldEntry{step.wants_entry ? before.value : std::string(), before.version,
                                 before.created, before.modified};
  }
  switch (step.kind) {
    case Step::Kind::kGet:
      return Outcome::kApplied;
    case Step::Kind::kPut:
      draft.put(step.key, step.value);
      break;
    case Step::Kind::kDel:
      result.version = before.version;
      draft.del(step.key);
      return Outcome::kApplied;
    case Step::Kind::kIncr:
      if (const Outcome outcome = incr(step, draft, result); outcome != Outcome::kApplied) {
        return outcome;
      }
      break;
    case Step::Kind::kAppend:
      draft.put(step.key, before.value + step.value);
      result.size = before.value.size() + step.value.size();
      break;
    case Step::Kind::kDelRange:
      for (const std::string& key : draft.present_in(step.key, step.value)) {
        draft.del(key);
        ++result.removed;
      }
      return Outcome::kApplied;
  }
  result.version = draft.at(step.key).version;
  return Outcome::kApplied;
}

// Positions that are not looked at are taken out.
bool is_same(const kv::StepsResult& one, kv::StepsResult other) {
  if (one.results.size() != other.results.size()) return false;
  for (std::size_t i = 0; i < one.results.size(); ++i) {
    const std::optional<kv::ToldEntry>& entry = one.results[i].entry;
    std::optional<kv::ToldEntry>& told = other.results[i].entry;
    if (entry && told && entry->modified == 0) told->created = told->modified = 0;
  }
  return one == other;
}

}  // namespace

Effect effect_of(const kv::Transaction& transaction, const KeyStates& before, Position position) {
  Draft draft(before, position);
  kv::StepsResult told;
  told.succeeded = std::all_of(
      transaction.compares.begin(), transaction.compares.end(),
      [&draft](const Compare& compare) { return holds(compare, draft.at(compare.key)); });
  for (const Step& step : told.succeeded ? transaction.then : transaction.otherwise) {
    const Outcome outcome = run(step, draft, told.results.emplace_back());
    if (outcome != Outcome::kApplied) return {{}, outcome, 0, std::nullopt};
  }
  return {draft.take_changes(), Outcome::kApplied, 0, std::move(told)};
}

Effect effect_of(const kv::Command& command, const KeyStates& before, Position position) {
  if (command.kind == kv::Command::Kind::kTransaction) {
    return effect_of(*command.transaction, before, position);
  }
  if (command.kind == kv::Command::Kind::kEpoch) return {};
  Draft draft(before, position);
  Effect effect;
  if (command.kind == kv::Command::Kind::kPut) {
    draft.put(command.key, command.value);
    effect.version = draft.at(command.key).version;
  } else {
    effect.version = draft.at(command.key).version;
    if (!draft.at(command.key).present) effect.outcome = Outcome::kNotFound;
    draft.del(command.key);
  }
  effect.changes = draft.take_changes();
  return effect;
}

// Of a refusal the text is not looked at, but there is one.
bool tells(const kv::Applied& applied, const Effect& effect) {
  if (applied.outcome != effect.outcome || applied.version != effect.version) return false;
  if (effect.outcome == Outcome::kInvalid || effect.outcome == Outcome::kOverLimit ||
      effect.outcome == Outcome::kFull) {
    return applied.told != nullptr && !applied.told->empty();
  }
  if (!effect.told) return applied.told == nullptr;
  if (applied.told == nullptr) return false;
  const Result<kv::StepsResult> told = kv::decode_result(*applied.told);
  return told.ok() && is_same(*effect.told, told.value());
}

bool is_so(const kv::Entry* entry, const KeyState& state) {
  if (entry == nullptr) return !state.present;
  const bool same_positions =
      state.modified == 0 || (entry->position == state.modified && entry->created == state.created);
  return state.present && entry->version == state.version && entry->value == state.value &&
         same_positions;
}

bool is_so(const std::vector<kv::Change>& changes, const Effect& expected, Position position) {
  if (changes.size() != expected.changes.size()) return false;
  return std::all_of(changes.begin(), changes.end(), [&](const kv::Change& change) {
    const auto found = expected.changes.find(change.key);
    if (found == expected.changes.end()) return false;
    const kv::Entry* const entry = change.entry ? &*change.entry : nullptr;
    return is_so(entry, found->second) && (entry == nullptr || entry->position == position);
  });
}

std::string flaw_of(const kv::ScanPage& page, const kv::Scan& scan, const KeyStates& states) {
  std::vector<std::pair<std::string, KeyState>> range;
  for (const auto& [key, state] : states) {
    const bool is_in = key >= scan.first && (scan.end.empty() || key < scan.end);
    if (is_in && state.present) range.emplace_back(key, state);
  }
  if (scan.reverse) std::reverse(range.begin(), range.end());
  if (page.count > range.size()) return "has keys that were not there";
  if (page.count > scan.entries_max) return "has more keys than were asked for";
  if (!page.more && page.count < range.size()) return "says that nothing follows";
  if (page.more && page.count == 0) return "is empty, and others follow";
  const bool counts = scan.what == kv::Scan::What::kCount;
  if (page.entries.size() != (counts ? 0 : page.count)) return "has other keys than it counts";
  if (page.count > 0 && page.last != range[page.count - 1].first) return "ends at another key";
  for (std::size_t i = 0; i < page.entries.size(); ++i) {
    const kv::ScannedEntry& entry = page.entries[i];
    const KeyState& state = range[i].second;
    const bool same_positions =
        state.modified == 0 || (entry.modified == state.modified && entry.created == state.created);
    const bool same_value =
        entry.value == (scan.what == kv::Scan::What::kKeys ? std::string() : state.value);
    if (entry.key != range[i].first || entry.version != state.version || !same_value ||
        !same_positions) {
      return "has something else under " + range[i].first + " than was there";
    }
  }
  return {};
}

}  // namespace rkv::sim
