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

void TxnStates::apply_to_model(const TxnId& id, const SharedBytes& bytes) {
  const Result<kv::Command> decoded = kv::decode_command(*bytes);
  RKV_CHECK(decoded.ok(), "clients send commands");
  Key& key = keys_[decoded.value().key];
  const KeyState before = key.states.empty() ? KeyState() : key.states.back();
  const KeyChange change = change_by(decoded.value(), before);
  key.order.push_back(id);
  key.states.push_back(change.key.empty() ? before : change.after);
  effects_.emplace(id, change);
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
  for (const std::string& name : transactions_.keys_of(*id)) {
    std::vector<Position>& places = self.places[name];
    const std::size_t index = places.size();
    places.push_back(position);
    const Key& key = keys_[name];
    // The first one to come here shows the model in which order they are.
    if (index == key.order.size() && !effects_.contains(*id)) apply_to_model(*id, command);
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

void TxnStates::acknowledges(ReplicaId replica, const OperationId& operation,
                             const kv::Applied& result) {
  if (result.outcome == kv::Applied::Outcome::kExpired) return;
  const std::string name =
      "write " + std::to_string(operation.client) + "/" + std::to_string(operation.sequence);
  const TxnId* const id = transactions_.committed(operation);
  if (id == nullptr) {
    return fail("no \"ok\" before the decision is durable", replica, result.position,
                name + " is acknowledged");
  }
  const auto effect = effects_.find(*id);
  if (effect == effects_.end() || effect->second.told_version != result.version) {
    fail("a write returns what it did", replica, result.position,
         name + " was told version " + std::to_string(result.version));
  }
}

void TxnStates::tells(ReplicaId replica, std::string_view key, const kv::Entry* entry,
                      Position position) {
  const Replica& self = of(replica);
  const auto places = self.places.find(key);
  std::size_t behind = 0;
  if (places != self.places.end()) {
    const auto end = std::upper_bound(places->second.begin(), places->second.end(), position);
    behind = static_cast<std::size_t>(end - places->second.begin());
  }
  const KeyState state = behind == 0 ? KeyState() : keys_.find(key)->second.states[behind - 1];
  if (position > self.applied.size() || !is_so(entry, state)) {
    fail("reads return what was committed", replica, position,
         "a read of " + std::string(key) + " returned something else");
  }
}

}  // namespace rkv::sim
