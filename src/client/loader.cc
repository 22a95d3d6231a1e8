#include "client/loader.h"

#include <fmt/format.h>
#include <kv.h>

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "client/client_id.h"
#include "client/outcome.h"
#include "client/request_check.h"
#include "client/wire.h"
#include "rpc/channel.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"

namespace rkv::client {
namespace {

constexpr rpc::Procedure<kv_put_args, kv_put_result> kPutProcedure = {
    KV_PROG, KV_V1, PUT, xdr_kv_put_args, xdr_kv_put_result};
constexpr rpc::Procedure<kv_replicas_args, kv_replicas_result> kProbeProcedure = {
    KV_PROG, KV_V1, REPLICAS, xdr_kv_replicas_args, xdr_kv_replicas_result};

// Puts are handed to the network in bunches, so that one write to the socket carries many.
constexpr std::size_t kBunchCalls = 32;
constexpr std::size_t kBunchBytes = 256 * 1024;
// Before what was not taken is tried again.
constexpr Duration kPauseMin = milliseconds(10);
constexpr Duration kPauseMax = milliseconds(500);
// For a connection to one server, when there are others.
constexpr Duration kConnectTimeoutMax = seconds(5);

TimePoint now() { return rpc::EventLoop::read_clock(); }

}  // namespace

class Loader::State {
 public:
  State(const std::vector<Server>& servers, const LoaderOptions& options, OnFailure on_failure);
  ~State();

  Status start();
  void put(std::string key, std::string value);
  void drain() {
    loop_.run_until([this] { return puts_.empty(); }, kNever);
  }
  bool gave_up() const { return given_up_.has_value(); }
  const LoaderTotals& totals() const { return totals_; }

 private:
  struct Put {
    std::string key;
    std::string value;
    TimePoint deadline;
    TimePoint sent_at;
    std::size_t not_sent = 0;  // how many attempts in a row came to nothing
    Duration pause = kPauseMin;
  };
  struct Target {
    std::string name;
    std::unique_ptr<rpc::Channel> channel;
    TimePoint answered_at{INT64_MIN};  // its latest answer
    bool silent = false;  // a put got no answer in all its time, and none came for another since
  };
  using Puts = std::map<std::uint64_t, Put>;  // by sequence number

  Status probe(Target& target, TimePoint until);
  bool has_room(std::size_t size) const;
  void run_one_turn();
  void send(std::uint64_t sequence);
  void send_later(std::uint64_t sequence);
  void ended(std::uint64_t sequence, std::size_t target, const rpc::CallOutcome& outcome,
             kv_put_result& result);
  void not_taken(Puts::iterator put, std::size_t target, const rpc::CallOutcome& outcome);
  void unanswered(Puts::iterator put, std::size_t target, const rpc::CallOutcome& outcome);
  void finish(Puts::iterator put, const Status& status);
  void leave(std::size_t target);
  void give_up(const std::string& reason);

  const LoaderOptions options_;
  const OnFailure on_failure_;
  const std::uint64_t client_id_ = draw_client_id();
  LoaderTotals totals_;
  std::optional<Status> given_up_;
  bool stopping_ = false;

  std::uint64_t next_sequence_ = 1;
  Puts puts_;                             // under way
  std::unordered_set<std::string> keys_;  // of puts_
  std::size_t bytes_ = 0;                 // of puts_
  std::size_t bunch_calls_ = 0;           // begun since the last turn
  std::size_t bunch_bytes_ = 0;

  NullLogger logger_;
  rpc::EventLoop loop_;
  rpc::Resolver resolver_{loop_};
  std::vector<Target> targets_;
  std::size_t current_ = 0;  // of targets_: where puts go
};

Loader::State::State(const std::vector<Server>& servers, const LoaderOptions& options,
                     OnFailure on_failure)
    : options_(options), on_failure_(std::move(on_failure)) {
  RKV_CHECK(!servers.empty(), "a loader needs a server");
  rpc::ChannelOptions channel_options;
  const auto count = static_cast<std::int64_t>(servers.size());
  channel_options.connect_timeout = std::min(kConnectTimeoutMax, options.timeout / count);
  for (const Server& server : servers) {
    targets_.push_back(
        {server.name(), std::make_unique<rpc::Channel>(loop_, resolver_, logger_, server.host,
                                                       server.port, channel_options)});
  }
}

Loader::State::~State() {
  stopping_ = true;
  for (Target& target : targets_) target.channel.reset();
}

Status Loader::State::start() {
  const TimePoint deadline = now() + options_.timeout;
  std::string reasons;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const auto left = static_cast<std::int64_t>(targets_.size() - i);
    const Status status = probe(targets_[i], now() + (deadline - now()) / left);
    if (status.ok()) {
      current_ = i;
      return status;
    }
    if (targets_.size() == 1) return status;
    reasons += (reasons.empty() ? "" : "; ") + status.reason();
  }
  return Status::unavailable("no server answered: " + reasons);
}

// Asks for the replicas, as any call that reads would do: what counts is that there is an answer.
Status Loader::State::probe(Target& target, TimePoint until) {
  std::optional<Status> status;
  target.channel->call<kv_replicas_args, kv_replicas_result>(
      kProbeProcedure, {}, until,
      [this, &status](const rpc::CallOutcome& outcome, kv_replicas_result&) {
        if (stopping_) return;
        status = outcome.answered() ? Status() : failure_of(outcome, Effect::kReads);
      });
  loop_.run_until([&status] { return status.has_value(); }, kNever);
  return *status;
}

bool Loader::State::has_room(std::size_t size) const {
  return puts_.empty() ||
         (puts_.size() < options_.calls_max && bytes_ + size <= options_.bytes_max);
}

void Loader::State::put(std::string key, std::string value) {
  Status status = check_key(key);
  if (status.ok()) status = check_value(value);
  const std::size_t size = key.size() + value.size();
  if (status.ok() && !given_up_) {
    loop_.run_until([&] { return given_up_ || (has_room(size) && !keys_.contains(key)); }, kNever);
  }
  if (status.ok() && given_up_) status = *given_up_;
  if (!status.ok()) {
    ++totals_.failed;
    on_failure_(key, status);
    return;
  }
  const std::uint64_t sequence = next_sequence_++;
  keys_.insert(key);
  bytes_ += size;
  Put put;
  put.key = std::move(key);
  put.value = std::move(value);
  put.deadline = now() + options_.timeout;
  puts_.emplace(sequence, std::move(put));
  send(sequence);
  ++bunch_calls_;
  bunch_bytes_ += size;
  if (bunch_calls_ >= kBunchCalls || bunch_bytes_ >= kBunchBytes) run_one_turn();
}

void Loader::State::run_one_turn() {
  bunch_calls_ = 0;
  bunch_bytes_ = 0;
  loop_.request_turn();
  bool turned = false;
  loop_.run_until([&turned] { return std::exchange(turned, true); }, kNever);
}

void Loader::State::send(std::uint64_t sequence) {
  const auto found = puts_.find(sequence);
  if (found == puts_.end()) return;
  if (given_up_) {
    finish(found, *given_up_);
    return;
  }
  Put& put = found->second;
  put.sent_at = now();
  kv_put_args args;
  fill_put({client_id_, sequence, puts_.begin()->first}, put.key, put.value, &args);
  targets_[current_].channel->call<kv_put_args, kv_put_result>(
      kPutProcedure, args, put.deadline,
      [this, sequence, target = current_](const rpc::CallOutcome& outcome, kv_put_result& result) {
        if (!stopping_) ended(sequence, target, outcome, result);
      });
}

void Loader::State::send_later(std::uint64_t sequence) {
  Put& put = puts_.at(sequence);
  loop_.add_timer(now() + put.pause, [this, sequence] { send(sequence); });
  put.pause = std::min(put.pause * 2, kPauseMax);
}

void Loader::State::ended(std::uint64_t sequence, std::size_t target,
                          const rpc::CallOutcome& outcome, kv_put_result& result) {
  const auto put = puts_.find(sequence);
  RKV_CHECK(put != puts_.end(), "a call ends once");
  if (!outcome.answered()) {
    if (may_try_elsewhere(outcome, Effect::kWrites)) {
      not_taken(put, target, outcome);
    } else {
      unanswered(put, target, outcome);
    }
    return;
  }
  targets_[target].answered_at = now();
  targets_[target].silent = false;
  put->second.not_sent = 0;
  const Status status = outcome_of(result, targets_[target].name).status;
  if (status.code() == StatusCode::kBusy && now() + put->second.pause < put->second.deadline) {
    send_later(sequence);
    return;
  }
  finish(put, status);
}

// Nothing came of it: on to the next server, and when all have been tried, again after a pause.
void Loader::State::not_taken(Puts::iterator put, std::size_t target,
                              const rpc::CallOutcome& outcome) {
  Put& unsent = put->second;
  leave(target);
  ++unsent.not_sent;
  if (now() + unsent.pause >= unsent.deadline) {
    give_up(outcome.reason);
    finish(put, failure_of(outcome, Effect::kWrites));
  } else if (unsent.not_sent % targets_.size() != 0) {
    send(put->first);
  } else {
    send_later(put->first);
  }
}

// A server that has answered nothing since before this put, for a put's whole timeout, is left;
// when all servers are like that there is no use in going on.
void Loader::State::unanswered(Puts::iterator put, std::size_t target,
                               const rpc::CallOutcome& outcome) {
  const Put& lost = put->second;
  if (now() >= lost.deadline && targets_[target].answered_at < lost.sent_at) {
    targets_[target].silent = true;
    leave(target);
    const bool all_silent = std::all_of(targets_.begin(), targets_.end(),
                                        [](const Target& each) { return each.silent; });
    if (all_silent) give_up(outcome.reason);
  }
  finish(put, failure_of(outcome, Effect::kWrites));
}

void Loader::State::finish(Puts::iterator put, const Status& status) {
  const Put done = std::move(put->second);
  keys_.erase(done.key);
  bytes_ -= done.key.size() + done.value.size();
  puts_.erase(put);
  if (status.ok()) {
    ++totals_.stored;
    totals_.value_bytes += done.value.size();
  } else {
    ++totals_.failed;
    on_failure_(done.key, status);
  }
}

// New puts go to the next server, unless they have been sent elsewhere already.
void Loader::State::leave(std::size_t target) {
  if (current_ == target) current_ = (current_ + 1) % targets_.size();
}

void Loader::State::give_up(const std::string& reason) {
  if (!given_up_) given_up_ = Status::unavailable("not tried, the load was given up: " + reason);
}

Loader::Loader(const std::vector<Server>& servers, const LoaderOptions& options,
               OnFailure on_failure)
    : state_(std::make_unique<State>(servers, options, std::move(on_failure))) {}

Loader::~Loader() = default;

Status Loader::start() { return state_->start(); }
void Loader::put(std::string key, std::string value) {
  state_->put(std::move(key), std::move(value));
}
void Loader::drain() { state_->drain(); }
bool Loader::gave_up() const { return state_->gave_up(); }
const LoaderTotals& Loader::totals() const { return state_->totals(); }

}  // namespace rkv::client
