#include "client/operations.h"

#include <fmt/format.h>
#include <kv.h>

#include <optional>
#include <utility>

#include "client/history_recorder.h"
#include "client/wire.h"

namespace rkv::client {
namespace {

template <typename Args, typename Results>
using Routine = rpc::Procedure<Args, Results>;

constexpr Routine<kv_put_args, kv_put_result> kPut = {KV_PROG, KV_V1, PUT, xdr_kv_put_args,
                                                      xdr_kv_put_result};
constexpr Routine<kv_get_args, kv_get_result> kGet = {KV_PROG, KV_V1, GET, xdr_kv_get_args,
                                                      xdr_kv_get_result};
constexpr Routine<kv_del_args, kv_del_result> kDel = {KV_PROG, KV_V1, DEL, xdr_kv_del_args,
                                                      xdr_kv_del_result};
constexpr Routine<kv_replicas_args, kv_replicas_result> kReplicas = {
    KV_PROG, KV_V1, REPLICAS, xdr_kv_replicas_args, xdr_kv_replicas_result};
constexpr Routine<kv_status_args, kv_status_result> kStatus = {
    KV_PROG, KV_V1, STATUS, xdr_kv_status_args, xdr_kv_status_result};
constexpr Routine<kv_transact_args, kv_transact_result> kTransact = {
    KV_PROG, KV_V1, TXN, xdr_kv_transact_args, xdr_kv_transact_result};
constexpr Routine<kv_range_args, kv_range_result> kRange = {KV_PROG, KV_V1, RANGE,
                                                            xdr_kv_range_args, xdr_kv_range_result};
constexpr Routine<kv_session_args, kv_session_result> kSession = {
    KV_PROG, KV_V1, SESSION, xdr_kv_session_args, xdr_kv_session_result};

// An operation whose end is told as an outcome of this type.
template <typename Told>
class OutcomeOperation : public Operation {
 public:
  using Done = UniqueFunction<void(Told)>;
  OutcomeOperation(Effect what, std::size_t bytes, const CallOptions& how, Done done)
      : Operation(what, bytes, how), done_(std::move(done)) {}

  void end(const Status& status, const Answerer& from) override {
    Told told = take(status, from);
    done_(std::move(told));
  }

 protected:
  // Makes a call whose result outcome_of() reads.
  template <typename Args, typename Results>
  void send_call(rpc::CallChannel& channel, const Routine<Args, Results>& routine, const Args& args,
                 TimePoint until, CopyDone done) {
    channel.call<Args, Results>(routine, args, until,
                                [this, server = &channel.name(), done = std::move(done)](
                                    const rpc::CallOutcome& outcome, Results& result) {
                                  if (!outcome.answered()) {
                                    done(outcome, {});
                                    return;
                                  }
                                  answer_ = outcome_of(result, *server);
                                  check(answer_);
                                  done(outcome, {answer_.status, answer_.position});
                                });
  }

  // May turn an answer that does not fit the question into a failure.
  virtual void check(Told&) const {}
  // Says of any end, with an answer or not, what the question says.
  virtual void complete(Told&) const {}
  const Told& answer() const { return answer_; }

 private:
  Told take(const Status& status, const Answerer& from) {
    Told told;
    if (!from.server.empty()) told = std::move(answer_);
    told.status = status;
    told.server = from.server;
    told.replica = from.replica;
    complete(told);
    return told;
  }

  Done done_;
  Told answer_;
};

class PutOperation final : public OutcomeOperation<WriteOutcome> {
 public:
  PutOperation(std::string key, std::string value, const CallOptions& how, Done done)
      : OutcomeOperation(Effect::kWrites, key.size() + value.size(), how, std::move(done)),
        key_(std::move(key)),
        value_(std::move(value)) {}

  void send(rpc::CallChannel& channel, const OperationId& id, Position, TimePoint until,
            CopyDone done) override {
    kv_put_args args;
    fill_put(id, key_, value_, &args);
    send_call(channel, kPut, args, until, std::move(done));
  }
  void record(HistoryRecorder& recorder, const HistoryRecorder::Call& call) const override {
    recorder.put(call, key_, value_, answer());
  }

 private:
  const std::string key_;
  const std::string value_;
};

class DelOperation final : public OutcomeOperation<WriteOutcome> {
 public:
  DelOperation(std::string key, const CallOptions& how, Done done)
      : OutcomeOperation(Effect::kWrites, key.size(), how, std::move(done)), key_(std::move(key)) {}

  void send(rpc::CallChannel& channel, const OperationId& id, Position, TimePoint until,
            CopyDone done) override {
    kv_del_args args;
    fill_del(id, key_, &args);
    send_call(channel, kDel, args, until, std::move(done));
  }
  void record(HistoryRecorder& recorder, const HistoryRecorder::Call& call) const override {
    recorder.del(call, key_, answer());
  }

 private:
  const std::string key_;
};

class GetOperation final : public OutcomeOperation<ReadOutcome> {
 public:
  GetOperation(std::string key, const CallOptions& how, Done done)
      : OutcomeOperation(Effect::kReads, key.size(), how, std::move(done)), key_(std::move(key)) {}

  void send(rpc::CallChannel& channel, const OperationId&, Position seen, TimePoint until,
            CopyDone done) override {
    kv_get_args args;
    fill_get(key_, read_options(seen), &args);
    send_call(channel, kGet, args, until, std::move(done));
  }
  void record(HistoryRecorder& recorder, const HistoryRecorder::Call& call) const override {
    recorder.get(call, key_, options.consistency, answer());
  }

 private:
  const std::string key_;
};

class TransactOperation final : public OutcomeOperation<TransactOutcome> {
 public:
  TransactOperation(Transaction transaction, const CallOptions& how, Done done)
      : OutcomeOperation(only_reads(transaction) ? Effect::kReads : Effect::kWrites,
                         size_of(transaction), how, std::move(done)),
        transaction_(std::move(transaction)) {}

  void send(rpc::CallChannel& channel, const OperationId& id, Position seen, TimePoint until,
            CopyDone done) override {
    const TransactArgs args(effect == Effect::kReads ? OperationId{} : id, transaction_,
                            read_options(seen));
    send_call(channel, kTransact, args.args(), until, std::move(done));
  }
  void record(HistoryRecorder& recorder, const HistoryRecorder::Call& call) const override {
    recorder.transact(call, transaction_, options.consistency, answer());
  }

 private:
  void complete(TransactOutcome& outcome) const override {
    outcome.reads_only = effect == Effect::kReads;
  }
  void check(TransactOutcome& outcome) const override {
    if (!outcome.status.ok()) return;
    const std::vector<Step>& steps = outcome.succeeded ? transaction_.then : transaction_.otherwise;
    bool fits = outcome.results.size() == steps.size();
    for (std::size_t i = 0; fits && i < steps.size(); ++i) {
      fits = outcome.results[i].kind == steps[i].kind;
    }
    if (fits) return;
    outcome.status = Status::internal(
        fmt::format("the results are not those of the steps that were sent ({})", outcome.server));
  }

  const Transaction transaction_;
};

class RangeOperation final : public OutcomeOperation<PageOutcome> {
 public:
  RangeOperation(RangeQuery query, const CallOptions& how, Done done)
      : OutcomeOperation(Effect::kReads,
                         query.range.first.size() + query.range.end.size() + query.token.size(),
                         how, std::move(done)),
        query_(std::move(query)) {
    if (query_.token.empty()) return;
    first_server = query_.server;
    is_of_first_server = true;
  }

  void send(rpc::CallChannel& channel, const OperationId&, Position seen, TimePoint until,
            CopyDone done) override {
    kv_range_args args;
    fill_range(query_, read_options(seen), &args);
    send_call(channel, kRange, args, until, std::move(done));
  }
  void record(HistoryRecorder& recorder, const HistoryRecorder::Call& call) const override {
    recorder.list(call, query_, options.consistency, answer());
  }

 private:
  const RangeQuery query_;
};

// An operation that a function reads the result of: it tells a value, or why there is none.
template <typename Args, typename Results, typename Told>
class QuestionOperation final : public Operation {
 public:
  using Done = UniqueFunction<void(Result<Told>)>;
  using Read = Result<Told> (*)(const Results& result, const std::string& server);

  QuestionOperation(const Routine<Args, Results>& routine, const Args& args, Read read,
                    const CallOptions& how, Done done)
      : Operation(Effect::kReads, 0, how),
        routine_(routine),
        args_(args),
        read_(read),
        done_(std::move(done)) {}

  void send(rpc::CallChannel& channel, const OperationId&, Position, TimePoint until,
            CopyDone done) override {
    channel.call<Args, Results>(routine_, args_, until,
                                [this, server = &channel.name(), done = std::move(done)](
                                    const rpc::CallOutcome& outcome, Results& result) {
                                  if (!outcome.answered()) {
                                    done(outcome, {});
                                    return;
                                  }
                                  answer_ = read_(result, *server);
                                  done(outcome, {answer_->status(), 0});
                                });
  }
  void end(const Status& status, const Answerer&) override {
    done_(status.ok() ? std::move(*answer_) : Result<Told>(status));
  }

 private:
  const Routine<Args, Results> routine_;
  const Args args_;  // without anything to own
  const Read read_;
  Done done_;
  std::optional<Result<Told>> answer_;
};

}  // namespace

std::unique_ptr<Operation> make_put(std::string key, std::string value, const CallOptions& options,
                                    AsyncClient::WriteDone done) {
  return std::make_unique<PutOperation>(std::move(key), std::move(value), options, std::move(done));
}
std::unique_ptr<Operation> make_del(std::string key, const CallOptions& options,
                                    AsyncClient::WriteDone done) {
  return std::make_unique<DelOperation>(std::move(key), options, std::move(done));
}
std::unique_ptr<Operation> make_get(std::string key, const CallOptions& options,
                                    AsyncClient::ReadDone done) {
  return std::make_unique<GetOperation>(std::move(key), options, std::move(done));
}
std::unique_ptr<Operation> make_transact(Transaction transaction, const CallOptions& options,
                                         AsyncClient::TransactDone done) {
  return std::make_unique<TransactOperation>(std::move(transaction), options, std::move(done));
}
std::unique_ptr<Operation> make_range(RangeQuery query, const CallOptions& options,
                                      AsyncClient::PageDone done) {
  return std::make_unique<RangeOperation>(std::move(query), options, std::move(done));
}
std::unique_ptr<Operation> make_replicas(const CallOptions& options,
                                         AsyncClient::ReplicasDone done) {
  return std::make_unique<QuestionOperation<kv_replicas_args, kv_replicas_result, ReplicaList>>(
      kReplicas, kv_replicas_args{}, replicas_of, options, std::move(done));
}
std::unique_ptr<Operation> make_status(bool state_hash, const CallOptions& options,
                                       AsyncClient::StatusDone done) {
  kv_status_args args{};
  args.state_hash = state_hash ? TRUE : FALSE;
  auto operation =
      std::make_unique<QuestionOperation<kv_status_args, kv_status_result, ReplicaStatus>>(
          kStatus, args, status_of, options, std::move(done));
  operation->is_slow = state_hash;
  return operation;
}
std::unique_ptr<Operation> make_session(const CallOptions& options,
                                        UniqueFunction<void(Result<Session>)> done) {
  return std::make_unique<QuestionOperation<kv_session_args, kv_session_result, Session>>(
      kSession, kv_session_args{}, session_of, options, std::move(done));
}

}  // namespace rkv::client
