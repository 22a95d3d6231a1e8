#include "served_replica.h"

#include <cppunit/extensions/HelperMacros.h>

#include <future>
#include <span>
#include <thread>
#include <utility>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/log.h"
#include "env/log_device.h"
#include "forward/forward.h"
#include "kv/memory_store.h"
#include "kv/transaction_codec.h"
#include "paxos/paxos.h"
#include "replica/manager.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"
#include "rpc/xdr.h"
#include "service/client_service.h"
#include "service/peers.h"
#include "service/wire.h"
#include "twopc/twopc.h"

namespace rkv::service {
namespace {

constexpr Duration kPatience = seconds(20);

// A log in memory: what is appended is durable when the turn ends.
class MemoryLog final : public env::LogDevice {
 public:
  Recovered take_recovered() override { return {}; }
  void read_again(ReadDone) override { CPPUNIT_FAIL("no role fails here"); }
  BatchNumber append(Batch) override { return ++appended_; }
  BatchNumber durable() const override { return durable_; }
  void set_durable_listener(DurableListener listener) override { listener_ = std::move(listener); }
  void cut(Position) override {}
  void set_live_records(LiveRecords) override {}
  bool has_room() override { return true; }
  std::uint64_t size() const override { return appended_; }

  void sync() {
    if (durable_ == appended_) return;
    durable_ = appended_;
    listener_(durable_);
  }

 private:
  DurableListener listener_;
  BatchNumber appended_ = 0;
  BatchNumber durable_ = 0;
};

Cluster cluster_of_one(Replication replication) {
  Cluster cluster;
  cluster.id.bytes.fill(7);
  cluster.self = ReplicaId{ServedReplica::kId};
  cluster.incarnation = ServedReplica::kIncarnation;
  cluster.replication = replication;
  cluster.replication_name = replication == Replication::kPaxos   ? "paxos"
                             : replication == Replication::kTwoPc ? "2pc"
                                                                  : "forward";
  cluster.replicas = {{cluster.self, "one"}};
  return cluster;
}

std::unique_ptr<protocol::Protocol> protocol_of(Replication replication) {
  const ReplicaId self{ServedReplica::kId};
  if (replication == Replication::kForward) {
    forward::Forward::Options options;
    options.self = self;
    return std::make_unique<forward::Forward>(options);
  }
  if (replication == Replication::kTwoPc) {
    twopc::Options options;
    options.self = self;
    options.replicas = {self};
    return std::make_unique<twopc::TwoPc>(options);
  }
  paxos::Options options;
  options.self = self;
  options.replicas = {self};
  return std::make_unique<paxos::Paxos>(options);
}

}  // namespace

class ServedReplica::State {
 public:
  explicit State(Replication replication)
      : cluster_(cluster_of_one(replication)),
        resolver_(loop_),
        server_(loop_, logger_, "clients", {}),
        peers_(cluster_, loop_, resolver_, logger_, Peers::Options()),
        manager_(protocol_of(replication),
                 {store_, peers_, keeps_log(replication) ? &log_ : nullptr, cluster_.self,
                  cluster_.incarnation},
                 replica::Manager::Limits(), rpc::EventLoop::read_clock(),
                 [this] { loop_.request_turn(); }),
        service_(cluster_, manager_, store_, peers_, server_, loop_, logger_) {
    service_.serve_on(server_);
    const Result<rpc::Address> bound = server_.listen(rpc::Address::parse("127.0.0.1", 0).value());
    CPPUNIT_ASSERT_MESSAGE(bound.status().to_string(), bound.ok());
    address_ = bound.value();
    CPPUNIT_ASSERT(server_.listen(address_, rpc::Transport::kUdp).ok());
    loop_.add_turn_hook(rpc::EventLoop::TurnPhase::kStep, [this] { turn(); });
    const bool leads = replication != Replication::kPaxos ||
                       loop_.run_until([this] { return manager_.role().name == "leader"; },
                                       rpc::EventLoop::read_clock() + kPatience);
    CPPUNIT_ASSERT_MESSAGE("a replica alone leads", leads);
    thread_ = std::thread([this] { loop_.run(); });
  }

  ~State() {
    loop_.post([this] { loop_.stop(); });
    thread_.join();
    loop_.cancel_timer(timer_);
  }

  const rpc::Address& address() const { return address_; }

  rpc::ServerCounters counters() {
    std::promise<rpc::ServerCounters> counted;
    loop_.post([&] { counted.set_value(server_.counters()); });
    return counted.get_future().get();
  }

 private:
  void turn() {
    manager_.turn(rpc::EventLoop::read_clock());
    log_.sync();
    loop_.cancel_timer(timer_);
    timer_ = loop_.add_timer(manager_.next_turn(), [] {});
  }

  // The server is declared before who holds duties to answer: they are dropped while it is there.
  const Cluster cluster_;
  NullLogger logger_;
  rpc::EventLoop loop_;
  rpc::Resolver resolver_;
  kv::MemoryStore store_;
  MemoryLog log_;
  rpc::Server server_;
  Peers peers_;
  replica::Manager manager_;
  ClientService service_;
  rpc::Address address_;
  rpc::EventLoop::TimerId timer_ = 0;
  std::thread thread_;
};

ServedReplica::ServedReplica(Replication replication)
    : state_(std::make_unique<State>(replication)) {}

ServedReplica::~ServedReplica() = default;

const rpc::Address& ServedReplica::address() const { return state_->address(); }

rpc::ServerCounters ServedReplica::counters() { return state_->counters(); }

// ---- the client

namespace {

kv_bound bound_of(const std::string& bytes) {
  return {static_cast<u_int>(bytes.size()), const_cast<char*>(bytes.data())};
}

Answer failed(const kv_failure& failure, kv_status status) {
  Answer answer;
  answer.status = status;
  answer.reason = failure.reason == nullptr ? "" : failure.reason;
  answer.has_missing_position = failure.extension.revision == 1;
  if (answer.has_missing_position) {
    answer.position = failure.extension.kv_failure_extension_u.position;
  }
  CPPUNIT_ASSERT_EQUAL(ServedReplica::kId, failure.replica);
  return answer;
}

kv::StepsResult steps_of(const kv_steps_result& wire) {
  std::string bytes(KV_STEPS_RESULT_MAX, '\0');
  XDR xdr;
  xdrmem_create(&xdr, bytes.data(), static_cast<u_int>(bytes.size()), XDR_ENCODE);
  CPPUNIT_ASSERT(xdr_kv_steps_result(&xdr, const_cast<kv_steps_result*>(&wire)) != FALSE);
  bytes.resize(XDR_GETPOS(&xdr));
  Result<kv::StepsResult> steps = kv::decode_result(bytes);
  CPPUNIT_ASSERT_MESSAGE(steps.status().to_string(), steps.ok());
  return std::move(steps).value();
}

// A result of a call that came back, freed at the end.
template <typename Args, typename Result>
class Called {
 public:
  Called(clnt_stat (*stub)(Args*, Result*, CLIENT*), rpc::XdrRoutine<Result> routine, Args& args,
         rpc::StubClient& client)
      : result_(routine) {
    const clnt_stat stat = stub(&args, result_.get(), client.handle());
    CPPUNIT_ASSERT_EQUAL_MESSAGE(clnt_sperrno(stat), RPC_SUCCESS, stat);
  }
  const Result* operator->() { return result_.get(); }

 private:
  rpc::Decoded<Result> result_;
};

}  // namespace

ServedClient::ServedClient(const ServedReplica& replica, rpc::Transport transport)
    : client_(
          []() -> Logger& {
            static NullLogger logger;
            return logger;
          }(),
          replica.address().host(), replica.address().port(), KV_PROG, KV_V1, rpc::ChannelOptions(),
          transport) {
  client_.set_timeout(kPatience);
}

Answer ServedClient::put(const std::string& key, const std::string& value,
                         kv_operation_id operation) {
  kv_put_args args{operation, key_to_wire(key), value_to_wire(value), {}};
  Called called(put_1, xdr_kv_put_result, args, client_);
  if (called->status != KV_OK) {
    return failed(called->kv_put_result_u.failure, called->status);
  }
  return {KV_OK, "", called->kv_put_result_u.ok.position};
}

Answer ServedClient::del(const std::string& key, kv_operation_id operation,
                         bool wants_missing_position) {
  kv_del_args args{operation, key_to_wire(key), {}};
  args.extension.revision = wants_missing_position ? 1 : 0;
  Called called(del_1, xdr_kv_del_result, args, client_);
  if (called->status != KV_OK) {
    return failed(called->kv_del_result_u.failure, called->status);
  }
  return {KV_OK, "", called->kv_del_result_u.ok.position};
}

ValueAnswer ServedClient::get(const std::string& key, std::optional<kv_read_options> options) {
  kv_get_args args{};
  args.key = key_to_wire(key);
  if (options) {
    args.extension.revision = 1;
    args.extension.kv_get_extension_u.options = *options;
  }
  return get(args);
}

ValueAnswer ServedClient::get_with_missing_position(const std::string& key) {
  kv_get_args args{};
  args.key = key_to_wire(key);
  args.extension.revision = 2;
  return get(args);
}

ValueAnswer ServedClient::get(kv_get_args args) {
  Called called(get_1, xdr_kv_get_result, args, client_);
  ValueAnswer answer;
  if (called->status != KV_OK) {
    const kv_failure& failure = called->kv_get_result_u.failure;
    static_cast<Answer&>(answer) = failed(failure, called->status);
    return answer;
  }
  const kv_get_ok& ok = called->kv_get_result_u.ok;
  answer.position = ok.position;
  answer.value = view_of(ok.value);
  if (ok.extension.revision == 1) answer.revisions = ok.extension.kv_get_ok_extension_u.revisions;
  return answer;
}

StepsAnswer ServedClient::transact(const kv::Transaction& transaction, kv_operation_id operation,
                                   kv_read_options options) {
  rpc::Decoded<kv_transact_args> args(xdr_kv_transact_args);
  CPPUNIT_ASSERT(rpc::decode_all(encoded_arguments(transaction, operation, options),
                                 rpc::untyped(xdr_kv_transact_args), args.get(), sizeof *args));
  Called called(txn_1, xdr_kv_transact_result, *args, client_);
  StepsAnswer answer;
  if (called->status != KV_OK) {
    static_cast<Answer&>(answer) = failed(called->kv_transact_result_u.failure, called->status);
    return answer;
  }
  answer.position = called->kv_transact_result_u.ok.position;
  answer.steps = steps_of(called->kv_transact_result_u.ok.steps);
  return answer;
}

PageAnswer ServedClient::range(const RangeQuestion& question) {
  kv_range_args args{};
  args.first = bound_of(question.first);
  args.end = bound_of(question.end);
  args.reverse = question.reverse ? TRUE : FALSE;
  args.what = question.what;
  args.limit = question.limit;
  args.size_max = question.size_max;
  args.options = question.options;
  args.token = {static_cast<u_int>(question.token.size()),
                const_cast<char*>(question.token.data())};
  args.one_page = question.one_page ? TRUE : FALSE;
  Called called(range_1, xdr_kv_range_result, args, client_);
  PageAnswer answer;
  if (called->status != KV_OK) {
    static_cast<Answer&>(answer) = failed(called->kv_range_result_u.failure, called->status);
    return answer;
  }
  const kv_range_ok& ok = called->kv_range_result_u.ok;
  for (const kv_range_entry& each : std::span(ok.entries.entries_val, ok.entries.entries_len)) {
    answer.keys.emplace_back(view_of(each.key));
    answer.values.emplace_back(view_of(each.entry.value));
  }
  answer.count = ok.count;
  answer.position = ok.revision;
  answer.next = view_of(ok.next);
  return answer;
}

std::uint64_t ServedClient::session() {
  kv_session_args args{};
  Called called(session_1, xdr_kv_session_result, args, client_);
  CPPUNIT_ASSERT_EQUAL(KV_OK, called->status);
  return called->kv_session_result_u.ok.first_sequence;
}

std::string encoded_arguments(const kv::Transaction& transaction, kv_operation_id operation,
                              kv_read_options options) {
  std::string bytes;
  append_uint64(bytes, operation.client);
  append_uint64(bytes, operation.sequence);
  append_uint64(bytes, operation.first_outstanding);
  kv::append_transaction(bytes, transaction);
  append_uint32(bytes, static_cast<std::uint32_t>(number_of(options.consistency)));
  append_uint64(bytes, options.seen);
  append_uint32(bytes, options.max_staleness_ms);
  append_uint32(bytes, 0);
  return bytes;
}

}  // namespace rkv::service
