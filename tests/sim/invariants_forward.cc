#include "sim/invariants_forward.h"

#include <algorithm>
#include <iterator>
#include <variant>

#include "base/check.h"
#include "forward/message.h"

namespace rkv::sim {

void ForwardInvariants::fail(std::string_view invariant, ReplicaId replica,
                             const std::string& what) {
  violation_.report(invariant, "replica " + std::to_string(replica.value) + ": " + what);
}

// What was applied and not saved is gone.
void ForwardInvariants::process_started(ReplicaId replica, Position saved) {
  Replica& self = of(replica);
  RKV_CHECK(saved <= self.applied.size(), "what is saved was applied");
  self.applied.resize(saved);
  for (auto& [key, history] : self.keys) {
    std::erase_if(history, [saved](const KeyAt& it) { return it.position > saved; });
  }
  std::erase_if(self.first, [saved](const auto& it) { return it.second > saved; });
  self.proposals.clear();
  self.calls.clear();
  self.answered.clear();
  self.told.clear();
}

void ForwardInvariants::sending(ReplicaId from, ReplicaId to, const protocol::Message& message) {
  for (const SharedBytes& it : static_cast<const forward::Writes&>(message).commands()) {
    if (holds(from, it.get())) continue;
    fail("others hear of a write when it is durable", from,
         "tells replica " + std::to_string(to.value) + " of one that is not");
  }
}

void ForwardInvariants::happens(ReplicaId replica, const protocol::Event& event,
                                TimePoint /*now*/) {
  Replica& self = of(replica);
  if (!self.told.empty()) fail("what is told is applied", replica, "has left a write out");
  if (const auto* const request = std::get_if<protocol::Request>(&event)) {
    const auto& commands = static_cast<const forward::Writes&>(*request->message).commands();
    self.told.assign(commands.begin(), commands.end());
  } else if (const auto* const propose = std::get_if<protocol::Propose>(&event)) {
    asked_.insert(propose->command);
    self.proposals[propose->proposal] = propose->command;
  } else if (const auto* const answer = std::get_if<protocol::Answer>(&event)) {
    const auto call = self.calls.find(answer->call);
    RKV_CHECK(call != self.calls.end(), "what is answered was sent");
    for (const SharedBytes& it : static_cast<const forward::Writes&>(*call->second).commands()) {
      self.answered[it.get()].insert(answer->from);
    }
    self.calls.erase(call);
  } else if (const auto* const failed = std::get_if<protocol::SendFailed>(&event)) {
    self.calls.erase(failed->call);
  }
}

void ForwardInvariants::decides(ReplicaId replica, const protocol::Effect& effect,
                                TimePoint /*now*/) {
  if (const auto* const apply = std::get_if<protocol::Apply>(&effect)) {
    applies(replica, *apply);
  } else if (const auto* const send = std::get_if<protocol::Send>(&effect)) {
    of(replica).calls[send->call] = send->message;
  } else if (const auto* const finish = std::get_if<protocol::Finish>(&effect)) {
    finishes(replica, *finish);
  }
}

// ---- The state ----

void ForwardInvariants::applies(ReplicaId replica, const protocol::Apply& apply) {
  Replica& self = of(replica);
  if (apply.position != self.applied.size() + 1) {
    fail("applied in order", replica,
         "applies position " + std::to_string(apply.position) + " after position " +
             std::to_string(self.applied.size()));
    return;
  }
  if (apply.proposal == 0) {
    if (self.told.empty() || self.told.front() != apply.command) {
      fail("what is told is applied", replica, "applies a write that it was not told of");
      return;
    }
    self.told.pop_front();
  }
  if (apply.command == nullptr || !asked_.contains(apply.command)) {
    fail("what is applied was asked for", replica,
         "position " + std::to_string(apply.position) + " is no write of a client");
    return;
  }
  const Result<kv::Command> decoded = kv::decode_command(*apply.command);
  RKV_CHECK(decoded.ok(), "clients send commands");
  std::vector<KeyAt>& history = self.keys[decoded.value().key];
  KeyStates before;
  if (!history.empty()) before[decoded.value().key] = history.back().state;
  Effect effect = effect_of(decoded.value(), before, 0);
  for (const auto& [key, state] : effect.changes) history.push_back({apply.position, state});
  self.first.try_emplace(apply.command.get(), apply.position);
  self.applied.push_back({apply.command, std::move(effect)});
}

void ForwardInvariants::changes(ReplicaId replica, Position position,
                                const std::vector<kv::Change>& changes) {
  const Replica& self = of(replica);
  if (position > self.applied.size() ||
      !is_so(changes, self.applied[position - 1].effect, position)) {
    fail("what is applied changes the state", replica,
         "position " + std::to_string(position) + " changes it otherwise");
  }
}

void ForwardInvariants::read_answered(ReplicaId replica, std::string_view key,
                                      const kv::Entry* entry, Position position) {
  const Replica& self = of(replica);
  const std::string name =
      "a read of " + std::string(key) + " at position " + std::to_string(position);
  const auto found = self.keys.find(key);
  KeyAt last;
  if (found != self.keys.end()) {
    const auto behind =
        std::upper_bound(found->second.begin(), found->second.end(), position,
                         [](Position at, const KeyAt& it) { return at < it.position; });
    if (behind != found->second.begin()) last = *std::prev(behind);
  }
  if (position > self.applied.size() || !is_so(entry, last.state)) {
    fail("a read returns the replica's last write", replica, name + " returned something else");
  }
  if (last.position > saved_of_(replica)) {
    fail("what is read is durable", replica,
         name + " returned what was written at position " + std::to_string(last.position) +
             ", but a crash would leave position " + std::to_string(saved_of_(replica)));
  }
}

// ---- What is said of writes ----

bool ForwardInvariants::holds(ReplicaId replica, Try tried) const {
  const auto& first = replicas_[replica.value - 1].first;
  const auto found = first.find(tried);
  return found != first.end() && found->second <= saved_of_(replica);
}

void ForwardInvariants::check_held(ReplicaId by, Try tried, const std::vector<ReplicaId>& missing) {
  for (std::uint32_t i = 1; i <= replicas_.size(); ++i) {
    const ReplicaId each{i};
    if (each == by) continue;  // it waits for its own disk before it answers
    const bool is_listed = std::find(missing.begin(), missing.end(), each) != missing.end();
    if (!is_listed && !holds(each, tried)) {
      fail("who is not listed has the write", by,
           "says that replica " + std::to_string(i) + " has a write, but it has not, durably");
    }
    if (is_listed && of(by).answered[tried].contains(each)) {
      fail("who is listed has not answered", by,
           "says that replica " + std::to_string(i) + " may lack a write, but it has answered");
    }
  }
}

void ForwardInvariants::finishes(ReplicaId replica, const protocol::Finish& finish) {
  Replica& self = of(replica);
  const auto proposal = self.proposals.find(finish.proposal);
  if (proposal == self.proposals.end()) {
    fail("a write ends once", replica, "ends a write that is not open");
    return;
  }
  const SharedBytes tried = proposal->second;
  self.proposals.erase(proposal);
  const auto applied = self.first.find(tried.get());
  if (!finish.status.ok() && finish.status.code() != StatusCode::kPartlyApplied) {
    if (applied != self.first.end()) {
      fail("what is refused has not happened", replica,
           "refuses a write that it has applied: " + finish.status.reason());
    }
    return;
  }
  if (finish.status.ok() != finish.missing.empty()) {
    fail("who may lack a write is listed", replica,
         "says \"" + finish.status.to_string() + "\" and lists " +
             std::to_string(finish.missing.size()) + " replicas");
  }
  if (applied == self.first.end() || finish.after < applied->second) {
    fail("a write is answered when it is durable", replica,
         "answers one without waiting for its own disk");
  }
  check_held(replica, tried.get(), finish.missing);
}

void ForwardInvariants::write_answered(ReplicaId replica, const kv::Command& command,
                                       const replica::WriteResult& result) {
  if (!result.status.ok() && result.status.code() != StatusCode::kPartlyApplied) return;
  const Replica& self = of(replica);
  const Position position = result.applied.position;
  const std::string name = "write " + std::to_string(command.operation.client) + "/" +
                           std::to_string(command.operation.sequence);
  if (position == 0 || position > self.applied.size() ||
      *self.applied[position - 1].command != kv::encode_command(command)) {
    fail("a write returns what it did", replica, name + " is not what was applied there");
    return;
  }
  if (!tells(result.applied, self.applied[position - 1].effect)) {
    fail("a write returns what it did", replica, name + " was told something else");
  }
  if (position > saved_of_(replica)) {
    fail("a write is answered when it is durable", replica,
         name + " is not durable at the replica that was asked");
  }
}

}  // namespace rkv::sim
