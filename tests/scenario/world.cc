#include "world.h"

#include <fmt/format.h>

#include <sstream>
#include <stdexcept>

namespace rkv::scenario {
namespace {

constexpr Duration kStep = milliseconds(10);

protocol::SyncPoint sync_needed(const protocol::Effect& effect) {
  if (const auto* send = std::get_if<protocol::Send>(&effect)) return send->after;
  if (const auto* respond = std::get_if<protocol::Respond>(&effect)) return respond->after;
  if (const auto* finish = std::get_if<protocol::Finish>(&effect)) return finish->after;
  return 0;
}

RecoveredLog log_of(const std::vector<LogBatch>& batches) {
  RecoveredLog log;
  for (const LogBatch& batch : batches) {
    log.records.insert(log.records.end(), batch.records.begin(), batch.records.end());
    log.standing = batch.standing;
  }
  return log;
}

std::string value_of(const std::map<std::string, std::string>& values, const std::string& key) {
  const auto found = values.find(key);
  return found == values.end() ? "not there" : found->second;
}

}  // namespace

void World::run(std::string_view line) {
  say("> " + std::string(line));
  std::istringstream words{std::string(line)};
  std::string verb;
  words >> verb;
  if (verb.empty() || verb[0] == '#' || run_without_numbers(verb)) return;
  std::uint32_t a = 0;
  if (!(words >> a)) throw std::runtime_error("a number is missing: " + std::string(line));
  run(verb, a, words);
}

bool World::run_without_numbers(const std::string& verb) {
  if (verb == "settle") {
    settle();
  } else if (verb == "state") {
    print_state();
  } else {
    return false;
  }
  return true;
}

void World::run(const std::string& verb, std::uint32_t a, std::istream& words) {
  std::uint32_t b = 0;
  std::string name;
  if (verb == "replicas") {
    const bool is_twopc = static_cast<bool>(words >> name);
    if (is_twopc && name != "2pc") throw std::runtime_error("no such protocol: " + name);
    words >> b;
    kind_ = is_twopc ? twopc_kind(ReplicaId{b}) : paxos_kind();
    prepare(a);
  } else if (verb == "advance") {
    advance(milliseconds(a));
  } else if (verb == "sync") {
    sync(a);
  } else if (verb == "crash") {
    crash(a);
  } else if (verb == "restart") {
    start(a);
  } else if (verb == "stop" && words >> name) {
    stop_role(a, name);
  } else if (verb == "start" && words >> name) {
    start_role(a, name);
  } else if (verb == "put" && words >> name) {
    put(a, name, {1, next_name_, 1});
  } else if (verb == "retry" && words >> name) {
    put(a, name, operations_.at(name));
  } else if (verb == "read" && words >> name) {
    std::string& key = names_[next_name_] = name;
    step(a, protocol::Read{next_name_++, key});
  } else if (verb == "deliver" && words >> b) {
    deliver({a, b});
  } else if (verb == "drop" && words >> b) {
    drop({a, b});
  } else if (verb == "cut" && words >> b) {
    cut_.insert({a, b});
    cut_.insert({b, a});
  } else if (verb == "heal" && words >> b) {
    cut_.erase({a, b});
    cut_.erase({b, a});
  } else if (verb == "up" && words >> b) {
    step(a, protocol::PeerUp{ReplicaId{b}});
    step(b, protocol::PeerUp{ReplicaId{a}});
  } else if (verb == "down" && words >> b) {
    step(a, protocol::PeerDown{ReplicaId{b}, fmt::format("replica {} is down", b)});
  } else {
    throw std::runtime_error("no such step: " + verb);
  }
}

void World::put(std::uint32_t id, const std::string& name, OperationId operation) {
  names_[next_name_] = name;
  operations_[name] = operation;
  protocol::Propose propose{next_name_++, std::make_shared<const std::string>(name)};
  if (kind_->has_keys()) {
    propose.keys = {name.substr(0, name.find('='))};
    propose.operation = operation;
  }
  step(id, std::move(propose));
}

World::Replica& World::replica(std::uint32_t id) {
  const auto found = replicas_.find(id);
  if (found == replicas_.end()) throw std::runtime_error("no such replica");
  return found->second;
}

void World::prepare(std::uint32_t count) {
  for (std::uint32_t id = 1; id <= count; ++id) replicas_[id];
  for (std::uint32_t id = 1; id <= count; ++id) start(id);
  if (!kind_->has_keys()) return;
  for (std::uint32_t a = 1; a <= count; ++a) {
    for (std::uint32_t b = 1; b <= count; ++b) {
      if (a != b) step(a, protocol::PeerUp{ReplicaId{b}});
    }
  }
}

void World::start(std::uint32_t id) {
  Replica& starting = replica(id);
  std::vector<ReplicaId> all;
  for (const auto& [member, state] : replicas_) all.push_back(ReplicaId{member});
  starting.protocol = kind_->make(ReplicaId{id}, all);
  ++starting.incarnation;
  protocol::Effects effects;
  starting.protocol->recover({0, starting.incarnation, log_of(starting.durable)}, now_, effects);
  carry_out(id, effects);
}

void World::stop_role(std::uint32_t id, const std::string& role) {
  protocol::Effects effects;
  replica(id).protocol->stop_role(role, now_, effects);
  replica(id).protocol->flush(now_, effects);
  carry_out(id, effects);
}

void World::start_role(std::uint32_t id, const std::string& role) {
  sync(id);
  Replica& starting = replica(id);
  protocol::Effects effects;
  starting.protocol->start_role(
      role, {starting.applied, starting.incarnation, log_of(starting.durable)}, now_, effects);
  starting.protocol->flush(now_, effects);
  carry_out(id, effects);
}

void World::crash(std::uint32_t id) {
  Replica& crashed = replica(id);
  const std::size_t lost = crashed.written.size();
  say(fmt::format("  {} crashes; {} batches were not durable", id, lost));
  Replica after;
  after.incarnation = crashed.incarnation;
  after.durable = std::move(crashed.durable);
  crashed = std::move(after);
}

void World::advance(Duration duration) {
  const TimePoint end = now_ + duration;
  while (now_ < end) {
    now_ = std::min(now_ + kStep, end);
    for (auto& [id, each] : replicas_) {
      if (each.protocol == nullptr || each.protocol->next_tick() > now_) continue;
      protocol::Effects effects;
      each.protocol->tick(now_, effects);
      each.protocol->flush(now_, effects);
      carry_out(id, effects);
    }
  }
}

void World::step(std::uint32_t id, protocol::Event event) {
  Replica& stepped = replica(id);
  if (stepped.protocol == nullptr) throw std::runtime_error("that replica is down");
  protocol::Effects effects;
  stepped.protocol->step(std::move(event), now_, effects);
  stepped.protocol->flush(now_, effects);
  carry_out(id, effects);
}

void World::carry_out(std::uint32_t id, protocol::Effects& effects) {
  for (protocol::Effect& effect : effects) {
    if (sync_needed(effect) > replica(id).synced) {
      replica(id).held.emplace_back(sync_needed(effect), std::move(effect));
    } else {
      carry_out(id, effect);
    }
  }
  std::deque<protocol::Checked>& checked = replica(id).checked;
  while (!checked.empty()) {
    const protocol::Checked next = checked.front();
    checked.pop_front();
    step(id, next);
  }
}

void World::apply(std::uint32_t id, const protocol::Apply& apply) {
  say(fmt::format("  {} applies {}: {}", id, apply.position,
                  apply.command == nullptr ? "-" : *apply.command));
  Replica& applying = replica(id);
  applying.applied = apply.position;
  if (apply.command == nullptr) return;
  applying.done.insert(*apply.command);
  if (kind_->has_keys()) {
    const std::size_t sign = apply.command->find('=');
    applying.values[apply.command->substr(0, sign)] = apply.command->substr(sign + 1);
  }
}

// The state is asked for an operation; told in the next step, as everything that happens.
void World::check(std::uint32_t id, const protocol::Check& check) {
  Replica& asked = replica(id);
  for (const auto& [name, operation] : operations_) {
    if (operation != check.operation) continue;
    const bool is_known = asked.done.contains(name);
    if (is_known) say(fmt::format("  {}: the state has {} already", id, name));
    asked.checked.push_back({check.check, is_known});
  }
}

void World::carry_out(std::uint32_t id, protocol::Effect& effect) {
  if (auto* persist = std::get_if<protocol::Persist>(&effect)) {
    say(fmt::format("  {} writes: {}", id, kind_->describe(persist->batch)));
    replica(id).written.push_back(std::move(persist->batch));
  } else if (const auto* apply = std::get_if<protocol::Apply>(&effect)) {
    this->apply(id, *apply);
  } else if (const auto* check = std::get_if<protocol::Check>(&effect)) {
    this->check(id, *check);
  } else if (const auto* message = std::get_if<protocol::Send>(&effect)) {
    send(id, *message);
  } else if (const auto* answer = std::get_if<protocol::Respond>(&effect)) {
    respond(id, *answer);
  } else if (const auto* finish = std::get_if<protocol::Finish>(&effect)) {
    say(fmt::format("  client of {}: {} {}", id, names_[finish->proposal],
                    finish->status.ok() ? "is done" : "failed: " + finish->status.to_string()));
  } else if (const auto* read = std::get_if<protocol::AllowRead>(&effect)) {
    const std::string& name = names_[read->read];
    say(kind_->has_keys()
            ? fmt::format("  client of {}: {} is {}", id, name, value_of(replica(id).values, name))
            : fmt::format("  client of {}: {} is answered, at slot {}", id, name,
                          replica(id).applied));
  } else if (const auto* refused = std::get_if<protocol::RefuseRead>(&effect)) {
    say(fmt::format("  client of {}: {} is refused: {}", id, names_[refused->read],
                    refused->status.to_string()));
  }
}

void World::send(std::uint32_t id, const protocol::Send& send) {
  post({id, send.to.value}, {false, send.call, send.message, replica(id).incarnation});
}

void World::respond(std::uint32_t id, const protocol::Respond& respond) {
  const Asker asker = replica(id).requests.at(respond.call);
  replica(id).requests.erase(respond.call);
  post({id, asker.replica}, {true, asker.call, respond.message, asker.life});
}

void World::post(Link link, InFlight message) {
  say(fmt::format("  {} -> {} {}", link.first, link.second, kind_->describe(*message.message)));
  if (cut_.count(link) != 0) {
    lose(link, message);
  } else {
    links_[link].push_back(std::move(message));
  }
}

// The asker learns that no answer will come. It does not know which of the two messages was lost.
void World::lose(Link link, const InFlight& message) {
  const std::uint32_t asker = message.is_answer ? link.second : link.first;
  const std::uint32_t asked = message.is_answer ? link.first : link.second;
  say(fmt::format("  lost: {} -> {} {}", link.first, link.second,
                  kind_->describe(*message.message)));
  Replica& waiting = replica(asker);
  if (waiting.protocol == nullptr || waiting.incarnation != message.asker_life) return;
  // Told in its next step, as everything that happens to it.
  protocol::Effects effects;
  waiting.protocol->step(protocol::SendFailed{ReplicaId{asked}, message.call, true, "lost"}, now_,
                         effects);
  carry_out(asker, effects);
}

void World::deliver(Link link) {
  std::deque<InFlight>& queue = links_[link];
  if (queue.empty()) throw std::runtime_error("there is nothing to deliver");
  const InFlight message = std::move(queue.front());
  queue.pop_front();
  Replica& to = replica(link.second);
  if (to.protocol == nullptr || (message.is_answer && to.incarnation != message.asker_life)) {
    lose(link, message);
    return;
  }
  const ReplicaId from{link.first};
  if (message.is_answer) {
    step(link.second, protocol::Answer{from, message.call, message.message});
  } else {
    const protocol::CallId call = to.next_request++;
    to.requests[call] = {link.first, message.call, message.asker_life};
    step(link.second, protocol::Request{from, call, message.message});
  }
}

void World::drop(Link link) {
  std::deque<InFlight>& queue = links_[link];
  if (queue.empty()) throw std::runtime_error("there is nothing to drop");
  const InFlight message = std::move(queue.front());
  queue.pop_front();
  lose(link, message);
}

void World::sync(std::uint32_t id) {
  Replica& synced = replica(id);
  if (synced.written.empty()) return;
  while (!synced.written.empty()) {
    synced.durable.push_back(std::move(synced.written.front()));
    synced.written.pop_front();
    ++synced.synced;
  }
  say(fmt::format("  {}: all it has written is durable", id));
  for (auto& [after, effect] : std::exchange(synced.held, {})) {
    if (after > synced.synced) {
      synced.held.emplace_back(after, std::move(effect));
    } else {
      carry_out(id, effect);
    }
  }
  step(id, protocol::Persisted{synced.synced});
}

void World::settle() {
  bool did_something = true;
  while (did_something) {
    did_something = false;
    for (auto& [id, each] : replicas_) {
      if (each.protocol == nullptr || each.written.empty()) continue;
      sync(id);
      did_something = true;
    }
    for (auto& [link, queue] : links_) {
      if (queue.empty()) continue;
      deliver(link);
      did_something = true;
    }
  }
}

void World::print_state() {
  for (const auto& [id, each] : replicas_) {
    if (each.protocol == nullptr) {
      say(fmt::format("  {} is down", id));
      continue;
    }
    say(fmt::format("  {} {}", id, kind_->state(*each.protocol, each.applied)));
  }
}

}  // namespace rkv::scenario
