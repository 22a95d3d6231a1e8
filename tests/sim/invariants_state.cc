#include "sim/invariants_state.h"

#include <algorithm>

#include "base/check.h"
#include "kv/transaction_codec.h"
#include "sim/paxos_hash.h"

namespace rkv::sim {

void States::fail(std::string_view invariant, ReplicaId replica, Position position,
                  std::string what) {
  violation_.report(invariant, "replica " + std::to_string(replica.value) + ", position " +
                                   std::to_string(position) + ": " + std::move(what));
}

void States::started(ReplicaId replica, Position position) {
  applied_[replica.value - 1] = position;
}

// ---- The model ----

KeyState States::state_at(std::string_view key, Position position) const {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return {};
  const auto behind =
      std::upper_bound(found->second.begin(), found->second.end(), position,
                       [](Position at, const KeyAt& state) { return at < state.position; });
  return behind == found->second.begin() ? KeyState() : std::prev(behind)->state;
}

// Of the keys of a range; an empty end: to the last one.
KeyStates States::states_at(Position position, std::string_view first, std::string_view end) const {
  KeyStates states;
  for (auto it = keys_.lower_bound(first); it != keys_.end(); ++it) {
    if (!end.empty() && it->first >= end) break;
    states[it->first] = state_at(it->first, position);
  }
  return states;
}

void States::run(const kv::Command& command, Position position, Expected& expected) {
  expected.effect = effect_of(command, now_, position);
  for (const auto& [key, state] : expected.effect.changes) {
    keys_[key].push_back({position, state});
    now_[key] = state;
  }
}

void States::apply_to_model(Position position, const SharedBytes& bytes) {
  Expected& expected = expected_.emplace_back();
  expected.command = hash_of(bytes);
  expected.first = position;
  if (bytes == nullptr) return;
  const Result<kv::Command> decoded = kv::decode_command(*bytes);
  RKV_CHECK(decoded.ok(), "clients send commands");
  const kv::Command& command = decoded.value();
  expected.operation = command.operation;
  if (command.kind == kv::Command::Kind::kEpoch) {
    sessions_.begin_epoch(command.epoch);
    return;
  }
  const OperationKey key{command.operation.client, command.operation.sequence};
  using Outcome = kv::Applied::Outcome;
  switch (sessions_.judge(command.operation)) {
    case SessionModel::Verdict::kRepeat:
      expected.first = done_.at(key);
      return;
    case SessionModel::Verdict::kExpired:
      expected.effect.outcome = Outcome::kExpired;
      return;
    case SessionModel::Verdict::kTooEarly:
      violation_.report("an epoch is known when it has begun",
                        "a command has a sequence of an epoch that is far");
      return;
    case SessionModel::Verdict::kFull:
      expected.effect.outcome = Outcome::kFull;
      return;
    case SessionModel::Verdict::kDo:
      break;
  }
  run(command, position, expected);
  const std::optional<kv::StepsResult>& told = expected.effect.told;
  sessions_.remember(command.operation, told ? kv::encode_result(*told).size() : 0);
  if (!done_.try_emplace(key, position).second) {
    violation_.report("an operation takes effect once",
                      "write " + std::to_string(key.first) + "/" + std::to_string(key.second) +
                          " would take effect again at position " + std::to_string(position));
  }
  if (refused_.contains(key)) {
    violation_.report("what is refused never happens",
                      "write " + std::to_string(key.first) + "/" + std::to_string(key.second) +
                          " takes effect at position " + std::to_string(position) +
                          ", but its client was told that nothing comes of it");
  }
}

// ---- Replicas ----

void States::applies(ReplicaId replica, Position position, const SharedBytes& command) {
  Position& last = applied_[replica.value - 1];
  if (position != last + 1) {
    fail("applied in order, and once", replica, position,
         "applied after position " + std::to_string(last));
    return;
  }
  last = position;
  if (!votes_.is_chosen(position)) {
    fail("nothing is applied that is not chosen", replica, position, "is not chosen");
    return;
  }
  if (votes_.chosen_command(position) != hash_of(command)) {
    fail("what is applied is what is chosen", replica, position, "applies another command");
    return;
  }
  // The first one to come here shows the model what was chosen.
  if (position == expected_.size() + 1) apply_to_model(position, command);
}

void States::changes(ReplicaId replica, Position position, const std::vector<kv::Change>& changes) {
  if (position > expected_.size()) {
    fail("applied prefixes are equal", replica, position, "changes its state unasked");
    return;
  }
  const Effect& expected = expected_[position - 1].effect;
  if (expected.changes.empty() && !changes.empty()) {
    fail("an operation takes effect once", replica, position,
         "changes its state, though nothing is to be changed here");
  } else if (!is_so(changes, expected, position)) {
    fail("applied prefixes are equal", replica, position, "changes its state otherwise");
  }
}

// The answer names the position where the operation was done, or where it was refused.
void States::answers(ReplicaId replica, const kv::Command& command, const kv::Applied& applied) {
  const std::string name = "write " + std::to_string(command.operation.client) + "/" +
                           std::to_string(command.operation.sequence);
  if (applied.position == 0 || applied.position > expected_.size()) {
    return fail("what is acknowledged is chosen", replica, applied.position, name + " is answered");
  }
  const Expected& expected = expected_[applied.position - 1];
  // One that came without an id was given one.
  const bool is_named = command.operation.client != 0;
  if (is_named && expected.operation != command.operation &&
      (expected.operation.client != command.operation.client ||
       expected.operation.sequence != command.operation.sequence)) {
    return fail("a write returns what it did", replica, applied.position,
                name + " is answered with what another one did");
  }
  if (expected.first != applied.position || !tells(applied, expected.effect)) {
    fail("a write returns what it did", replica, applied.position,
         name + " is told something else");
  }
}

void States::answers_read(std::string_view key, const kv::Entry* entry, Position position) {
  if (position <= expected_.size() && is_so(entry, state_at(key, position))) return;
  violation_.report("reads return what was chosen", "a read of " + std::string(key) +
                                                        " at position " + std::to_string(position) +
                                                        " returned something else");
}

void States::answers_read(const kv::Transaction& transaction, const kv::Applied& applied) {
  const Position position = applied.position;
  KeyStates states;
  for (const std::string& key : kv::keys_of(transaction)) states[key] = state_at(key, position);
  if (position <= expected_.size() && tells(applied, effect_of(transaction, states, position))) {
    return;
  }
  violation_.report("reads return what was chosen", "a read of several keys at position " +
                                                        std::to_string(position) +
                                                        " returned something else");
}

void States::answers_scan(const kv::Scan& scan, const kv::ScanPage& page) {
  const std::string flaw =
      page.position > expected_.size() ? "is of a state that is not there yet"
      : scan.at != 0 && page.position != scan.at
          ? "is not of the position that was asked for"
          : flaw_of(page, scan, states_at(page.position, scan.first, scan.end));
  if (flaw.empty()) return;
  violation_.report("a listing is of one state", "a page at position " +
                                                     std::to_string(page.position) + " from " +
                                                     printable(scan.first) + " " + flaw);
}

void States::promised(Position position, const ReadPromise& promise) {
  if (position < promise.seen) {
    violation_.report("reads are not stale", "a read at position " + std::to_string(position) +
                                                 " was to see position " +
                                                 std::to_string(promise.seen));
  }
  const auto behind =
      std::lower_bound(acknowledged_.begin(), acknowledged_.end(), promise.since,
                       [](const Acknowledged& it, TimePoint since) { return it.at < since; });
  if (behind == acknowledged_.begin() || std::prev(behind)->position <= position) return;
  violation_.report("reads are as new as was asked for",
                    "a read at position " + std::to_string(position) + " lacks position " +
                        std::to_string(std::prev(behind)->position) +
                        ", which was acknowledged long enough ago");
}

// ---- Clients ----

void States::acknowledged(const OperationId& operation, const kv::Applied& result,
                          Position seen_before, TimePoint now) {
  const std::string name =
      "write " + std::to_string(operation.client) + "/" + std::to_string(operation.sequence);
  const auto done = done_.find({operation.client, operation.sequence});
  if (operation.client != 0 && (done == done_.end() || done->second != result.position)) {
    violation_.report("what is acknowledged is chosen", name + " was acknowledged, and is not");
    return;
  }
  if (result.position <= seen_before) {
    violation_.report("writes are in the order of real time",
                      name + " is at position " + std::to_string(result.position) +
                          ", but began after a client had seen position " +
                          std::to_string(seen_before));
  }
  seen_at(result.position);
  const Position highest = acknowledged_.empty() ? 0 : acknowledged_.back().position;
  acknowledged_.push_back({now, std::max(highest, result.position)});
}

void States::refused(const OperationId& operation) {
  const OperationKey key{operation.client, operation.sequence};
  refused_.insert(key);
  if (!done_.contains(key)) return;
  violation_.report("what is refused never happens",
                    "write " + std::to_string(key.first) + "/" + std::to_string(key.second) +
                        " was refused, but took effect at position " +
                        std::to_string(done_.at(key)));
}

}  // namespace rkv::sim
