#include "client/async_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "client/client_id.h"
#include "client/history_recorder.h"
#include "client/operation.h"
#include "client/operations.h"
#include "client/outcome.h"
#include "client/request_check.h"
#include "client/server_pool.h"
#include "client/write_ids.h"

namespace rkv::client {
namespace {

// Before an operation is sent again: the first pause, and what doubling leads to; each is shortened
// at random by up to half.
constexpr Duration kPauseMin = milliseconds(10);
constexpr Duration kPauseMax = milliseconds(500);
// For one answer, where there are other servers to ask; doubled with each round through all.
constexpr Duration kAnswerTimeout = seconds(2);
constexpr int kAnswerTimeoutDoublingsMax = 8;
// So often a server that is busy is asked again before the next one is.
constexpr int kBusyInARowMax = 3;
// A connection that is not there by then will not be, if there are other servers.
constexpr Duration kConnectTimeoutMax = seconds(5);
// A session is asked for again after this, before its epoch can be over.
constexpr Duration kSessionAgeMax = seconds(300);

TimePoint now() { return rpc::EventLoop::read_clock(); }

// A reason that says what came of a write.
Status with_certainty(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
    case StatusCode::kNotFound:
    case StatusCode::kPartlyApplied:
      return status;
    default:
      break;
  }
  const bool nothing = certainty_of(status.code()) == Certainty::kNothingHappened;
  return {status.code(),
          fmt::format("{}; {}", status.reason(), nothing ? "nothing happened" : "outcome unknown")};
}

}  // namespace

class AsyncClient::State {
 public:
  State(rpc::EventLoop& loop, std::vector<Server> servers, const ClientOptions& options)
      : loop_(loop), options_(options) {
    pool_.emplace(loop, std::move(servers), pool_options(options.transport, options.discover));
  }
  ~State();

  // Takes an operation on. `refused`: why it may not be sent, if so.
  void start(std::unique_ptr<Operation> operation, const Status& refused = Status());

  std::size_t count() const { return count_; }
  std::size_t bytes() const { return bytes_; }
  Position seen() const { return seen_; }
  void saw(Position position) { seen_ = std::max(seen_, position); }
  std::vector<Server> servers() const { return pool_->servers(); }

 private:
  struct Refused {
    std::unique_ptr<Operation> operation;
    Status status;
  };

  ServerPoolOptions pool_options(rpc::Transport transport, bool discover) const {
    ServerPoolOptions options;
    options.transport = transport;
    options.discover = discover;
    options.connect_timeout = std::min(kConnectTimeoutMax, options_.timeout);
    return options;
  }

  // Beginning.
  Status check_room(const Operation& operation) const;
  void refuse(std::unique_ptr<Operation> operation, const Status& status);
  void run_refused();
  Operation& adopt(std::unique_ptr<Operation> operation);

  // What a write needs before it is sent.
  void await_sequence(Operation& operation);
  void give_sequences();
  bool session_is_open() const;
  void ask_session();
  void session_came(const Result<std::uint64_t>& first_sequence);
  void await_replication(Operation& operation);
  void ask_replication();
  void replication_came(const Result<ReplicaStatus>& status);
  void await(std::list<Operation*>& queue, Operation& operation);

  // Sending, and what comes of it.
  void attempt(Operation& operation);
  TimePoint answer_deadline(const Operation& operation) const;
  void pause(Operation& operation);
  void copy_ended(Operation& operation, ServerPool::Index server, const rpc::CallOutcome& outcome,
                  const Operation::Answer& answer);
  void not_answered(Operation& operation, ServerPool::Index server,
                    const rpc::CallOutcome& outcome);
  void answered(Operation& operation, ServerPool::Index server, const Operation::Answer& answer);
  void busy(Operation& operation);
  void expired(Operation& operation, const Status& status);
  void go_on_in_doubt(Operation& operation);

  // Ending.
  void finish(Operation& operation, Status status);
  void finish_late(Operation& operation);
  Status failure_so_far(const Operation& operation) const;

  rpc::EventLoop& loop_;
  const ClientOptions options_;
  bool is_closing_ = false;
  // Posted tasks hold it weakly.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::optional<ServerPool> pool_;
  std::optional<ServerPool> tcp_pool_;  // for what is too long for UDP

  std::unordered_map<Operation*, std::unique_ptr<Operation>> operations_;
  std::size_t count_ = 0;  // of those that a program began
  std::size_t bytes_ = 0;  // of them
  std::deque<Refused> refused_;
  Position seen_ = 0;

  WriteIds ids_{draw_client_id()};
  std::uint64_t session_ = 0;  // counts them; 0: there was none yet
  bool session_is_over_ = false;
  TimePoint session_opened_at_;
  Operation* session_question_ = nullptr;
  std::list<Operation*> awaiting_sequence_;

  std::optional<std::string> replication_;
  bool is_asking_replication_ = false;
  std::list<Operation*> awaiting_replication_;
};

AsyncClient::State::~State() {
  is_closing_ = true;
  tcp_pool_.reset();
  pool_.reset();
  while (!operations_.empty()) finish_late(*operations_.begin()->first);
  run_refused();
}

// ---- beginning ------------------------------------------------------------------------------

Status AsyncClient::State::check_room(const Operation& operation) const {
  if (is_closing_) return Status::unavailable("the client is being closed");
  if (count_ >= options_.operations_max) {
    return {StatusCode::kBusy, fmt::format("this client has {} operations under way, the limit",
                                           options_.operations_max)};
  }
  if (count_ > 0 && bytes_ + operation.size > options_.bytes_max) {
    return {StatusCode::kBusy, fmt::format("this client has operations of {} bytes under way, the "
                                           "limit is {}",
                                           bytes_, options_.bytes_max)};
  }
  return Status();
}

void AsyncClient::State::start(std::unique_ptr<Operation> operation, const Status& refused) {
  operation->begun = now();
  Status status = refused.ok() ? check_room(*operation) : refused;
  if (!status.ok()) {
    refuse(std::move(operation), status);
    return;
  }
  ++count_;
  bytes_ += operation->size;
  operation->is_counted = true;
  Operation& taken = adopt(std::move(operation));
  // The history tells slots only where there are some.
  if (options_.recorder != nullptr && !replication_) ask_replication();
  if (taken.effect == Effect::kWrites) {
    await_sequence(taken);
  } else {
    attempt(taken);
  }
}

Operation& AsyncClient::State::adopt(std::unique_ptr<Operation> operation) {
  Operation& taken = *operation;
  taken.begun = now();
  const Duration timeout = taken.options.timeout;
  taken.deadline = taken.begun + (timeout.ns > 0 ? timeout : options_.timeout);
  if (taken.pool == nullptr) taken.pool = &*pool_;
  operations_.emplace(&taken, std::move(operation));
  return taken;
}

// A callback is never run from within the call that begins the operation.
void AsyncClient::State::refuse(std::unique_ptr<Operation> operation, const Status& status) {
  refused_.push_back({std::move(operation), status});
  if (refused_.size() > 1 || is_closing_) return;
  loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) run_refused();
  });
}

void AsyncClient::State::run_refused() {
  while (!refused_.empty()) {
    const Refused refused = std::move(refused_.front());
    refused_.pop_front();
    if (options_.recorder != nullptr) {
      refused.operation->record(
          *options_.recorder,
          {refused.operation->begun, refused.status, {}, options_.process, false});
    }
    refused.operation->end(refused.status, {});
  }
}

// ---- what a write needs before it is sent ------------------------------------------------------

void AsyncClient::State::await(std::list<Operation*>& queue, Operation& operation) {
  queue.push_back(&operation);
  operation.timer = loop_.add_timer(operation.deadline, [this, &queue, &operation] {
    operation.timer = 0;
    queue.remove(&operation);
    finish_late(operation);
  });
}

void AsyncClient::State::await_sequence(Operation& operation) {
  await(awaiting_sequence_, operation);
  give_sequences();
}

bool AsyncClient::State::session_is_open() const {
  return session_ > 0 && !session_is_over_ && now() - session_opened_at_ < kSessionAgeMax;
}

void AsyncClient::State::give_sequences() {
  while (!awaiting_sequence_.empty() && !is_closing_) {
    if (!session_is_open()) {
      ask_session();
      return;
    }
    if (!ids_.has_room()) return;
    Operation& operation = *awaiting_sequence_.front();
    awaiting_sequence_.pop_front();
    loop_.cancel_timer(std::exchange(operation.timer, 0));
    operation.sequence = ids_.begin();
    operation.session = session_;
    attempt(operation);
  }
}

void AsyncClient::State::ask_session() {
  if (session_question_ != nullptr) return;
  TimePoint deadline = now();
  for (const Operation* each : awaiting_sequence_) deadline = std::max(deadline, each->deadline);
  CallOptions options;
  options.timeout = std::max(deadline - now(), milliseconds(1));
  session_question_ =
      &adopt(make_session(options, [this](const Result<std::uint64_t>& first_sequence) {
        session_came(first_sequence);
      }));
  attempt(*session_question_);
}

void AsyncClient::State::session_came(const Result<std::uint64_t>& first_sequence) {
  session_question_ = nullptr;
  if (is_closing_) return;
  if (first_sequence.ok()) {
    ids_.open(first_sequence.value());
    ++session_;
    session_is_over_ = false;
    session_opened_at_ = now();
    return;  // finish() goes on with who waits
  }
  // Those that have time left, as they came later, ask again.
  const bool is_final = first_sequence.status().code() != StatusCode::kUnavailable &&
                        first_sequence.status().code() != StatusCode::kBusy;
  std::list<Operation*> failed = std::exchange(awaiting_sequence_, {});
  for (auto each = failed.begin(); each != failed.end();) {
    const auto next = std::next(each);
    if (!is_final && (*each)->deadline > now()) {
      awaiting_sequence_.splice(awaiting_sequence_.end(), failed, each);
    }
    each = next;
  }
  for (Operation* each : failed) finish(*each, first_sequence.status());
}

void AsyncClient::State::await_replication(Operation& operation) {
  await(awaiting_replication_, operation);
  ask_replication();
}

void AsyncClient::State::ask_replication() {
  if (is_asking_replication_) return;
  is_asking_replication_ = true;
  std::unique_ptr<Operation> question = make_status(
      false, {}, [this](const Result<ReplicaStatus>& status) { replication_came(status); });
  if (options_.transport == rpc::Transport::kUdp) {
    if (!tcp_pool_) {
      tcp_pool_.emplace(loop_, pool_->servers(), pool_options(rpc::Transport::kTcp, false));
    }
    question->pool = &*tcp_pool_;
  }
  attempt(adopt(std::move(question)));
}

void AsyncClient::State::replication_came(const Result<ReplicaStatus>& status) {
  is_asking_replication_ = false;
  if (is_closing_) return;
  if (status.ok()) replication_ = status.value().replication;
  const std::list<Operation*> waiting = std::exchange(awaiting_replication_, {});
  for (Operation* each : waiting) {
    loop_.cancel_timer(std::exchange(each->timer, 0));
    go_on_in_doubt(*each);
  }
}

// ---- sending, and what comes of it -------------------------------------------------------------

void AsyncClient::State::attempt(Operation& operation) {
  ServerPool& pool = *operation.pool;
  std::optional<ServerPool::Index> server;
  if (!operation.first_server.empty()) server = pool.find(operation.first_server);
  operation.first_server.clear();
  if (!server) server = pool.choose(operation.tried);
  if (!server || now() >= operation.deadline) {
    ++operation.rounds;
    operation.tried.clear();
    pause(operation);
    return;
  }
  operation.tried.push_back(*server);
  const OperationId id =
      operation.effect == Effect::kWrites ? ids_.id_of(operation.sequence) : OperationId{};
  operation.send(pool.channel(*server), id, seen_, answer_deadline(operation),
                 [this, &operation, index = *server](const rpc::CallOutcome& outcome,
                                                     const Operation::Answer& answer) {
                   copy_ended(operation, index, outcome, answer);
                 });
}

// The servers that have not been tried keep their share of the time. Where there is no other one,
// waiting for the answer is all that can be done.
TimePoint AsyncClient::State::answer_deadline(const Operation& operation) const {
  const std::size_t servers = operation.pool->size();
  if (servers == 1) return operation.deadline;
  const TimePoint start = now();
  const auto left = static_cast<std::int64_t>(servers - operation.tried.size() + 1);
  const Duration share = (operation.deadline - start) / left;
  if (operation.is_slow) return start + share;
  const int doublings = std::min(operation.rounds, kAnswerTimeoutDoublingsMax);
  return start + std::min(share, kAnswerTimeout * (std::int64_t{1} << doublings));
}

void AsyncClient::State::pause(Operation& operation) {
  Duration duration = kPauseMin;
  for (int i = 0; i < operation.pauses && duration < kPauseMax; ++i) duration = duration * 2;
  ++operation.pauses;
  const TimePoint until = now() + pool_->jittered(std::min(duration, kPauseMax));
  operation.timer = loop_.add_timer(std::min(until, operation.deadline), [this, &operation] {
    operation.timer = 0;
    if (now() >= operation.deadline) {
      finish_late(operation);
    } else {
      attempt(operation);
    }
  });
}

void AsyncClient::State::copy_ended(Operation& operation, ServerPool::Index server,
                                    const rpc::CallOutcome& outcome,
                                    const Operation::Answer& answer) {
  if (is_closing_) {
    operation.may_have_run |= outcome.kind == rpc::CallOutcome::Kind::kUnknown;
    operation.reasons.emplace_back(server, outcome.reason);
    finish_late(operation);
    return;
  }
  std::string reason = outcome.answered() ? answer.status.reason() : outcome.reason;
  std::erase_if(operation.reasons, [server](const auto& each) { return each.first == server; });
  if (!reason.empty()) operation.reasons.emplace_back(server, std::move(reason));
  if (outcome.answered()) {
    answered(operation, server, answer);
  } else {
    not_answered(operation, server, outcome);
  }
}

void AsyncClient::State::not_answered(Operation& operation, ServerPool::Index server,
                                      const rpc::CallOutcome& outcome) {
  operation.was_busy = false;
  operation.busy_in_a_row = 0;
  operation.answerer = {};
  const bool in_doubt =
      operation.effect == Effect::kWrites && outcome.kind == rpc::CallOutcome::Kind::kUnknown;
  if (!in_doubt && !may_try_elsewhere(outcome, operation.effect)) {
    // Refused for what it is, which says nothing of an earlier copy.
    const Status status = failure_of(outcome, operation.effect);
    finish(operation, operation.may_have_run ? Status::unknown(status.reason()) : status);
    return;
  }
  operation.pool->failed(server);
  if (in_doubt) {
    operation.may_have_run = true;
    go_on_in_doubt(operation);
  } else {
    attempt(operation);
  }
}

// A copy may have been run. Where the id protects it, another one is sent.
void AsyncClient::State::go_on_in_doubt(Operation& operation) {
  if (now() >= operation.deadline) {
    finish_late(operation);
  } else if (!replication_ && !is_asking_replication_ && operation.asked_replication) {
    finish(operation, Status::unknown(failure_so_far(operation).reason()));
  } else if (!replication_) {
    operation.asked_replication = true;
    await_replication(operation);
  } else if (*replication_ == kReplicationForward) {
    finish(operation, Status::unknown(failure_so_far(operation).reason()));
  } else {
    attempt(operation);
  }
}

void AsyncClient::State::answered(Operation& operation, ServerPool::Index server,
                                  const Operation::Answer& answer) {
  ServerPool& pool = *operation.pool;
  const StatusCode code = answer.status.code();
  operation.answerer = {pool.name(server), pool.replica(server)};
  operation.was_busy = code == StatusCode::kBusy;
  pool.answered(server);
  if (code == StatusCode::kBusy) {
    busy(operation);
    return;
  }
  operation.busy_in_a_row = 0;
  if (code == StatusCode::kUnavailable) {
    pool.failed(server);
    attempt(operation);
    return;
  }
  pool.served(server);
  saw(answer.position);
  const bool is_write = operation.effect == Effect::kWrites;
  if (code == StatusCode::kUnknown) {
    operation.may_have_run |= is_write;
    is_write ? go_on_in_doubt(operation) : attempt(operation);
  } else if (code == StatusCode::kExpired && is_write) {
    expired(operation, answer.status);
  } else if (code == StatusCode::kDenied && operation.may_have_run) {
    // Of this copy alone.
    finish(operation, Status::unknown(answer.status.reason()));
  } else {
    finish(operation, answer.status);
  }
}

void AsyncClient::State::busy(Operation& operation) {
  ++operation.busy_in_a_row;
  if (operation.busy_in_a_row < kBusyInARowMax) {
    operation.tried.pop_back();
  } else {
    operation.busy_in_a_row = 0;
  }
  pause(operation);
}

// Nothing came of this copy. Of no other one either, if each is known to have come to nothing; over
// UDP there may be more copies than were sent here.
void AsyncClient::State::expired(Operation& operation, const Status& status) {
  if (operation.may_have_run || options_.transport == rpc::Transport::kUdp) {
    finish(operation, status);
    return;
  }
  if (operation.session == session_) session_is_over_ = true;
  ids_.end(std::exchange(operation.sequence, 0));
  ++operation.rounds;
  operation.tried.clear();
  if (operation.rounds == 1) {
    await_sequence(operation);
    return;
  }
  // A session of a replica that lags may be over from the beginning.
  operation.timer = loop_.add_timer(
      std::min(now() + pool_->jittered(kPauseMax), operation.deadline), [this, &operation] {
        operation.timer = 0;
        await_sequence(operation);
      });
}

// ---- ending ------------------------------------------------------------------------------------

Status AsyncClient::State::failure_so_far(const Operation& operation) const {
  std::string text;
  for (const auto& [server, reason] : operation.reasons) {
    text += (text.empty() ? "" : "; ") + reason;
  }
  if (operation.reasons.size() > 1) {
    text =
        (operation.answerer.server.empty() ? "no server answered: " : "no server did it: ") + text;
  }
  if (text.empty() && session_question_ != nullptr && session_question_ != &operation) {
    text = failure_so_far(*session_question_).reason();
  }
  if (text.empty()) {
    text = fmt::format("{}: not sent within its time", operation.pool->name(0));
  }
  if (operation.effect == Effect::kWrites && operation.may_have_run) return Status::unknown(text);
  if (operation.was_busy) return {StatusCode::kBusy, text};
  return Status::unavailable(text);
}

// Its time is over, or the client's.
void AsyncClient::State::finish_late(Operation& operation) {
  if (is_closing_) {
    const bool in_doubt = operation.effect == Effect::kWrites && operation.may_have_run;
    finish(operation, in_doubt ? Status::unknown("the client was closed")
                               : Status::unavailable("the client was closed"));
    return;
  }
  finish(operation, failure_so_far(operation));
}

void AsyncClient::State::finish(Operation& operation, Status status) {
  const auto found = operations_.find(&operation);
  RKV_CHECK(found != operations_.end(), "an operation ends once");
  const std::unique_ptr<Operation> ended = std::move(found->second);
  operations_.erase(found);
  loop_.cancel_timer(std::exchange(ended->timer, 0));
  if (ended->effect == Effect::kWrites) {
    status = with_certainty(status);
    ids_.end(ended->sequence);
  }
  if (ended->is_counted) {
    --count_;
    bytes_ -= ended->size;
  }
  if (options_.recorder != nullptr) {
    ended->record(*options_.recorder, {ended->begun, status, ended->answerer.replica,
                                       options_.process, replication_ == kReplicationPaxos});
  }
  ended->end(status, ended->answerer);
  give_sequences();
}

AsyncClient::AsyncClient(rpc::EventLoop& loop, std::vector<Server> servers,
                         const ClientOptions& options)
    : state_(std::make_unique<State>(loop, std::move(servers), options)) {}

AsyncClient::~AsyncClient() = default;

void AsyncClient::put(std::string key, std::string value, WriteDone done,
                      const CallOptions& options) {
  Status status = check_key(key);
  if (status.ok()) status = check_value(value);
  state_->start(make_put(std::move(key), std::move(value), options, std::move(done)), status);
}

void AsyncClient::del(std::string key, WriteDone done, const CallOptions& options) {
  const Status status = check_key(key);
  state_->start(make_del(std::move(key), options, std::move(done)), status);
}

void AsyncClient::get(std::string key, ReadDone done, const CallOptions& options) {
  const Status status = check_key(key);
  state_->start(make_get(std::move(key), options, std::move(done)), status);
}

void AsyncClient::transact(Transaction transaction, TransactDone done, const CallOptions& options) {
  const Status status = check_transaction(transaction);
  state_->start(make_transact(std::move(transaction), options, std::move(done)), status);
}

void AsyncClient::range(RangeQuery query, PageDone done, const CallOptions& options) {
  const Status status = check_range(query);
  state_->start(make_range(std::move(query), options, std::move(done)), status);
}

void AsyncClient::replicas(ReplicasDone done, const CallOptions& options) {
  state_->start(make_replicas(options, std::move(done)));
}

void AsyncClient::status(bool state_hash, StatusDone done, const CallOptions& options) {
  state_->start(make_status(state_hash, options, std::move(done)));
}

std::size_t AsyncClient::operations_under_way() const { return state_->count(); }
std::size_t AsyncClient::bytes_under_way() const { return state_->bytes(); }
Position AsyncClient::seen() const { return state_->seen(); }
void AsyncClient::saw(Position position) { state_->saw(position); }
std::vector<Server> AsyncClient::servers() const { return state_->servers(); }

}  // namespace rkv::client
