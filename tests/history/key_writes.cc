#include "key_writes.h"

#include <algorithm>

namespace rkv::history {
namespace {

using Keys = std::map<std::string, KeyWrites>;

template <typename Told>
bool fits_told(const std::optional<Told>& made, const std::optional<Told>& seen) {
  return !made || !seen || *made == *seen;
}

// What a step makes of its key, by what it was told; nothing if it leaves the key as it is.
std::optional<KeyState> state_behind(const Step& step, const StepResult& result) {
  KeyState state;
  state.is_there = true;
  state.version = result.version;
  switch (step.kind) {
    case Step::Kind::kGet:
      return std::nullopt;
    case Step::Kind::kDel:
      if (!result.found) return std::nullopt;
      return KeyState();
    case Step::Kind::kPut:
      state.value = step.value;
      return state;
    case Step::Kind::kIncr:
      if (result.number) state.value = std::to_string(*result.number);
      return state;
    case Step::Kind::kAppend:
      return state;
    case Step::Kind::kDelRange:
      break;
  }
  return KeyState();
}

void add_anything(KeyWrites& writes, Time since) {
  writes.anything_from = std::min(writes.anything_from.value_or(kNever), since);
}

// Takes in a write of which nobody knows the slot.
void add_elsewhere(const Operation& operation, Keys& keys) {
  if (operation.kind != Kind::kTransact) {
    KeyState state;
    if (operation.kind == Kind::kPut) {
      state.is_there = true;
      state.value = operation.argument;
      state.version = operation.version;
    }
    keys[operation.key].elsewhere.push_back({std::move(state), operation.invoked});
    return;
  }
  for (const std::string& key : keys_of(operation)) add_anything(keys[key], operation.invoked);
  for (auto& [key, writes] : keys) {
    if (removes(operation.transaction, key)) add_anything(writes, operation.invoked);
  }
}

// The states behind one write, by key; the last one of each.
class States {
 public:
  explicit States(const Operation& operation) : operation_(operation) {}

  void add(const std::string& key, KeyState state) {
    const auto [found, is_new] = writes_.try_emplace(key);
    KeyWrites::Write& write = found->second;
    write.is_made_anew |= !is_new && !write.state.is_there;
    write.state = std::move(state);
    write.operation = &operation_;
  }
  std::map<std::string, KeyWrites::Write> take() { return std::move(writes_); }

 private:
  const Operation& operation_;
  std::map<std::string, KeyWrites::Write> writes_;
};

// Of an answered transaction.
void add_steps(const Operation& operation, Keys& keys, States& states) {
  const std::vector<Step>& steps = branch_of(operation.transaction, operation.transacted.succeeded);
  const std::vector<StepResult>& results = operation.transacted.results;
  for (std::size_t i = 0; i < std::min(steps.size(), results.size()); ++i) {
    std::optional<KeyState> state = state_behind(steps[i], results[i]);
    if (!state) continue;
    if (steps[i].kind != Step::Kind::kDelRange) {
      states.add(steps[i].key, *std::move(state));
      continue;
    }
    const Range& range = steps[i].range;
    for (auto key = keys.lower_bound(range.first); key != keys.end(); ++key) {
      if (!range.contains(key->first)) break;
      // Which ones were left is not told.
      if (results[i].more) add_anything(key->second, operation.invoked);
      if (!results[i].more) states.add(key->first, KeyState());
    }
  }
}

std::map<std::string, KeyWrites::Write> writes_of(const Operation& operation, Keys& keys) {
  States states(operation);
  KeyState state;
  state.is_there = operation.kind == Kind::kPut;
  state.version = operation.version;
  if (operation.kind == Kind::kPut) {
    state.value = operation.argument;
    states.add(operation.key, std::move(state));
  } else if (operation.kind == Kind::kDel) {
    if (operation.outcome == Outcome::kOk) states.add(operation.key, KeyState());
  } else {
    add_steps(operation, keys, states);
  }
  return states.take();
}

void add_write(const Operation& operation, Keys& keys) {
  if (operation.outcome == Outcome::kUnknown) {
    add_elsewhere(operation, keys);
    return;
  }
  std::map<std::string, KeyWrites::Write> made = writes_of(operation, keys);
  if (!operation.position) {
    if (!made.empty()) add_elsewhere(operation, keys);
    return;
  }
  for (auto& [key, write] : made) {
    KeyWrites& writes = keys[key];
    if (!writes.by_slot.try_emplace(*operation.position, std::move(write)).second) {
      writes.is_ambiguous = true;
    }
  }
}

void find_slots(KeyWrites& writes) {
  std::uint64_t created = 0;  // of the key that is there; 0: it is not
  for (auto& [slot, write] : writes.by_slot) {
    if (!write.state.is_there) {
      created = 0;
      continue;
    }
    if (created == 0 || write.is_made_anew) created = slot;
    write.state.created = created;
    write.state.modified = slot;
  }
}

bool is_write(const Operation& operation) {
  return !is_read(operation) && operation.outcome != Outcome::kRefused;
}

}  // namespace

bool fits(const KeyState& made, const KeyState& seen) {
  if (made.is_there != seen.is_there) return false;
  if (!made.is_there) return true;
  return fits_told(made.value, seen.value) && fits_told(made.version, seen.version) &&
         fits_told(made.created, seen.created) && fits_told(made.modified, seen.modified);
}

const KeyWrites::Write* KeyWrites::last_up_to(std::uint64_t slot) const {
  const auto behind = by_slot.upper_bound(slot);
  return behind == by_slot.begin() ? nullptr : &std::prev(behind)->second;
}

bool KeyWrites::may_be_unknown_at(Time time) const {
  if (anything_from && *anything_from <= time) return true;
  return std::any_of(elsewhere.begin(), elsewhere.end(),
                     [time](const Elsewhere& write) { return write.since <= time; });
}

Keys writes_by_key(const History& history) {
  Keys keys;
  for (const Operation& operation : history) {
    if (!is_write(operation)) continue;
    for (const std::string& key : keys_of(operation)) keys.try_emplace(key);
  }
  for (const Operation& operation : history) {
    if (is_write(operation)) add_write(operation, keys);
  }
  for (auto& [key, writes] : keys) find_slots(writes);
  return keys;
}

}  // namespace rkv::history
