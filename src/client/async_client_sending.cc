#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "client/async_client_state.h"
#include "client/outcome.h"

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

TimePoint now() { return rpc::EventLoop::read_clock(); }

}  // namespace

void AsyncClient::State::attempt(Operation& operation) {
  ServerPool& pool = *operation.pool;
  std::optional<ServerPool::Index> server;
  if (!operation.first_server.empty()) server = pool.find(operation.first_server);
  operation.first_server.clear();
  if (!server) server = pool.choose(operation.tried);
  const bool may_give_up = !options_.patient && !operation.may_have_run && !operation.was_busy;
  if ((!server && may_give_up) || would_end_in_doubt(operation)) {
    finish(operation, failure_so_far(operation));
    return;
  }
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

// Whether nothing has come of a write, every server has had its turn, and a copy that is sent now
// would likely have no answer in its time: then it is better to know that nothing happened.
bool AsyncClient::State::would_end_in_doubt(const Operation& operation) const {
  if (operation.effect != Effect::kWrites || operation.may_have_run || operation.rounds == 0) {
    return false;
  }
  const Duration least = std::min(kAnswerTimeout, (operation.deadline - operation.begun) / 4);
  return operation.deadline - now() < least;
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
  const Duration longest = kAnswerTimeout * (std::int64_t{1} << doublings);
  // Each has had its share; a write that is cut off while it is worked on is in doubt.
  const bool has_shared = operation.rounds > 0 && operation.effect == Effect::kWrites;
  return start + std::min(has_shared ? operation.deadline - start : share, longest);
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
    operation.reasons.push_back({server, outcome.reason, false});
    finish_late(operation);
    return;
  }
  std::string reason = outcome.answered() ? answer.status.reason() : outcome.reason;
  std::erase_if(operation.reasons, [server](const auto& each) { return each.server == server; });
  if (!reason.empty()) {
    operation.reasons.push_back({server, std::move(reason), outcome.answered()});
  }
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
  } else if (!cluster_->ids_protect) {
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
    busy(operation, server);
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

void AsyncClient::State::busy(Operation& operation, ServerPool::Index server) {
  ++operation.busy_in_a_row;
  if (operation.busy_in_a_row < kBusyInARowMax || operation.is_of_first_server) {
    operation.tried.pop_back();
    operation.first_server = operation.pool->name(server);
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

}  // namespace rkv::client
