#include "client/client.h"

#include <fmt/format.h>
#include <kv.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "client/client_id.h"
#include "client/outcome.h"
#include "client/request_check.h"
#include "client/wire.h"
#include "rpc/event_loop.h"
#include "rpc/stub_client.h"
#include "rpc/xdr.h"

namespace rkv::client {
namespace {

// The pause before a busy server is asked again: the first, and what doubling leads to.
constexpr Duration kBusyPauseMin = milliseconds(10);
constexpr Duration kBusyPauseMax = milliseconds(500);
// A server that does not even accept a connection is given up after this, if there is another one.
constexpr Duration kConnectTimeoutMax = seconds(5);

TimePoint now() { return rpc::EventLoop::read_clock(); }

}  // namespace

class Client::State {
 public:
  State(std::vector<Server> servers, const ClientOptions& options) : options_(options) {
    RKV_CHECK(!servers.empty(), "a client needs a server");
    const auto count = static_cast<std::int64_t>(servers.size());
    channel_options_.connect_timeout = std::min(kConnectTimeoutMax, options.timeout / count);
    for (Server& server : servers) {
      std::string name = server.name();
      connections_.push_back({std::move(server), std::move(name), nullptr});
    }
  }

  // Makes a call at one server: fills `server` in where it tells who answered.
  using Attempt = std::function<Status(rpc::StubClient& stub, const std::string& server)>;

  // Makes the call at one server after the other as the class comment says. The status is that of
  // the answer, or why there is none.
  Status call(Effect effect, const Attempt& attempt) {
    const TimePoint deadline = now() + options_.timeout;
    const std::size_t count = connections_.size();
    const std::size_t first = preferred_;
    std::string reasons;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t index = (first + i) % count;
      Connection& connection = connections_[index];
      // A read leaves the servers behind this one their share of the time. A write cannot: once it
      // is sent, waiting for its answer is all that can be done.
      const auto left = effect == Effect::kReads ? static_cast<std::int64_t>(count - i) : 1;
      const TimePoint until = now() + (deadline - now()) / left;
      const Status status = call_until(connection, until, deadline, attempt);
      const rpc::CallOutcome& outcome = connection.stub->last_outcome();
      if (outcome.answered()) {
        preferred_ = index;
        return status;
      }
      const Status failed = failure_of(outcome, effect);
      if (count == 1 || !may_try_elsewhere(outcome, effect)) return failed;
      reasons += (reasons.empty() ? "" : "; ") + failed.reason();
      if (now() >= deadline) break;
    }
    return Status::unavailable("no server answered: " + reasons);
  }

  // An operation ends before the next one begins, so the next one is the only one outstanding.
  OperationId next_operation() {
    ++sequence_;
    return {client_id_, sequence_, sequence_};
  }

 private:
  struct Connection {
    Server server;
    std::string name;
    std::unique_ptr<rpc::StubClient> stub;  // null until it is first needed
  };

  // One server, again and again while it is busy. `until` is for the first answer.
  Status call_until(Connection& connection, TimePoint until, TimePoint deadline,
                    const Attempt& attempt) {
    if (!connection.stub) {
      connection.stub =
          std::make_unique<rpc::StubClient>(logger_, connection.server.host, connection.server.port,
                                            KV_PROG, KV_V1, channel_options_, options_.transport);
    }
    Duration pause = kBusyPauseMin;
    while (true) {
      connection.stub->set_timeout(std::max(until - now(), milliseconds(1)));
      const Status status = attempt(*connection.stub, connection.name);
      const bool busy =
          connection.stub->last_outcome().answered() && status.code() == StatusCode::kBusy;
      if (!busy || now() + pause >= deadline) return status;
      std::this_thread::sleep_for(std::chrono::nanoseconds(pause.ns));
      pause = std::min(pause * 2, kBusyPauseMax);
      until = deadline;
    }
  }

  const ClientOptions options_;
  rpc::ChannelOptions channel_options_;
  NullLogger logger_;
  std::vector<Connection> connections_;
  std::size_t preferred_ = 0;
  const std::uint64_t client_id_ = draw_client_id();
  std::uint64_t sequence_ = 0;
};

Client::Client(std::vector<Server> servers, const ClientOptions& options)
    : state_(std::make_unique<State>(std::move(servers), options)) {}

Client::~Client() = default;

WriteOutcome Client::put(std::string_view key, std::string_view value) {
  WriteOutcome outcome;
  outcome.status = check_key(key);
  if (outcome.status.ok()) outcome.status = check_value(value);
  if (!outcome.status.ok()) return outcome;
  kv_put_args args;
  fill_put(state_->next_operation(), key, value, &args);
  const Status status =
      state_->call(Effect::kWrites, [&](rpc::StubClient& stub, const std::string& server) {
        rpc::Decoded<kv_put_result> result(xdr_kv_put_result);
        put_1(&args, result.get(), stub.handle());
        if (stub.last_outcome().answered()) outcome = outcome_of(*result, server);
        return outcome.status;
      });
  outcome.status = status;
  return outcome;
}

WriteOutcome Client::del(std::string_view key) {
  WriteOutcome outcome;
  outcome.status = check_key(key);
  if (!outcome.status.ok()) return outcome;
  kv_del_args args;
  fill_del(state_->next_operation(), key, &args);
  const Status status =
      state_->call(Effect::kWrites, [&](rpc::StubClient& stub, const std::string& server) {
        rpc::Decoded<kv_del_result> result(xdr_kv_del_result);
        del_1(&args, result.get(), stub.handle());
        if (stub.last_outcome().answered()) outcome = outcome_of(*result, server);
        return outcome.status;
      });
  outcome.status = status;
  return outcome;
}

ReadOutcome Client::get(std::string_view key) {
  ReadOutcome outcome;
  outcome.status = check_key(key);
  if (!outcome.status.ok()) return outcome;
  kv_get_args args;
  fill_get(key, &args);
  const Status status =
      state_->call(Effect::kReads, [&](rpc::StubClient& stub, const std::string& server) {
        rpc::Decoded<kv_get_result> result(xdr_kv_get_result);
        get_1(&args, result.get(), stub.handle());
        if (stub.last_outcome().answered()) outcome = outcome_of(*result, server);
        return outcome.status;
      });
  outcome.status = status;
  return outcome;
}

Result<ReplicaList> Client::replicas() {
  ReplicaList list;
  kv_replicas_args args{};
  const Status status =
      state_->call(Effect::kReads, [&](rpc::StubClient& stub, const std::string& server) {
        rpc::Decoded<kv_replicas_result> result(xdr_kv_replicas_result);
        replicas_1(&args, result.get(), stub.handle());
        if (!stub.last_outcome().answered()) return Status();
        Result<ReplicaList> taken = replicas_of(*result, server);
        if (!taken.ok()) return taken.status();
        list = std::move(taken).value();
        return Status();
      });
  if (!status.ok()) return status;
  return list;
}

}  // namespace rkv::client
