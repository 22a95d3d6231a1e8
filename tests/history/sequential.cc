#include "sequential.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace rkv::history {
namespace {

// What a key is behind a write, as far as that is known.
struct Effect {
  bool is_there = false;
  std::optional<std::string> value;
  std::optional<std::uint64_t> version;
};

struct Write {
  Effect effect;
  const Operation* operation = nullptr;
};

// What is known of the writes of one key.
struct Writes {
  std::map<std::uint64_t, Write> by_slot;
  // Of unknown slots: what they may have made, when they took effect.
  std::vector<std::pair<Effect, Time>> elsewhere;
  std::optional<Time> anything_from;  // an unknown write may have made anything since then
  bool is_ambiguous = false;
};

struct Read {
  const Operation* operation = nullptr;
  std::string key;
  Effect seen;
};

std::string line_of(const Operation& operation) { return "\n    " + to_text(operation); }

// What a step makes of its key, by what it was told; nothing if it leaves the key as it is.
std::optional<Effect> effect_of(const Step& step, const StepResult& result) {
  switch (step.kind) {
    case Step::Kind::kGet:
      return std::nullopt;
    case Step::Kind::kDel:
      if (!result.found) return std::nullopt;
      return Effect();
    case Step::Kind::kPut:
      return Effect{true, step.value, result.version};
    case Step::Kind::kIncr: {
      std::optional<std::string> value;
      if (result.number) value = std::to_string(*result.number);
      return Effect{true, std::move(value), result.version};
    }
    case Step::Kind::kAppend:
      break;
  }
  return Effect{true, std::nullopt, result.version};
}

// The effects of an answered write, by key; the last one of each.
std::map<std::string, Effect> effects_of(const Operation& operation) {
  std::map<std::string, Effect> effects;
  if (operation.kind == Kind::kPut) {
    effects[operation.key] = {true, operation.argument, operation.version};
  } else if (operation.kind == Kind::kDel) {
    if (operation.outcome == Outcome::kOk) effects[operation.key] = {};
  } else if (operation.kind == Kind::kTransact) {
    const std::vector<Step>& steps =
        branch_of(operation.transaction, operation.transacted.succeeded);
    const std::vector<StepResult>& results = operation.transacted.results;
    for (std::size_t i = 0; i < std::min(steps.size(), results.size()); ++i) {
      const std::optional<Effect> effect = effect_of(steps[i], results[i]);
      if (effect) effects[steps[i].key] = *effect;
    }
  }
  return effects;
}

// Takes down a write of which nobody knows the slot.
void add_elsewhere(const Operation& operation, std::map<std::string, Writes>& keys) {
  if (operation.kind == Kind::kTransact) {
    for (const std::string& key : keys_of(operation)) {
      std::optional<Time>& from = keys[key].anything_from;
      from = std::min(from.value_or(kNever), operation.invoked);
    }
    return;
  }
  Effect effect;
  if (operation.kind == Kind::kPut) effect = {true, operation.argument, operation.version};
  keys[operation.key].elsewhere.emplace_back(std::move(effect), operation.invoked);
}

std::map<std::string, Writes> writes_of(const History& history) {
  std::map<std::string, Writes> keys;
  for (const Operation& operation : history) {
    if (is_read(operation) || operation.outcome == Outcome::kRefused) continue;
    if (operation.outcome == Outcome::kUnknown) {
      add_elsewhere(operation, keys);
      continue;
    }
    for (auto& [key, effect] : effects_of(operation)) {
      if (!operation.position) {
        add_elsewhere(operation, keys);
        break;
      }
      Writes& writes = keys[key];
      const bool is_new =
          writes.by_slot.try_emplace(*operation.position, Write{effect, &operation}).second;
      if (!is_new) writes.is_ambiguous = true;
    }
  }
  return keys;
}

std::vector<Read> reads_of(const Operation& operation) {
  std::vector<Read> reads;
  if (operation.kind == Kind::kGet) {
    Effect seen{operation.outcome == Outcome::kOk, std::nullopt, operation.version};
    if (seen.is_there) seen.value = operation.value;
    reads.push_back({&operation, operation.key, std::move(seen)});
  } else if (operation.kind == Kind::kTransact) {
    const std::vector<Step>& steps =
        branch_of(operation.transaction, operation.transacted.succeeded);
    const std::vector<StepResult>& results = operation.transacted.results;
    for (std::size_t i = 0; i < std::min(steps.size(), results.size()); ++i) {
      reads.push_back(
          {&operation, steps[i].key, {results[i].found, results[i].value, results[i].version}});
    }
  }
  return reads;
}

bool fits(const Effect& made, const Effect& seen) {
  if (made.is_there != seen.is_there) return false;
  if (!made.is_there) return true;
  if (made.value && seen.value && *made.value != *seen.value) return false;
  return !made.version || !seen.version || *made.version == *seen.version;
}

// Nothing if the read may have seen this; else why not.
std::string reason_against(const Read& read, const Writes& writes) {
  const Operation& operation = *read.operation;
  const auto behind = writes.by_slot.upper_bound(*operation.position);
  const Write* const last = behind == writes.by_slot.begin() ? nullptr : &std::prev(behind)->second;
  if (fits(last == nullptr ? Effect() : last->effect, read.seen)) return {};
  if (writes.anything_from && *writes.anything_from <= operation.returned) return {};
  for (const auto& [effect, since] : writes.elsewhere) {
    if (since <= operation.returned && fits(effect, read.seen)) return {};
  }
  std::string text = "key \"" + printable(read.key) + "\": this read, at slot " +
                     std::to_string(*operation.position) + "," + line_of(operation);
  if (last == nullptr) return text + "\n  saw what no write up to that slot made";
  return text + "\n  did not see the last write up to that slot:" + line_of(*last->operation);
}

// The first process that was told a lower slot later; empty: none was.
std::string step_back_of(const std::vector<const Operation*>& operations) {
  std::vector<const Operation*> by_return = operations;
  std::stable_sort(by_return.begin(), by_return.end(), [](const Operation* a, const Operation* b) {
    return a->returned < b->returned;
  });
  std::vector<const Operation*> by_request = operations;
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
    if (highest == nullptr || *operation->position >= *highest->position) continue;
    return "process " + std::to_string(operation->process) + " went back: after" +
           line_of(*highest) + "\n  it was told" + line_of(*operation);
  }
  return {};
}

bool has_position(const Operation& operation) {
  return operation.position &&
         (operation.outcome == Outcome::kOk || operation.outcome == Outcome::kNotFound);
}

}  // namespace

SequentialReport check_sequential(const History& history) {
  SequentialReport report;
  std::map<std::uint64_t, std::vector<const Operation*>> processes;
  for (const Operation& operation : history) {
    if (!has_position(operation)) continue;
    ++report.positions;
    if (is_read(operation) && operation.consistency == Consistency::kEventual) continue;
    processes[operation.process].push_back(&operation);
  }
  if (report.positions == 0) return report;
  for (const auto& [process, operations] : processes) {
    report.explanation = step_back_of(operations);
    if (!report.explanation.empty()) break;
  }
  const std::map<std::string, Writes> keys = writes_of(history);
  const Writes no_writes;
  for (const Operation& operation : history) {
    if (!report.explanation.empty()) break;
    if (!is_read(operation) || !has_position(operation)) continue;
    for (const Read& read : reads_of(operation)) {
      const auto found = keys.find(read.key);
      const Writes& writes = found == keys.end() ? no_writes : found->second;
      if (writes.is_ambiguous) continue;
      ++report.values;
      report.explanation = reason_against(read, writes);
      if (!report.explanation.empty()) break;
    }
  }
  report.holds = report.explanation.empty();
  return report;
}

}  // namespace rkv::history
