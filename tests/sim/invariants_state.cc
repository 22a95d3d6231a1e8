#include "sim/invariants_state.h"

#include <algorithm>

#include "base/check.h"
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

KeyState States::state_at(const std::vector<KeyAt>& history, Position position) {
  const auto behind =
      std::upper_bound(history.begin(), history.end(), position,
                       [](Position at, const KeyAt& state) { return at < state.position; });
  return behind == history.begin() ? KeyState() : std::prev(behind)->state;
}

void States::apply_to_model(Position position, const SharedBytes& bytes) {
  Expected& expected = expected_.emplace_back();
  expected.command = hash_of(bytes);
  if (bytes == nullptr) return;
  const Result<kv::Command> decoded = kv::decode_command(*bytes);
  RKV_CHECK(decoded.ok(), "clients send commands");
  const kv::Command& command = decoded.value();
  ClientState& client = clients_[command.operation.client];
  client.first_outstanding =
      std::max(client.first_outstanding, command.operation.first_outstanding);
  if (client.effects.contains(command.operation.sequence) ||
      command.operation.sequence < client.first_outstanding) {
    return;  // it has taken effect, or may no more
  }
  std::vector<KeyAt>& history = keys_[command.key];
  expected.change = change_by(command, history.empty() ? KeyState() : history.back().state);
  client.effects[command.operation.sequence] = {position, expected.change.told_version};
  if (!expected.change.key.empty()) history.push_back({position, expected.change.after});
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
  const KeyChange& expected = expected_[position - 1].change;
  if (expected.key.empty() && !changes.empty()) {
    fail("an operation takes effect once", replica, position,
         "changes its state, though nothing is to be changed here");
  } else if (!is_so(changes, expected, position)) {
    fail("applied prefixes are equal", replica, position, "changes its state otherwise");
  }
}

// ---- Clients ----

void States::acknowledged(const OperationId& operation, const kv::Applied& result,
                          Position seen_before) {
  const auto client = clients_.find(operation.client);
  const std::string name =
      "write " + std::to_string(operation.client) + "/" + std::to_string(operation.sequence);
  if (client == clients_.end() || !client->second.effects.contains(operation.sequence)) {
    violation_.report("what is acknowledged is chosen", name + " was acknowledged, and is not");
    return;
  }
  const Effect& effect = client->second.effects.at(operation.sequence);
  if (effect.version != result.version) {
    violation_.report("a write returns what it did",
                      name + " made version " + std::to_string(effect.version) +
                          " and was told version " + std::to_string(result.version));
  }
  if (effect.position <= seen_before) {
    violation_.report("writes are in the order of real time",
                      name + " is at position " + std::to_string(effect.position) +
                          ", but began after a client had seen position " +
                          std::to_string(seen_before));
  }
  seen_ = std::max(seen_, effect.position);
}

void States::read(std::string_view key, const kv::Entry* entry, Position position,
                  Position seen_before) {
  const std::string name =
      "a read of " + std::string(key) + " at position " + std::to_string(position);
  if (position < seen_before) {
    violation_.report("reads are not stale", name + " began after a client had seen position " +
                                                 std::to_string(seen_before));
  }
  const auto found = keys_.find(key);
  const KeyState state = found == keys_.end() ? KeyState() : state_at(found->second, position);
  const bool same = position <= expected_.size() && is_so(entry, state);
  if (!same) violation_.report("reads return what was chosen", name + " returned something else");
  seen_ = std::max(seen_, position);
}

}  // namespace rkv::sim
