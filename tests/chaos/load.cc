#include "chaos/load.h"

#include <kv.h>

#include <algorithm>
#include <utility>

#include "client/client_id.h"
#include "client/outcome.h"
#include "client/wire.h"

namespace rkv::chaos {
namespace {

using history::Kind;
using history::Outcome;

constexpr rpc::Procedure<kv_put_args, kv_put_result> kPutProcedure = {
    KV_PROG, KV_V1, PUT, xdr_kv_put_args, xdr_kv_put_result};
constexpr rpc::Procedure<kv_get_args, kv_get_result> kGetProcedure = {
    KV_PROG, KV_V1, GET, xdr_kv_get_args, xdr_kv_get_result};

// Before the next operation of a client whose last one was refused.
constexpr Duration kPauseAfterRefusal = milliseconds(10);
// How long a client stays away from a server that failed.
constexpr Duration kAway = seconds(1);
// Between two looks whether to stop.
constexpr Duration kLook = milliseconds(20);

TimePoint now() { return rpc::EventLoop::read_clock(); }

// In microseconds, as a history has it.
history::Time time_of(TimePoint at) { return static_cast<history::Time>(at.ns / 1000); }

// What may have come of an operation, by what its client was told; see kv.x.
Outcome outcome_of(const Status& status, Kind kind) {
  switch (status.code()) {
    case StatusCode::kOk:
      return Outcome::kOk;
    case StatusCode::kNotFound:
      return Outcome::kNotFound;
    case StatusCode::kInvalid:
    case StatusCode::kUnavailable:
    case StatusCode::kDenied:
    case StatusCode::kOverLimit:
    case StatusCode::kBusy:
    case StatusCode::kRevisionGone:
      return Outcome::kRefused;
    case StatusCode::kUnknown:
    case StatusCode::kExpired:
    case StatusCode::kInternal:
    case StatusCode::kPartlyApplied:
      return kind == Kind::kGet ? Outcome::kRefused : Outcome::kUnknown;
  }
  RKV_CHECK(false, "status out of range");
}

}  // namespace

Load::Load(const Options& options, Workload& workload)
    : options_(options), workload_(workload), clients_(options.clients) {
  rpc::ChannelOptions channel_options;
  channel_options.connect_timeout = options.timeout;
  // A server that was started again is found soon.
  channel_options.backoff_max = milliseconds(100);
  channels_.reserve(options.servers.size());
  for (const client::Server& server : options.servers) {
    channels_.push_back(std::make_unique<rpc::Channel>(loop_, resolver_, logger_, server.host,
                                                       server.port, channel_options));
  }
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    clients_[i].home = clients_[i].server = i % channels_.size();
    become_another(clients_[i]);
  }
}

Load::~Load() = default;

void Load::become_another(Client& client) {
  client.process = next_process_++;
  client.identity = {client::draw_client_id(), 0, 0};
}

Summary Load::run(const std::function<bool()>& stop) {
  std::vector<std::string> names;
  names.reserve(channels_.size());
  for (const auto& channel : channels_) names.push_back(channel->name());
  const TimePoint start = now();
  summary_ = std::make_unique<Summary>(std::move(names), start);
  const std::function<void()> look = [&] {
    stopping_ = stopping_ || stop() || now() >= start + options_.duration;
    if (!stopping_) loop_.add_timer(now() + kLook, look);
  };
  look();
  for (std::size_t i = 0; i < clients_.size(); ++i) begin(i);
  loop_.run_until([this] { return stopping_ && busy_ == 0; }, kNever);
  summary_->end(now());
  return *summary_;
}

void Load::begin(std::size_t index) {
  if (stopping_) return;
  Client& client = clients_[index];
  if (client.server != client.home && now() >= client.home_again) client.server = client.home;
  client.busy = true;
  ++busy_;
  client.operation = workload_.next();
  client.operation.process = client.process;
  client.invoked = now();
  client.operation.invoked = time_of(client.invoked);
  const TimePoint deadline = client.invoked + options_.timeout;
  rpc::Channel& channel = *channels_[client.server];
  if (client.operation.kind == Kind::kGet) {
    kv_get_args args;
    client::fill_get(client.operation.key, {}, &args);
    channel.call<kv_get_args, kv_get_result>(
        kGetProcedure, args, deadline,
        [this, index](const rpc::CallOutcome& outcome, kv_get_result& result) {
          get_ended(index, outcome, result);
        });
    return;
  }
  ++client.identity.sequence;
  client.identity.first_outstanding = client.identity.sequence;
  kv_put_args args;
  client::fill_put(client.identity, client.operation.key, client.operation.argument, &args);
  channel.call<kv_put_args, kv_put_result>(
      kPutProcedure, args, deadline,
      [this, index](const rpc::CallOutcome& outcome, kv_put_result& result) {
        put_ended(index, outcome, result);
      });
}

void Load::begin_later(std::size_t index, Duration pause) {
  loop_.add_timer(now() + pause, [this, index] { begin(index); });
}

void Load::put_ended(std::size_t index, const rpc::CallOutcome& outcome,
                     const kv_put_result& result) {
  Client& client = clients_[index];
  if (!outcome.answered()) {
    ended(index, client::failure_of(outcome, client::Effect::kWrites));
    return;
  }
  const client::WriteOutcome write = client::outcome_of(result, channels_[client.server]->name());
  if (write.status.ok()) client.operation.version = write.key_version;
  ended(index, write.status);
}

void Load::get_ended(std::size_t index, const rpc::CallOutcome& outcome,
                     const kv_get_result& result) {
  Client& client = clients_[index];
  if (!outcome.answered()) {
    ended(index, client::failure_of(outcome, client::Effect::kReads));
    return;
  }
  client::ReadOutcome read = client::outcome_of(result, channels_[client.server]->name());
  if (read.status.ok()) {
    client.operation.version = read.key_version;
    client.operation.value = std::move(read.value);
  }
  ended(index, read.status);
}

void Load::ended(std::size_t index, const Status& status) {
  Client& client = clients_[index];
  history::Operation& operation = client.operation;
  const TimePoint at = now();
  operation.outcome = outcome_of(status, operation.kind);
  if (operation.outcome != Outcome::kUnknown) {
    operation.returned = time_of(at);
  }
  workload_.ended(operation, channels_[client.server]->name());
  summary_->add(operation, client.server, status.reason(), client.invoked, at);
  client.busy = false;
  --busy_;
  if (operation.outcome == Outcome::kUnknown) become_another(client);
  const bool failed =
      operation.outcome == Outcome::kUnknown || operation.outcome == Outcome::kRefused;
  if (failed && !options_.pinned) {
    client.server = (client.server + 1) % channels_.size();
    client.home_again = at + kAway;
  }
  const Duration pause = failed ? std::max(options_.pause, kPauseAfterRefusal) : options_.pause;
  if (pause > Duration()) {
    begin_later(index, pause);
  } else {
    begin(index);
  }
}

}  // namespace rkv::chaos
