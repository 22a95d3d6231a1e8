#include "sim/clients.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/draw.h"

namespace rkv::sim {

using history::Kind;
using history::Operation;

Clients::Clients(Scheduler& scheduler, std::uint64_t seed, Counters& counters,
                 Invariants& invariants, std::vector<Replica*> replicas, const Options& options)
    : scheduler_(scheduler),
      random_(seed),
      counters_(counters),
      invariants_(invariants),
      replicas_(std::move(replicas)),
      options_(options),
      clients_(options.clients) {
  for (Client& client : clients_) client.process = next_process_++;
}

Duration Clients::draw_delay() {
  constexpr Duration kDelayMin = microseconds(50);
  constexpr Duration kDelayMean = microseconds(200);
  return kDelayMin + draw_exponential(random_, kDelayMean);
}

// ---- Operations ----

void Clients::begin(const Step& step) {
  const std::size_t client = step.a % clients_.size();
  if (!clients_[client].busy) {
    next_operation(client, step);
  } else if (clients_[client].backlog.size() < options_.backlog_max) {
    clients_[client].backlog.push_back(step);
  }
}

void Clients::next_operation(std::size_t index, const Step& step) {
  Client& client = clients_[index];
  ++counters_.operations;
  client.busy = true;
  ++client.serial;
  client.index = step.b % kKeysMax;
  client.attempt = 0;
  client.replica = step.c % replicas_.size();
  client.maybe_done = false;
  client.seen_before = invariants_.seen();
  Operation& operation = client.operation;
  operation = {};
  operation.process = client.process;
  operation.kind = step.kind == StepKind::kGet   ? Kind::kGet
                   : step.kind == StepKind::kPut ? Kind::kPut
                                                 : Kind::kDel;
  operation.key = fmt::format("key{}.{}", client.index, keys_[client.index].generation);
  if (operation.kind != Kind::kGet) ++client.sequence;
  if (operation.kind == Kind::kPut) {
    operation.argument = fmt::format("value of write {} by {}", client.sequence, client.process);
  }
  operation.invoked = static_cast<history::Time>(scheduler_.now().ns);
  scheduler_.after(options_.operation_timeout, *this, EventKind::kGiveUp, token(index, client));
  try_once(index);
}

void Clients::try_once(std::size_t index) {
  Client& client = clients_[index];
  ++counters_.attempts;
  ++client.attempt;
  client.waiting = true;
  scheduler_.after(draw_delay(), *this, EventKind::kClientCall, calls_.put(make_call(index)));
  scheduler_.after(options_.attempt_timeout, *this, EventKind::kAttemptTimeout,
                   token(index, client));
}

Clients::Call Clients::make_call(std::size_t index) const {
  const Client& client = clients_[index];
  Call call;
  call.client = index;
  call.operation = client.serial;
  call.attempt = client.attempt;
  call.replica = client.replica;
  call.is_get = client.operation.kind == Kind::kGet;
  call.command.kind =
      client.operation.kind == Kind::kDel ? kv::Command::Kind::kDel : kv::Command::Kind::kPut;
  call.command.operation = {client.process, client.sequence, client.sequence};
  call.command.key = client.operation.key;
  call.command.value = client.operation.argument;
  return call;
}

// A call arrives at its replica, perhaps after its client has given up.
void Clients::arrive(CallId id) {
  Call& call = *calls_.find(id);
  Replica& replica = *replicas_[call.replica];
  if (!replica.running()) {
    call.status = StatusCode::kUnavailable;  // nobody listens there
    return answered(id);
  }
  if (replica.put_off(*this, EventKind::kClientCall, id)) return;
  if (call.is_get) {
    const auto done = [this, id](const Status& status, const kv::Entry* entry, Position position) {
      Call& it = *calls_.find(id);
      it.status = status.code();
      if (entry != nullptr) it.entry = *entry;
      it.position = position;
      if (status.ok()) {
        invariants_.read_answered(replicas_[it.replica]->id(), it.command.key, entry, position);
      }
      answered(id);
    };
    replica.manager().read(call.command.key, done);
  } else {
    const auto done = [this, id](const replica::WriteResult& result) {
      Call& it = *calls_.find(id);
      it.status = result.status.code();
      it.applied = result.applied;
      invariants_.write_answered(replicas_[it.replica]->id(), it.command, result);
      answered(id);
    };
    replica.manager().write(call.command, done);
  }
}

// The replica has answered.
void Clients::answered(CallId id) {
  if (draw_chance(random_, reply_loss_)) {
    ++counters_.replies_lost;
    calls_.take(id);
    return;
  }
  scheduler_.after(draw_delay(), *this, EventKind::kClientReply, id);
}

void Clients::reply_arrives(CallId id) {
  const Call call = calls_.take(id);
  Client& client = clients_[call.client];
  if (!client.busy || client.serial != call.operation) return;
  const bool expired = call.applied.outcome == kv::Applied::Outcome::kExpired;
  if (call.status == StatusCode::kOk && !expired) return succeed(client, call);
  const bool nothing_happened =
      call.status == StatusCode::kUnavailable || call.status == StatusCode::kBusy;
  if (!nothing_happened) client.maybe_done = true;
  if (client.waiting && client.attempt == call.attempt) {
    attempt_failed(call.client, !nothing_happened);
  }
}

// Asks the next replica after a while.
void Clients::attempt_failed(std::size_t index, bool maybe_done) {
  Client& client = clients_[index];
  client.waiting = false;
  client.maybe_done |= maybe_done;
  client.replica =
      (client.replica + draw_between(random_, 1, replicas_.size() - 1)) % replicas_.size();
  scheduler_.after(draw_between(random_, milliseconds(5), milliseconds(100)), *this,
                   EventKind::kRetry, token(index, client));
}

void Clients::replica_stopped(ReplicaId replica) {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const Client& client = clients_[i];
    if (client.busy && client.waiting && client.replica == replica.value - 1) {
      attempt_failed(i, true);
    }
  }
}

// ---- How they end ----

void Clients::succeed(Client& client, const Call& call) {
  Operation& operation = client.operation;
  const bool found = operation.kind == Kind::kGet
                         ? call.entry.has_value()
                         : call.applied.outcome == kv::Applied::Outcome::kApplied;
  if (operation.kind == Kind::kGet) {
    if (call.entry) {
      operation.version = call.entry->version;
      operation.value = call.entry->value;
    }
    invariants_.read(operation.key, call.entry ? &*call.entry : nullptr, call.position,
                     client.seen_before);
  } else {
    if (found) operation.version = call.applied.version;
    invariants_.acknowledged({client.process, client.sequence, client.sequence}, call.applied,
                             client.seen_before);
  }
  end(client, found ? history::Outcome::kOk : history::Outcome::kNotFound);
}

void Clients::give_up(Client& client) {
  const bool is_write = client.operation.kind != Kind::kGet;
  end(client, is_write && (client.maybe_done || client.waiting) ? history::Outcome::kUnknown
                                                                : history::Outcome::kRefused);
}

void Clients::end(Client& client, history::Outcome outcome) {
  Operation& operation = client.operation;
  operation.outcome = outcome;
  if (outcome == history::Outcome::kUnknown) {
    ++counters_.unknown;
    client.process = next_process_++;
    client.sequence = 0;
    Key& key = keys_[client.index];
    if (++key.unknown >= options_.unknown_max) key = {key.generation + 1, 0};
  } else {
    operation.returned = static_cast<history::Time>(scheduler_.now().ns);
    ++(outcome == history::Outcome::kRefused ? counters_.failed : counters_.succeeded);
  }
  if (scheduler_.has_transcript()) scheduler_.trace("{}", history::to_text(operation));
  scheduler_.note(operation.version.value_or(0));
  history_.push_back(std::move(operation));
  client.busy = false;
  client.waiting = false;
  if (client.backlog.empty()) return;
  const Step next = client.backlog.front();
  client.backlog.pop_front();
  next_operation(static_cast<std::size_t>(&client - clients_.data()), next);
}

history::History Clients::history() const {
  history::History all = history_;
  for (const Client& client : clients_) {
    if (client.busy) all.push_back(client.operation);  // its outcome is unknown so far
  }
  return all;
}

std::size_t Clients::open() const {
  return static_cast<std::size_t>(
      std::count_if(clients_.begin(), clients_.end(), [](const Client& it) { return it.busy; }));
}

std::string Clients::describe_open() const {
  for (const Client& it : clients_) {
    if (!it.busy) continue;
    return fmt::format("process {} with {}, since {:.3f} s, attempt {} at replica {}", it.process,
                       it.operation.key, static_cast<double>(it.operation.invoked) / 1e9,
                       it.attempt, it.replica + 1);
  }
  return "none";
}

void Clients::handle(EventKind kind, std::uint64_t argument) {
  if (kind == EventKind::kClientCall) return arrive(argument);
  if (kind == EventKind::kClientReply) return reply_arrives(argument);
  const std::size_t index = argument >> 56;
  Client& client = clients_[index];
  const bool same_operation = client.busy && (argument >> 32) == (token(index, client) >> 32);
  if (!same_operation) return;
  const bool same_attempt = argument == token(index, client);
  switch (kind) {
    case EventKind::kAttemptTimeout:
      if (same_attempt && client.waiting) attempt_failed(index, true);
      return;
    case EventKind::kRetry:
      if (same_attempt && !client.waiting) try_once(index);
      return;
    case EventKind::kGiveUp:
      if (!patient_) give_up(client);
      return;
    default:
      RKV_CHECK(false, "not an event of the clients");
  }
}

}  // namespace rkv::sim
