#include "client/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/limits.h"
#include "rpc/event_loop.h"

namespace rkv::client {
namespace {

std::vector<Compare> compares_of(const std::string& key, const WriteConditions& conditions) {
  std::vector<Compare> compares;
  if (conditions.if_absent) compares.push_back(Compare::absent(key));
  if (conditions.if_version) compares.push_back(Compare::version(key, *conditions.if_version));
  if (conditions.if_value) compares.push_back(Compare::value_is(key, *conditions.if_value));
  return compares;
}

// The outcome of a transaction of one step, with a get where the condition does not hold.
WriteOutcome write_outcome(TransactOutcome&& transacted) {
  WriteOutcome outcome;
  static_cast<Outcome&>(outcome) = transacted;
  if (!outcome.status.ok()) return outcome;
  outcome.condition_held = transacted.succeeded;
  if (transacted.results.empty()) return outcome;
  StepResult& result = transacted.results.front();
  outcome.key_version = transacted.succeeded ? result.version : 0;
  outcome.previous = std::move(result.entry);
  outcome.number = result.number;
  outcome.size = result.size;
  return outcome;
}

Transaction one_step(Step step, const WriteConditions& conditions) {
  Transaction transaction;
  transaction.compares = compares_of(step.key, conditions);
  if (!transaction.compares.empty()) {
    Step look = Step::get(step.key);
    look.wants_entry = conditions.wants_previous;
    transaction.otherwise.push_back(std::move(look));
  }
  transaction.then.push_back(std::move(step));
  return transaction;
}

}  // namespace

class Client::State {
 public:
  State(std::vector<Server> servers, const ClientOptions& options)
      : client_(loop_, std::move(servers), options) {}

  // Begins an operation with `begin(client, done)` and returns what `done` was told.
  template <typename Told, typename Begin>
  Told run(const Begin& begin) {
    std::optional<Told> told;
    begin(client_, [&told](Told what) { told = std::move(what); });
    // Every operation ends by its deadline; it is waited for in no other way.
    loop_.run_until([&told] { return told.has_value(); }, kNever);
    return std::move(*told);
  }

  AsyncClient& client() { return client_; }

 private:
  rpc::EventLoop loop_;
  AsyncClient client_;
};

Client::Client(std::vector<Server> servers, const ClientOptions& options)
    : state_(std::make_unique<State>(std::move(servers), options)) {}

Client::~Client() = default;

WriteOutcome Client::put(std::string_view key, std::string_view value, const CallOptions& options) {
  return state_->run<WriteOutcome>([&](AsyncClient& client, AsyncClient::WriteDone done) {
    client.put(std::string(key), std::string(value), std::move(done), options);
  });
}

WriteOutcome Client::put(std::string_view key, std::string_view value,
                         const WriteConditions& conditions, const CallOptions& options) {
  if (conditions == WriteConditions{}) return put(key, value, options);
  Step step = Step::put(std::string(key), std::string(value), conditions.wants_previous);
  return write_outcome(transact(one_step(std::move(step), conditions), options));
}

WriteOutcome Client::put_if_absent(std::string_view key, std::string_view value,
                                   const CallOptions& options) {
  WriteConditions conditions;
  conditions.if_absent = true;
  return put(key, value, conditions, options);
}

WriteOutcome Client::put_if_version(std::string_view key, std::string_view value,
                                    std::uint64_t version, const CallOptions& options) {
  WriteConditions conditions;
  conditions.if_version = version;
  return put(key, value, conditions, options);
}

WriteOutcome Client::put_if_value(std::string_view key, std::string_view value,
                                  std::string_view expected, const CallOptions& options) {
  WriteConditions conditions;
  conditions.if_value = std::string(expected);
  return put(key, value, conditions, options);
}

WriteOutcome Client::del(std::string_view key, const CallOptions& options) {
  return state_->run<WriteOutcome>([&](AsyncClient& client, AsyncClient::WriteDone done) {
    client.del(std::string(key), std::move(done), options);
  });
}

WriteOutcome Client::del(std::string_view key, const WriteConditions& conditions,
                         const CallOptions& options) {
  if (conditions == WriteConditions{}) return del(key, options);
  Step step = Step::del(std::string(key), conditions.wants_previous);
  WriteOutcome outcome = write_outcome(transact(one_step(std::move(step), conditions), options));
  if (outcome.status.ok() && outcome.condition_held && outcome.key_version == 0) {
    outcome.status = {StatusCode::kNotFound,
                      fmt::format("there is no such key ({})", outcome.server)};
  }
  return outcome;
}

WriteOutcome Client::incr(std::string_view key, std::int64_t amount, const CallOptions& options) {
  return write_outcome(transact({{}, {Step::incr(std::string(key), amount)}, {}}, options));
}

WriteOutcome Client::append(std::string_view key, std::string_view value,
                            const CallOptions& options) {
  return write_outcome(
      transact({{}, {Step::append(std::string(key), std::string(value))}, {}}, options));
}

ReadOutcome Client::get(std::string_view key, const CallOptions& options) {
  return state_->run<ReadOutcome>([&](AsyncClient& client, AsyncClient::ReadDone done) {
    client.get(std::string(key), std::move(done), options);
  });
}

ReadManyOutcome Client::get_many(const std::vector<std::string>& keys, const CallOptions& options) {
  ReadManyOutcome outcome;
  outcome.at_once = keys.size() <= kStepsMax;
  for (std::size_t first = 0; first < keys.size(); first += kStepsMax) {
    Transaction transaction;
    const std::size_t end = std::min(keys.size(), first + kStepsMax);
    for (std::size_t i = first; i < end; ++i) transaction.then.push_back(Step::get(keys[i]));
    TransactOutcome transacted = transact(transaction, options);
    static_cast<Outcome&>(outcome) = transacted;
    if (!outcome.status.ok()) {
      outcome.entries.clear();
      return outcome;
    }
    for (StepResult& result : transacted.results) {
      outcome.entries.push_back(std::move(result.entry));
    }
  }
  return outcome;
}

TransactOutcome Client::transact(const Transaction& transaction, const CallOptions& options) {
  return state_->run<TransactOutcome>([&](AsyncClient& client, AsyncClient::TransactDone done) {
    client.transact(transaction, std::move(done), options);
  });
}

PageOutcome Client::range(const RangeQuery& query, const CallOptions& options) {
  return state_->run<PageOutcome>([&](AsyncClient& client, AsyncClient::PageDone done) {
    client.range(query, std::move(done), options);
  });
}

RemoveRangeOutcome Client::delete_range(const Range& range, const CallOptions& options) {
  RemoveRangeOutcome outcome;
  const Transaction transaction{{}, {Step::del_range(range.first, range.end)}, {}};
  // Each time kDelRangeMax keys go, so it ends; unless others write faster than that.
  while (true) {
    const TransactOutcome transacted = transact(transaction, options);
    static_cast<Outcome&>(outcome) = transacted;
    if (!outcome.status.ok()) {
      if (outcome.removed > 0) {
        outcome.status = Status::unknown(fmt::format("{} keys were removed; then: {}",
                                                     outcome.removed, outcome.status.to_string()));
      }
      return outcome;
    }
    outcome.removed += transacted.results.front().removed;
    if (!transacted.results.front().more) return outcome;
    outcome.at_once = false;
  }
}

Result<ReplicaList> Client::replicas(const CallOptions& options) {
  return state_->run<Result<ReplicaList>>([&](AsyncClient& client, AsyncClient::ReplicasDone done) {
    client.replicas(std::move(done), options);
  });
}

Result<ReplicaStatus> Client::status(bool state_hash, const CallOptions& options) {
  return state_->run<Result<ReplicaStatus>>([&](AsyncClient& client, AsyncClient::StatusDone done) {
    client.status(state_hash, std::move(done), options);
  });
}

Position Client::seen() const { return state_->client().seen(); }
void Client::saw(Position position) { state_->client().saw(position); }

}  // namespace rkv::client
