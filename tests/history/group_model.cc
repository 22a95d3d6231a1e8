#include "group_model.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"

namespace rkv::history {
namespace {

constexpr std::size_t kCellsMax = 32'000'000;       // in all states: 512 MiB
constexpr std::uint64_t kTextBytesMax = 256 << 20;  // of all values

// Mixes another word into a hash (a multiplication and a fold, with an odd constant).
std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
  return hash ^ (hash >> 32);
}

bool holds(Compare::Relation relation, const auto& target, const auto& operand) {
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

bool tells_version(const TransactionResult& result) {
  return std::any_of(result.results.begin(), result.results.end(),
                     [](const StepResult& step) { return step.version.has_value(); });
}

bool compares_version(const Transaction& transaction) {
  return std::any_of(
      transaction.compares.begin(), transaction.compares.end(),
      [](const Compare& compare) { return compare.target == Compare::Target::kVersion; });
}

}  // namespace

std::size_t GroupModel::CellsHash::operator()(std::uint32_t state) const {
  const std::size_t keys = model->now_.size();
  std::uint64_t hash = keys;
  for (std::size_t i = 0; i < keys; ++i) {
    const Cell& cell = model->cells_[state * keys + i];
    hash = mix(mix(hash, cell.value), cell.version);
  }
  return hash;
}

bool GroupModel::CellsEqual::operator()(std::uint32_t a, std::uint32_t b) const {
  const auto keys = static_cast<std::ptrdiff_t>(model->now_.size());
  const auto begin = model->cells_.begin();
  return std::equal(begin + a * keys, begin + (a + 1) * keys, begin + b * keys);
}

// ---- operations as numbers ---------------------------------------------------------------------

GroupModel::GroupModel(const std::vector<Part>& parts)
    : states_(0, CellsHash{this}, CellsEqual{this}) {
  look_through(parts);
  std::map<std::pair<Transaction, bool>, std::uint64_t> effects;
  actions_.reserve(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    actions_.push_back(action_of(wordings_[i], parts[i].answered));
    if (parts[i].answered) {
      if (counts_versions_) find_needs(actions_[i]);
    } else {
      find_writes(actions_[i]);
      const auto& [transaction, result] = wordings_[i];
      const auto found = effects.try_emplace({transaction, result.succeeded}, effects.size()).first;
      actions_[i].effect = found->second;
    }
  }
  may_grow_.resize(keys_.size());
  may_vanish_.resize(keys_.size());
  now_.resize(keys_.size());
  RKV_CHECK(number_of_cells() == State().number, "a search begins where no key is there");
}

// A put, get or del of one key is a transaction of one step.
GroupModel::Wording GroupModel::wording_of(const Part& part) {
  const Operation& operation = *part.operation;
  if (operation.kind == Kind::kTransact) return {operation.transaction, operation.transacted};
  Step step;
  step.key = operation.key;
  StepResult result;
  result.found = operation.outcome == Outcome::kOk;
  result.version = operation.version;
  if (operation.kind == Kind::kPut) {
    step.kind = Step::Kind::kPut;
    step.value = operation.argument;
  } else if (operation.kind == Kind::kGet) {
    if (result.found) result.value = operation.value;
  } else {
    step.kind = Step::Kind::kDel;
  }
  return {{{}, {std::move(step)}, {}}, {true, {std::move(result)}}};
}

// Finds what has to be known of all of them before any of them becomes numbers.
void GroupModel::look_through(const std::vector<Part>& parts) {
  wordings_.reserve(parts.size());
  const auto matters = [this](const std::string& key) {
    const KeyNumber number = number_of(key);
    text_matters_[number] = true;
  };
  for (const Part& part : parts) {
    const Wording& wording = wordings_.emplace_back(wording_of(part));
    for (const std::string& key : keys_of(wording.transaction)) number_of(key);
    if (compares_version(wording.transaction)) counts_versions_ = true;
    for (const Compare& compare : wording.transaction.compares) {
      if (compare.target == Compare::Target::kValue) matters(compare.key);
    }
    for (const std::vector<Step>* steps :
         {&wording.transaction.then, &wording.transaction.otherwise}) {
      for (const Step& step : *steps) {
        if (step.kind == Step::Kind::kIncr || step.kind == Step::Kind::kAppend) matters(step.key);
      }
    }
    if (!part.answered) continue;
    if (tells_version(wording.result)) counts_versions_ = true;
    for (const StepResult& result : wording.result.results) {
      if (result.value) read_values_.insert(*result.value);
    }
  }
}

GroupModel::KeyNumber GroupModel::number_of(const std::string& key) {
  const auto [found, is_new] =
      key_numbers_.try_emplace(key, static_cast<KeyNumber>(key_numbers_.size()));
  if (is_new) {
    keys_.push_back(key);
    text_matters_.push_back(false);
  }
  return found->second;
}

std::vector<GroupModel::KeyNumber> GroupModel::keys_in(const Range& range) const {
  std::vector<KeyNumber> keys;
  for (auto key = key_numbers_.lower_bound(range.first); key != key_numbers_.end(); ++key) {
    if (!range.contains(key->first)) break;
    keys.push_back(key->second);
  }
  return keys;
}

// Values that nobody looks at are all the same: fewer states to tell apart.
TextNumber GroupModel::value_number(KeyNumber key, const std::string& value) {
  if (!text_matters_[key] && !read_values_.contains(value)) return TextTable::kNotTold;
  return texts_.number_of(value);
}

std::vector<GroupModel::NumberedStep> GroupModel::numbered(const std::vector<Step>& steps,
                                                           const std::vector<StepResult>* told) {
  std::vector<NumberedStep> all;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    NumberedStep step;
    step.kind = steps[i].kind;
    if (step.kind == Step::Kind::kDelRange) {
      step.range = keys_in(steps[i].range);
    } else {
      step.key = number_of(steps[i].key);
    }
    step.amount = steps[i].amount;
    if (step.kind == Step::Kind::kPut || step.kind == Step::Kind::kAppend) {
      step.value = value_number(step.key, steps[i].value);
    }
    if (told != nullptr) {
      step.told = &(*told)[i];
      if (step.told->value) step.value_told = texts_.number_of(*step.told->value);
    }
    all.push_back(std::move(step));
  }
  return all;
}

GroupModel::Action GroupModel::action_of(const Wording& wording, bool answered) {
  const auto& [transaction, result] = wording;
  Action action;
  action.answered = answered;
  action.succeeded = result.succeeded;
  action.compares_slots = history::compares_slots(transaction);
  for (const Compare& compare : transaction.compares) {
    if (compares_slot(compare)) continue;
    const KeyNumber key = number_of(compare.key);
    const bool has_value = compare.target == Compare::Target::kValue;
    action.compares.push_back({&compare, key, has_value ? texts_.number_of(compare.value) : 0});
  }
  RKV_CHECK(!answered || branch_of(transaction, result.succeeded).size() == result.results.size(),
            "an answered transaction has a result for each step of the branch that ran");
  const auto told = [answered, &it = result](bool branch) {
    return answered && branch == it.succeeded ? &it.results : nullptr;
  };
  action.then = numbered(transaction.then, told(true));
  action.otherwise = numbered(transaction.otherwise, told(false));
  if (!answered) return action;
  const std::vector<NumberedStep>& ran = result.succeeded ? action.then : action.otherwise;
  action.changes_nothing = std::all_of(ran.begin(), ran.end(), [](const NumberedStep& step) {
    return step.kind == Step::Kind::kGet || (step.kind == Step::Kind::kDel && !step.told->found) ||
           (step.kind == Step::Kind::kDelRange && step.told->removed == 0);
  });
  return action;
}

// By the first step that touches a key, and by the compares that are known to have held.
void GroupModel::find_needs(Action& action) const {
  std::map<KeyNumber, std::optional<std::uint64_t>> needs;
  for (const NumberedCompare& compare : action.compares) {
    std::optional<std::uint64_t>& need = needs[compare.key];
    const bool is_equal = compare.compare->relation == Compare::Relation::kEqual;
    const std::uint64_t number = compare.compare->number;
    const bool is_exact = compare.compare->target == Compare::Target::kVersion ||
                          (compare.compare->target == Compare::Target::kExists && number == 0);
    if (action.succeeded && is_equal && is_exact) need = number;
  }
  std::set<KeyNumber> touched;
  for (const NumberedStep& step : action.succeeded ? action.then : action.otherwise) {
    if (step.kind == Step::Kind::kDelRange) {
      for (const KeyNumber key : step.range) {
        const bool is_absent = touched.insert(key).second && step.told->removed == 0;
        std::optional<std::uint64_t>& need = needs[key];
        if (is_absent && !need) need = 0;
      }
      continue;
    }
    const bool is_first = touched.insert(step.key).second;
    std::optional<std::uint64_t>& need = needs[step.key];
    if (!is_first || need) continue;
    const bool needs_key = step.kind == Step::Kind::kGet || step.kind == Step::Kind::kDel;
    if (needs_key && !step.told->found) {
      need = 0;
    } else if (step.told->version) {
      const std::uint64_t version = *step.told->version;
      need = needs_key || version == 0 ? version : version - 1;
    }
  }
  action.needs_all = true;
  for (const auto& [key, version] : needs) {
    if (version) {
      action.needs.push_back({key, *version});
    } else {
      action.needs_all = false;
    }
  }
}

void GroupModel::find_writes(Action& action) {
  std::set<KeyNumber> writes;
  std::set<KeyNumber> removes;
  for (const std::vector<NumberedStep>* steps : {&action.then, &action.otherwise}) {
    for (const NumberedStep& step : *steps) {
      if (step.kind == Step::Kind::kDelRange) {
        removes.insert(step.range.begin(), step.range.end());
      } else if (step.kind == Step::Kind::kDel) {
        removes.insert(step.key);
      } else if (step.kind != Step::Kind::kGet) {
        writes.insert(step.key);
      }
    }
  }
  action.writes.assign(writes.begin(), writes.end());
  action.removes.assign(removes.begin(), removes.end());
}

// ---- what they do ------------------------------------------------------------------------------

bool GroupModel::holds(const NumberedCompare& compare) const {
  const Cell& cell = now_[compare.key];
  const bool is_there = cell.value != TextTable::kAbsent;
  const Compare::Relation relation = compare.compare->relation;
  const std::uint64_t number = compare.compare->number;
  switch (compare.compare->target) {
    case Compare::Target::kExists:
      return history::holds(relation, std::uint64_t{is_there}, number);
    case Compare::Target::kVersion:
      return history::holds(relation, cell.version, number);
    case Compare::Target::kCreated:
    case Compare::Target::kModified:
      RKV_CHECK(false, "a compare of slots has no number");
    case Compare::Target::kValue:
      break;
  }
  if (!is_there) return relation == Compare::Relation::kNotEqual;
  return history::holds(relation, texts_.text(cell.value), compare.compare->value);
}

GroupModel::Done GroupModel::change(const NumberedStep& step, TextNumber value) {
  Cell& cell = now_[step.key];
  cell.value = value;
  if (counts_versions_) ++cell.version;
  const bool fits =
      step.told == nullptr || !step.told->version || *step.told->version == cell.version;
  return fits ? Done::kDone : Done::kOtherwiseThanTold;
}

GroupModel::Done GroupModel::remove_range(const NumberedStep& step) {
  std::uint64_t removed = 0;
  bool more = false;
  for (const KeyNumber key : step.range) {
    Cell& cell = now_[key];
    if (cell.value == TextTable::kAbsent) continue;
    more = removed == kDelRangeMax;
    if (more) break;
    cell = Cell();
    ++removed;
  }
  if (step.told == nullptr || !step.told->removed) return Done::kDone;
  const bool fits = *step.told->removed == removed && step.told->more == more;
  return fits ? Done::kDone : Done::kOtherwiseThanTold;
}

GroupModel::Done GroupModel::run(const NumberedStep& step) {
  if (step.kind == Step::Kind::kDelRange) return remove_range(step);
  Cell& cell = now_[step.key];
  switch (step.kind) {
    case Step::Kind::kPut:
      return change(step, step.value);
    case Step::Kind::kAppend:
      return change(step, texts_.append(cell.value, step.value));
    case Step::Kind::kIncr: {
      const std::optional<std::int64_t> number = texts_.incremented(cell.value, step.amount);
      if (!number) return Done::kRefused;
      if (step.told != nullptr && step.told->number && *step.told->number != *number) {
        return Done::kOtherwiseThanTold;
      }
      return change(step, texts_.number_of(std::to_string(*number)));
    }
    case Step::Kind::kGet:
    case Step::Kind::kDel:
    case Step::Kind::kDelRange:
      break;
  }
  const bool is_there = cell.value != TextTable::kAbsent;
  if (step.told != nullptr) {
    if (step.told->found != is_there) return Done::kOtherwiseThanTold;
    const bool is_value_told = is_there && step.value_told != TextTable::kAbsent;
    if (is_value_told && step.value_told != cell.value) return Done::kOtherwiseThanTold;
    const bool is_version_told = is_there && step.told->version.has_value();
    if (is_version_told && *step.told->version != cell.version) return Done::kOtherwiseThanTold;
  }
  if (step.kind == Step::Kind::kDel) cell = Cell();
  return Done::kDone;
}

std::optional<State> GroupModel::apply(const State& state, std::size_t part) {
  const Action& action = actions_[part];
  const auto begin = cells_.begin() + static_cast<std::ptrdiff_t>(state.number * now_.size());
  now_.assign(begin, begin + static_cast<std::ptrdiff_t>(keys_.size()));
  bool succeeded = std::all_of(action.compares.begin(), action.compares.end(),
                               [this](const NumberedCompare& compare) { return holds(compare); });
  if (action.compares_slots && !action.succeeded) succeeded = false;
  if (action.answered && succeeded != action.succeeded) return std::nullopt;
  for (const NumberedStep& step : succeeded ? action.then : action.otherwise) {
    const Done done = run(step);
    if (done == Done::kDone) continue;
    if (action.answered) return std::nullopt;
    return state;  // it is refused here, and nothing happens
  }
  return action.changes_nothing ? state : State{number_of_cells(), 0};
}

// Of the state that now_ is.
std::uint32_t GroupModel::number_of_cells() {
  const auto number = static_cast<std::uint32_t>(states_.size());
  cells_.insert(cells_.end(), now_.begin(), now_.end());
  const auto [found, is_new] = states_.insert(number);
  if (!is_new) cells_.resize(cells_.size() - now_.size());
  return *found;
}

bool GroupModel::is_full() const {
  return cells_.size() > kCellsMax || texts_.bytes() > kTextBytesMax;
}

// ---- what could help ---------------------------------------------------------------------------

bool GroupModel::may_help(std::size_t part, const State& after, const Blocked& blocked) {
  std::fill(may_grow_.begin(), may_grow_.end(), false);
  std::fill(may_vanish_.begin(), may_vanish_.end(), false);
  for (const std::size_t other : blocked.unused) {
    if (other == part) continue;
    for (const KeyNumber key : actions_[other].writes) may_grow_[key] = true;
    for (const KeyNumber key : actions_[other].removes) may_vanish_[key] = true;
  }
  return std::any_of(
      blocked.candidates.begin(), blocked.candidates.end(),
      [&](std::size_t candidate) { return may_come(actions_[candidate], candidate, after); });
}

// Versions go up by one, or to 0 with their key.
bool GroupModel::may_come(const Action& candidate, std::size_t part, const State& state) {
  bool is_settled = candidate.needs_all;
  for (const Need& need : candidate.needs) {
    const std::uint64_t version = cells_[state.number * keys_.size() + need.key].version;
    if (version > need.version && !may_vanish_[need.key]) return false;
    if (version < need.version && !may_grow_[need.key]) return false;
    if (version != need.version || may_vanish_[need.key]) is_settled = false;
  }
  return !is_settled || apply(state, part).has_value();
}

std::string GroupModel::to_text(const State& state, const std::vector<std::string>& keys) const {
  std::string text;
  for (const std::string& key : keys) {
    if (!text.empty()) text += "; ";
    text += '"' + printable(key, 40) + '"';
    const auto found = key_numbers_.find(key);
    const Cell cell =
        found == key_numbers_.end() ? Cell() : cells_[state.number * keys_.size() + found->second];
    if (cell.value == TextTable::kAbsent) {
      text += " is not there";
      continue;
    }
    text += cell.value == TextTable::kNotTold
                ? " has a value that nobody read"
                : " = \"" + printable(texts_.text(cell.value), 40) + '"';
    if (counts_versions_) text += ", version " + std::to_string(cell.version);
  }
  return text;
}

}  // namespace rkv::history
