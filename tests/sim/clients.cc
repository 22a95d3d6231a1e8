#include "sim/clients.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "kv/session_table.h"
#include "kv/transaction_codec.h"
#include "sim/draw.h"

namespace rkv::sim {

using history::Kind;
using history::Operation;
using What = Request::What;
using Consistency = replica::ReadOptions::Consistency;

Clients::Clients(Scheduler& scheduler, std::uint64_t seed, Counters& counters,
                 Invariants& invariants, Violation& violation, std::vector<Replica*> replicas,
                 const Options& options)
    : scheduler_(scheduler),
      random_(seed),
      counters_(counters),
      invariants_(invariants),
      violation_(violation),
      replicas_(std::move(replicas)),
      options_(options),
      workload_(options.workload),
      clients_(options.clients) {
  for (Client& client : clients_) client.process = next_process_++;
}

Duration Clients::draw_delay() {
  constexpr Duration kDelayMin = microseconds(50);
  constexpr Duration kDelayMean = microseconds(200);
  return kDelayMin + draw_exponential(random_, kDelayMean);
}

// Mostly it is a moment, and sometimes so long that an epoch ends meanwhile.
Duration Clients::draw_late_delay() {
  const double which = draw_unit(random_);
  if (which < 0.5) return draw_exponential(random_, milliseconds(5));
  if (which < 0.85) return draw_exponential(random_, milliseconds(300));
  return draw_between(random_, seconds(1), seconds(20));
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
  client.attempt = 0;
  client.replica = step.c % replicas_.size();
  client.maybe_done = false;
  client.pages_failed = 0;
  client.seen_before = invariants_.seen();
  client.request = workload_.make(step, fmt::format("write {} by {}", ++writes_, client.process));
  client.request.options.seen = client.seen;
  client.is_anonymous = is_write(client) && draw_chance(random_, options_.anonymous);
  const kv::Command& command = client.request.command;
  Operation& operation = client.operation;
  operation = {};
  operation.process = client.process;
  operation.key = command.key;
  operation.argument = command.value;
  operation.consistency = static_cast<history::Consistency>(client.request.options.consistency);
  if (command.transaction != nullptr) {
    operation.kind = Kind::kTransact;
    if (client.request.is_recorded) operation.transaction = to_history(*command.transaction);
  } else if (!is_write(client)) {
    operation.kind = Kind::kGet;
  } else {
    operation.kind = command.kind == kv::Command::Kind::kPut ? Kind::kPut : Kind::kDel;
  }
  operation.invoked = static_cast<history::Time>(scheduler_.now().ns);
  if (is_write(client) && client.has_session && !client.is_anonymous) name_operation(client);
  scheduler_.after(options_.operation_timeout, *this, EventKind::kGiveUp, token(index, client));
  try_once(index);
}

// Who has one operation at a time waits for that one alone, but need not say so at once.
void Clients::name_operation(Client& client) {
  ++client.sequence;
  if (draw_chance(random_, 0.7)) client.first_outstanding = client.sequence;
  client.request.command.operation = {client.process, client.sequence, client.first_outstanding};
  issued_.push_back(client.request.command.operation);
}

bool Clients::lacks_name(const Client& client) const {
  return is_write(client) && !client.is_anonymous && client.request.command.operation.client == 0;
}

void Clients::try_once(std::size_t index) {
  Client& client = clients_[index];
  ++counters_.attempts;
  ++client.attempt;
  client.waiting = true;
  send(index, false);
  if (is_write(client) && !client.is_anonymous && !lacks_name(client) &&
      draw_chance(random_, options_.duplicates)) {
    send(index, true);
    client.maybe_done = true;  // nobody hears of the copy
  }
  scheduler_.after(options_.attempt_timeout, *this, EventKind::kAttemptTimeout,
                   token(index, client));
}

void Clients::send(std::size_t index, bool again) {
  const Client& client = clients_[index];
  Call call;
  call.client = index;
  call.operation = client.serial;
  call.attempt = client.attempt;
  call.replica = client.replica;
  call.asks_epoch = lacks_name(client);
  call.request = client.request;
  const Duration delay = again ? draw_late_delay() : draw_delay();
  scheduler_.after(delay, *this, EventKind::kClientCall, calls_.put(std::move(call)));
}

// ---- At the replica ----

// A call arrives at its replica, perhaps after its client has given up.
void Clients::arrive(CallId id) {
  Call& call = *calls_.find(id);
  Replica& replica = *replicas_[call.replica];
  if (!replica.running()) {
    call.status = StatusCode::kUnavailable;  // nobody listens there
    return answered(id);
  }
  if (replica.put_off(*this, EventKind::kClientCall, id)) return;
  if (call.asks_epoch) {
    call.status = StatusCode::kOk;
    call.epoch = replica.manager().epoch();
    return answered(id);
  }
  call.promise = promise_of(call);
  ask(id, replica.manager());
}

ReadPromise Clients::promise_of(const Call& call) const {
  const replica::ReadOptions& options = call.request.options;
  const TimePoint now = scheduler_.now();
  switch (options.consistency) {
    case Consistency::kLinearizable:
      return {invariants_.seen(), now};
    case Consistency::kSequential:
      return {options.seen, kLongAgo};
    case Consistency::kEventual:
      break;
  }
  if (options.max_staleness.ns == 0) return {};
  return {0, TimePoint{now.ns - call.request.staleness_checked.ns}};
}

void Clients::ask(CallId id, replica::Manager& manager) {
  const Call& call = *calls_.find(id);
  const ReplicaId replica = replicas_[call.replica]->id();
  const Request request = call.request;
  switch (request.what) {
    case What::kWrite:
      return manager.write(request.command,
                           [this, id, replica](const replica::WriteResult& result) {
                             Call& it = *calls_.find(id);
                             it.status = result.status.code();
                             it.applied = result.applied;
                             it.position = result.applied.position;
                             invariants_.write_answered(replica, it.request.command, result);
                             answered(id);
                           });
    case What::kGet: {
      const auto done = [this, id, replica](const Status& status, const kv::Entry* entry,
                                            Position position) {
        Call& it = *calls_.find(id);
        it.status = status.code();
        if (entry != nullptr) it.entry = *entry;
        it.position = position;
        const std::string& key = it.request.command.key;
        if (status.ok()) {
          invariants_.read_answered(replica, key, entry, position);
          invariants_.promised(replica, {key}, position, it.promise);
        }
        answered(id);
      };
      return manager.read(request.command.key, request.options, done);
    }
    case What::kGetMany: {
      const auto done = [this, id, replica](const Status& status, const kv::Applied& applied) {
        Call& it = *calls_.find(id);
        it.status = status.code();
        it.applied = applied;
        it.position = applied.position;
        const kv::Transaction& transaction = *it.request.command.transaction;
        if (status.ok()) {
          invariants_.transaction_read(replica, transaction, applied);
          invariants_.promised(replica, kv::keys_of(transaction), it.position, it.promise);
        }
        answered(id);
      };
      return manager.read(request.command.transaction, request.options, done);
    }
    case What::kList: {
      const auto done = [this, id, replica, &manager](const Status& status, kv::ScanPage&& page) {
        Call& it = *calls_.find(id);
        const kv::Scan& scan = it.request.scan;
        it.status = status.code();
        it.page = std::move(page);
        it.position = it.page.position;
        if (status.ok()) {
          invariants_.page_answered(replica, scan, it.page);
          if (scan.at == 0) {
            invariants_.promised(replica, {}, it.position, it.promise);
          } else if (!it.page.more) {
            manager.last_page_told(scan);
          }
        }
        answered(id);
      };
      return manager.scan(request.scan, true, request.options, done);
    }
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

// ---- Answers ----

void Clients::reply_arrives(CallId id) {
  const Call call = calls_.take(id);
  Client& client = clients_[call.client];
  if (!client.busy || client.serial != call.operation) return;
  const bool is_awaited = client.waiting && client.attempt == call.attempt;
  if (call.asks_epoch) {
    if (!is_awaited) return;
    if (call.status != StatusCode::kOk) return attempt_failed(call.client, false);
    ++counters_.sessions;
    client.has_session = true;
    const std::uint64_t first = kv::first_sequence_of(call.epoch);
    client.sequence = std::max(client.sequence, first - 1);
    name_operation(client);
    return try_once(call.client);
  }
  // A page of a listing may be answered late, when others have come.
  if (call.request.what == What::kList && !is_awaited) return;
  if (call.status == StatusCode::kRevisionGone) return end(client, history::Outcome::kRefused);
  if (call.status == StatusCode::kOk) {
    if (is_write(client)) return write_reply_arrives(call.client, call);
    return succeed(client, call);
  }
  const bool nothing_happened =
      call.status == StatusCode::kUnavailable || call.status == StatusCode::kBusy;
  if (!nothing_happened) client.maybe_done = true;
  if (is_awaited) attempt_failed(call.client, !nothing_happened);
}

void Clients::write_reply_arrives(std::size_t index, const Call& call) {
  using Outcome = kv::Applied::Outcome;
  Client& client = clients_[index];
  const bool is_awaited = client.waiting && client.attempt == call.attempt;
  switch (call.applied.outcome) {
    case Outcome::kFull:
      ++counters_.full_answers;
      // Nothing has happened; but where a replica has had a write replicated twice, as it could not
      // know what became of the first try, there may be room for the second one.
      client.maybe_done |= options_.has_total_order;
      if (is_awaited) attempt_failed(index, false);
      return;
    case Outcome::kExpired:
      ++counters_.expired_answers;
      client.has_session = false;
      // Who has sent it once knows that nothing has happened.
      if (!client.maybe_done && is_awaited) return refuse(client);
      return end(client, history::Outcome::kUnknown);
    case Outcome::kInvalid:
    case Outcome::kOverLimit:
      return end(client, history::Outcome::kRefused);
    case Outcome::kApplied:
    case Outcome::kNotFound:
      return succeed(client, call);
  }
}

// Asks the next replica after a while; of a listing that has begun the same one.
void Clients::attempt_failed(std::size_t index, bool maybe_done) {
  Client& client = clients_[index];
  client.waiting = false;
  client.maybe_done |= maybe_done && !lacks_name(client);
  if (client.is_anonymous) return give_up(client);
  // Nobody else has the state of its revision.
  constexpr int kPageAttemptsMax = 3;
  const bool is_pinned = client.request.scan.at != 0;
  if (is_pinned && ++client.pages_failed >= kPageAttemptsMax) {
    return end(client, history::Outcome::kRefused);
  }
  if (!is_pinned) {
    client.replica =
        (client.replica + draw_between(random_, 1, replicas_.size() - 1)) % replicas_.size();
  }
  constexpr double kLate = 0.03;
  const Duration rest = draw_chance(random_, kLate)
                            ? draw_between(random_, seconds(1), seconds(8))
                            : draw_between(random_, milliseconds(5), milliseconds(100));
  scheduler_.after(rest, *this, EventKind::kRetry, token(index, client));
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
  const Consistency consistency = call.request.options.consistency;
  if (is_write(client)) {
    write_succeeds(client, call);
  } else if (call.request.what != What::kList || call.request.scan.at == 0) {
    if (consistency == Consistency::kLinearizable) invariants_.seen_at(call.position);
    // What is eventual may be older than what was seen.
    if (consistency != Consistency::kEventual) client.seen = std::max(client.seen, call.position);
  }
  saw(client, call);
  if (call.request.what == What::kList) return page_succeeds(call.client, call);
  if (!is_write(client)) return read_succeeds(client, call);
  const bool found = call.applied.outcome == kv::Applied::Outcome::kApplied;
  if (found && client.operation.kind != Kind::kTransact) {
    client.operation.version = call.applied.version;
  }
  end(client, found ? history::Outcome::kOk : history::Outcome::kNotFound);
}

void Clients::write_succeeds(Client& client, const Call& call) {
  invariants_.acknowledged(call.request.command.operation, kv::keys_of(call.request.command),
                           call.applied, client.seen_before, scheduler_.now());
  client.seen = std::max(client.seen, call.position);
  if (options_.has_total_order) client.operation.position = call.position;
  if (call.applied.told == nullptr) return;
  const Result<kv::StepsResult> result = kv::decode_result(*call.applied.told);
  RKV_CHECK(result.ok(), "what a replica tells can be read");
  client.operation.transacted = to_history(result.value());
}

void Clients::read_succeeds(Client& client, const Call& call) {
  Operation& operation = client.operation;
  if (options_.has_total_order) operation.position = call.position;
  if (call.request.what == What::kGet) {
    if (call.entry) {
      operation.version = call.entry->version;
      operation.value = call.entry->value;
    }
    return end(client, call.entry ? history::Outcome::kOk : history::Outcome::kNotFound);
  }
  const Result<kv::StepsResult> result = kv::decode_result(*call.applied.told);
  RKV_CHECK(result.ok(), "what a replica tells can be read");
  if (call.request.is_bank) check_bank(result.value());
  operation.transacted = to_history(result.value());
  end(client, history::Outcome::kOk);
}

// At every consistency level: all accounts are of one state.
void Clients::check_bank(const kv::StepsResult& result) {
  std::int64_t sum = 0;
  for (const kv::StepResult& each : result.results) {
    if (each.entry) sum += std::stoll(each.entry->value);
  }
  if (sum == 0) return;
  violation_.report("transfers keep the sum", fmt::format("all accounts together have {}", sum));
}

// The next page is asked for after a while.
void Clients::page_succeeds(std::size_t index, const Call& call) {
  Client& client = clients_[index];
  ++counters_.pages;
  client.pages_failed = 0;
  if (!call.page.more) return end(client, history::Outcome::kOk);
  client.request.scan = kv::rest_of(client.request.scan, call.page);
  if (options_.has_total_order) {
    client.request.scan.at = call.position;
    client.request.scan.listing = call.page.listing;
  }
  client.waiting = false;
  constexpr Duration kRestMean = milliseconds(30);
  scheduler_.after(draw_exponential(random_, kRestMean), *this, EventKind::kRetry,
                   token(index, client));
}

// What conditions of later operations are about.
void Clients::saw(const Client& client, const Call& call) {
  const kv::Command& command = call.request.command;
  if (call.request.what == What::kGet && call.entry) {
    workload_.saw(command.key, call.entry->version, call.entry->value);
  } else if (is_write(client) && command.kind == kv::Command::Kind::kPut) {
    workload_.saw(command.key, call.applied.version, command.value);
  } else if (call.request.what == What::kGetMany) {
    const Result<kv::StepsResult> result = kv::decode_result(*call.applied.told);
    const auto& steps = result.ok() && result.value().succeeded ? command.transaction->then
                                                                : command.transaction->otherwise;
    for (std::size_t i = 0; result.ok() && i < result.value().results.size(); ++i) {
      const auto& entry = result.value().results[i].entry;
      if (entry) workload_.saw(steps[i].key, entry->version, entry->value);
    }
  }
}

// Nothing has come of it, nor will.
void Clients::refuse(Client& client) {
  const OperationId& operation = client.request.command.operation;
  if (operation.client != 0) invariants_.refused(operation);
  end(client, history::Outcome::kRefused);
}

void Clients::give_up(Client& client) {
  const bool may_be_done = client.maybe_done || (client.waiting && !lacks_name(client));
  if (is_write(client) && may_be_done) return end(client, history::Outcome::kUnknown);
  refuse(client);
}

void Clients::end(Client& client, history::Outcome outcome) {
  Operation& operation = client.operation;
  operation.outcome = outcome;
  if (outcome == history::Outcome::kUnknown) {
    ++counters_.unknown;
    workload_.unknown(client.request.group);
    // It goes on as before, or as another client.
    if (draw_chance(random_, 0.5)) {
      client.process = next_process_++;
      client.sequence = client.first_outstanding = 0;
      client.has_session = false;
      client.seen = 0;
    }
  } else {
    operation.returned = static_cast<history::Time>(scheduler_.now().ns);
    ++(outcome == history::Outcome::kRefused ? counters_.failed : counters_.succeeded);
  }
  if (scheduler_.has_transcript()) scheduler_.trace("{}", history::to_text(operation));
  scheduler_.note(operation.version.value_or(0));
  if (client.request.is_recorded) history_.push_back(std::move(operation));
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
    // Its outcome is unknown so far.
    if (client.busy && client.request.is_recorded) all.push_back(client.operation);
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
    return fmt::format(
        "process {} with {}, since {:.3f} s, attempt {} at replica {}", it.process,
        it.operation.kind == Kind::kTransact ? "a transaction or listing" : it.operation.key,
        static_cast<double>(it.operation.invoked) / 1e9, it.attempt, it.replica + 1);
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
