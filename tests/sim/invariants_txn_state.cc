#include "sim/invariants_txn_state.h"

#include <algorithm>

#include "base/check.h"
#include "sim/hash.h"
#include "sim/txn_text.h"

namespace rkv::sim {

using twopc::TxnId;

void TxnStates::fail(std::string_view invariant, ReplicaId replica, Position position,
                     const std::string& what) {
  violation_.report(invariant, "replica " + std::to_string(replica.value) + ", position " +
                                   std::to_string(position) + ": " + what);
}

// What was applied and not saved is applied again.
void TxnStates::started(ReplicaId replica, Position position) {
  Replica& self = of(replica);
  RKV_CHECK(position <= self.applied.size() || violation_.found(), "what is saved was applied");
  self.applied.resize(position);
  for (auto& [key, places] : self.places) {
    places.erase(std::upper_bound(places.begin(), places.end(), position), places.end());
  }
}

// Whether this replica has applied all that the model has, of each of its keys.
bool TxnStates::is_next(const Replica& replica, const TxnId& id) const {
  const std::vector<std::string>& keys = transactions_.keys_of(id);
  return std::all_of(keys.begin(), keys.end(), [&](const std::string& name) {
    const auto key = keys_.find(name);
    const auto places = replica.places.find(name);
    const std::size_t applied = places == replica.places.end() ? 0 : places->second.size();
    return applied == (key == keys_.end() ? 0 : key->second.order.size());
  });
}

void TxnStates::apply_to_model(const TxnId& id, const SharedBytes& bytes) {
  const Result<kv::Command> decoded = kv::decode_command(*bytes);
  RKV_CHECK(decoded.ok(), "clients send commands");
  remember(decoded.value());
  KeyStates before;
  for (const std::string& name : transactions_.keys_of(id)) {
    Key& key = keys_[name];
    if (!key.states.empty()) before[name] = key.states.back();
  }
  const Effect effect = effect_of(decoded.value(), before, 0);
  for (const std::string& name : transactions_.keys_of(id)) {
    const auto changed = effect.changes.find(name);
    Key& key = keys_[name];
    key.order.push_back(id);
    key.states.push_back(changed == effect.changes.end() ? before[name] : changed->second);
  }
  effects_.emplace(id, effect);
}

void TxnStates::remember(const kv::Command& command) {
  if (command.kind == kv::Command::Kind::kEpoch) {
    epoch_ = std::max(epoch_, command.epoch);
  } else if (command.operation.client != 0) {
    Session& session = sessions_[command.operation.client];
    session.first_outstanding =
        std::max(session.first_outstanding, command.operation.first_outstanding);
    session.sequences.insert(command.operation.sequence);
  }
}

bool TxnStates::may_be_expired(const OperationId& operation) const {
  const std::uint64_t sequence = operation.sequence;
  // The next epoch is the last one that is taken by who is not behind.
  if (kv::epoch_of(sequence) + 1 < epoch_ || kv::epoch_of(sequence) > epoch_) return true;
  if (sequence < operation.first_outstanding) return true;
  const auto found = sessions_.find(operation.client);
  if (found == sessions_.end()) return false;
  const Session& session = found->second;
  const auto later = static_cast<std::size_t>(
      std::distance(session.sequences.upper_bound(sequence), session.sequences.end()));
  return sequence < session.first_outstanding || later >= limits_.replies_per_client_max;
}

void TxnStates::applies(ReplicaId replica, Position position, const SharedBytes& command) {
  Replica& self = of(replica);
  if (position != self.applied.size() + 1) {
    return fail("applied in order, and once", replica, position,
                "applied after position " + std::to_string(self.applied.size()));
  }
  const TxnId* const id = transactions_.applies(replica, position);
  if (id == nullptr) {
    return fail("nothing is applied that is not committed", replica, position,
                "no record on its disk says what is there");
  }
  if (command == nullptr || hash_of(command) != transactions_.command_of(*id)) {
    return fail("what is applied is what was committed", replica, position,
                "applies another command than that of " + to_string(*id));
  }
  self.applied.push_back(*id);
  // The first one to come here shows the model in which order they are.
  if (!effects_.contains(*id) && is_next(self, *id)) apply_to_model(*id, command);
  for (const std::string& name : transactions_.keys_of(*id)) {
    std::vector<Position>& places = self.places[name];
    const std::size_t index = places.size();
    places.push_back(position);
    const Key& key = keys_[name];
    if (index >= key.order.size() || key.order[index] != *id) {
      return fail("the transactions of a key have one order", replica, position,
                  "applies " + to_string(*id) + " to " + name + ", where " +
                      (index < key.order.size() ? to_string(key.order[index]) : "nothing") +
                      " was applied elsewhere");
    }
  }
}

void TxnStates::changes(ReplicaId replica, Position position,
                        const std::vector<kv::Change>& changes) {
  const Replica& self = of(replica);
  if (position > self.applied.size() ||
      !is_so(changes, effects_.at(self.applied[position - 1]), position)) {
    fail("replicas change equally", replica, position, "changes its state otherwise");
  }
}

// ---- What clients are told ----

void TxnStates::answers(ReplicaId replica, const kv::Command& command, const kv::Applied& result) {
  using Outcome = kv::Applied::Outcome;
  if (result.outcome == Outcome::kFull) return;
  const OperationId& operation = command.operation;
  if (result.outcome == Outcome::kExpired) {
    if (may_be_expired(operation)) return;
    return fail("only what is long ago is expired", replica, result.position,
                "write " + std::to_string(operation.client) + "/" +
                    std::to_string(operation.sequence) + " is told so");
  }
  const Replica& self = of(replica);
  const std::string name =
      "write " + std::to_string(operation.client) + "/" + std::to_string(operation.sequence);
  if (result.position == 0 || result.position > self.applied.size()) {
    return fail("a write returns what it did", replica, result.position,
                name + " is told a position that it has not");
  }
  const TxnId* const committed = transactions_.committed(operation);
  const TxnId& id = self.applied[result.position - 1];
  if (operation.client != 0 && committed == nullptr) {
    return fail("no \"ok\" before the decision is durable", replica, result.position,
                name + " is acknowledged");
  }
  const auto effect = effects_.find(id);
  const bool is_it = operation.client == 0 || *committed == id;
  if (!is_it || effect == effects_.end() || !sim::tells(result, effect->second)) {
    fail("a write returns what it did", replica, result.position, name + " is told something else");
  }
}

std::size_t TxnStates::count_at(const Replica& replica, std::string_view key,
                                Position position) const {
  const auto places = replica.places.find(key);
  if (places == replica.places.end()) return 0;
  const auto end = std::upper_bound(places->second.begin(), places->second.end(), position);
  return static_cast<std::size_t>(end - places->second.begin());
}

KeyState TxnStates::state_at(const Replica& replica, std::string_view key,
                             Position position) const {
  const std::size_t count = count_at(replica, key, position);
  return count == 0 ? KeyState() : keys_.find(key)->second.states[count - 1];
}

void TxnStates::tells(ReplicaId replica, std::string_view key, const kv::Entry* entry,
                      Position position) {
  const Replica& self = of(replica);
  if (position > self.applied.size() || !is_so(entry, state_at(self, key, position))) {
    fail("reads return what was committed", replica, position,
         "a read of " + std::string(key) + " returned something else");
  }
}

void TxnStates::tells(ReplicaId replica, const kv::Transaction& transaction,
                      const kv::Applied& applied) {
  const Replica& self = of(replica);
  KeyStates states;
  for (const std::string& key : kv::keys_of(transaction)) {
    states[key] = state_at(self, key, applied.position);
  }
  if (applied.position > self.applied.size() ||
      !sim::tells(applied, effect_of(transaction, states, 0))) {
    fail("reads return what was committed", replica, applied.position,
         "a read of several keys returned something else");
  }
}

void TxnStates::tells(ReplicaId replica, const kv::Scan& scan, const kv::ScanPage& page) {
  const Replica& self = of(replica);
  KeyStates states;
  for (const auto& [key, places] : self.places) states[key] = state_at(self, key, page.position);
  const std::string flaw = page.position > self.applied.size()
                               ? "is of a state that is not there yet"
                               : flaw_of(page, scan, states);
  if (!flaw.empty()) fail("a page is of one state", replica, page.position, "a page " + flaw);
}

void TxnStates::promised(ReplicaId replica, const std::vector<std::string>& keys, Position position,
                         const ReadPromise& promise) {
  for (const std::string& name : keys) {
    const auto key = keys_.find(name);
    if (key == keys_.end()) continue;
    const std::vector<Acknowledged>& all = key->second.acknowledged;
    const auto behind =
        std::lower_bound(all.begin(), all.end(), promise.since,
                         [](const Acknowledged& it, TimePoint since) { return it.at < since; });
    if (behind == all.begin()) continue;
    const std::size_t seen = count_at(of(replica), name, position);
    if (seen >= std::prev(behind)->behind) continue;
    fail("reads are as new as was asked for", replica, position,
         "a read of " + name + " saw " + std::to_string(seen) +
             " of its writes, and lacks one of " + std::to_string(std::prev(behind)->behind) +
             " that was acknowledged long enough ago");
  }
}

// The model has the order of a key's transactions, where it was applied.
void TxnStates::acknowledged(const OperationId& operation, const std::vector<std::string>& keys,
                             TimePoint now) {
  const TxnId* const id = transactions_.committed(operation);
  if (id == nullptr) return;  // it came without an id
  for (const std::string& name : keys) {
    Key& key = keys_[name];
    const auto place = std::find(key.order.begin(), key.order.end(), *id);
    if (place == key.order.end()) continue;
    const std::size_t before = key.acknowledged.empty() ? 0 : key.acknowledged.back().behind;
    const std::size_t behind = static_cast<std::size_t>(place - key.order.begin()) + 1;
    key.acknowledged.push_back({now, std::max(before, behind)});
  }
}

}  // namespace rkv::sim
