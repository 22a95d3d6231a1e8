#include "client/async_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "client/async_client_state.h"
#include "client/history_recorder.h"
#include "client/operations.h"
#include "client/request_check.h"

namespace rkv::client {
namespace {

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
    case StatusCode::kUnknown:  // these say it in their names
    case StatusCode::kExpired:
      return status;
    default:
      break;
  }
  const bool nothing = certainty_of(status.code()) == Certainty::kNothingHappened;
  return {status.code(),
          fmt::format("{}; {}", status.reason(), nothing ? "nothing happened" : "outcome unknown")};
}

}  // namespace

AsyncClient::State::State(rpc::EventLoop& loop, std::vector<Server> servers,
                          const ClientOptions& options)
    : loop_(loop), options_(options) {
  pool_.emplace(loop, std::move(servers), pool_options());
}

ServerPoolOptions AsyncClient::State::pool_options() const {
  ServerPoolOptions options;
  options.transport = options_.transport;
  options.discover = options_.discover;
  options.connect_timeout = std::min(kConnectTimeoutMax, options_.timeout);
  return options;
}

AsyncClient::State::~State() {
  is_closing_ = true;
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
  if (options_.recorder != nullptr && !cluster_) ask_session();
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

void AsyncClient::State::await_sequence(Operation& operation) {
  if (awaiting_sequence_.empty() && session_is_open() && ids_.has_room()) {
    send_first(operation);
    return;
  }
  awaiting_sequence_.push_back(&operation);
  operation.timer = loop_.add_timer(operation.deadline, [this, &operation] {
    operation.timer = 0;
    awaiting_sequence_.remove(&operation);
    finish_late(operation);
  });
  give_sequences();
}

void AsyncClient::State::send_first(Operation& operation) {
  operation.sequence = ids_.begin();
  operation.session = session_;
  attempt(operation);
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
    send_first(operation);
  }
}

void AsyncClient::State::ask_session() {
  if (session_question_ != nullptr) return;
  CallOptions options;
  if (!awaiting_sequence_.empty()) {
    TimePoint deadline = now();
    for (const Operation* each : awaiting_sequence_) deadline = std::max(deadline, each->deadline);
    options.timeout = std::max(deadline - now(), milliseconds(1));
  }
  session_question_ = &adopt(
      make_session(options, [this](const Result<Session>& session) { session_came(session); }));
  attempt(*session_question_);
}

void AsyncClient::State::session_came(const Result<Session>& session) {
  session_question_ = nullptr;
  if (is_closing_) return;
  if (session.ok()) {
    ids_.open(session.value().first_sequence);
    cluster_ = session.value();
    ++session_;
    session_is_over_ = false;
    session_opened_at_ = now();
    return;  // finish() goes on with who waits
  }
  // Those that have time left, as they came later, ask again.
  const StatusCode code = session.status().code();
  const bool is_final =
      !options_.patient || (code != StatusCode::kUnavailable && code != StatusCode::kBusy);
  std::list<Operation*> failed = std::exchange(awaiting_sequence_, {});
  for (auto each = failed.begin(); each != failed.end();) {
    const auto next = std::next(each);
    if (!is_final && (*each)->deadline > now()) {
      awaiting_sequence_.splice(awaiting_sequence_.end(), failed, each);
    }
    each = next;
  }
  for (Operation* each : failed) finish(*each, session.status());
}

// ---- ending ------------------------------------------------------------------------------------

Status AsyncClient::State::failure_so_far(const Operation& operation) const {
  std::string text;
  bool was_answered = false;
  for (const Operation::Reason& reason : operation.reasons) {
    text += (text.empty() ? "" : "; ") + reason.text;
    was_answered |= reason.was_answered;
  }
  if (operation.reasons.size() > 1) {
    text = (was_answered ? "no server did it: " : "no server answered: ") + text;
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
                                       options_.process, cluster_ && cluster_->has_total_order});
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
