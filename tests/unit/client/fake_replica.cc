#include "fake_replica.h"

#include <arpa/inet.h>
#include <cppunit/extensions/HelperMacros.h>
#include <fmt/format.h>
#include <kv.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"
#include "rpc/event_loop.h"
#include "rpc/reply.h"
#include "rpc/server.h"

namespace rkv::client {
namespace {

constexpr std::uint32_t kOtherProgram = 0x20000001;

template <typename Opaque>
std::string bytes_of(const Opaque* data, u_int size) {
  return size == 0 ? std::string() : std::string(data, size);
}

OperationId operation_of(const kv_operation_id& id) {
  return {id.client, id.sequence, id.first_outstanding};
}

// XDR's strings are not const, but encoding does not write to them. The text must outlive the
// result.
char* text_of(const char* text) { return const_cast<char*>(text); }

}  // namespace

class FakeReplica::State {
 public:
  State(std::uint32_t id, std::uint16_t port, bool with_program) : id_(id) {
    server_.add_program(with_program ? KV_PROG : kOtherProgram, KV_V1, &State::dispatch, this);
    const Result<rpc::Address> bound =
        server_.listen(rpc::Address::parse("127.0.0.1", port).value());
    CPPUNIT_ASSERT_MESSAGE(bound.status().to_string(), bound.ok());
    port_ = bound.value().port();
    const Result<rpc::Address> udp = server_.listen(bound.value(), rpc::Transport::kUdp);
    CPPUNIT_ASSERT_MESSAGE(udp.status().to_string(), udp.ok());
    thread_ = std::thread([this] { loop_.run(); });
  }

  ~State() {
    loop_.post([this] {
      held_.clear();
      loop_.stop();
    });
    thread_.join();
  }

  std::uint16_t port() const { return port_; }

  void set_reactions(std::vector<Reaction> reactions, Reaction afterwards) {
    const std::lock_guard<std::mutex> lock(mutex_);
    reactions_.assign(reactions.begin(), reactions.end());
    afterwards_ = std::move(afterwards);
  }
  void set_replicas(std::vector<ReplicaAddress> replicas) {
    const std::lock_guard<std::mutex> lock(mutex_);
    replicas_ = std::move(replicas);
  }
  void set_first_sequence(std::uint64_t first_sequence) {
    const std::lock_guard<std::mutex> lock(mutex_);
    first_sequence_ = first_sequence;
  }
  void set_replication(std::string replication) {
    const std::lock_guard<std::mutex> lock(mutex_);
    replication_ = std::move(replication);
  }
  void set_position(std::uint64_t position) {
    const std::lock_guard<std::mutex> lock(mutex_);
    position_ = position;
  }
  void set_page(std::size_t entries) {
    const std::lock_guard<std::mutex> lock(mutex_);
    page_ = entries;
  }
  std::size_t questions(const std::string& what) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = questions_.find(what);
    return found == questions_.end() ? 0 : found->second;
  }
  void release() {
    set_reactions({}, {});
    loop_.post([this] {
      std::vector<Held> held = std::exchange(held_, {});
      for (Held& each : held) serve(each.call, each.token);
    });
  }
  std::vector<SeenCall> calls() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return calls_;
  }
  void wait_for_calls(std::size_t count) const {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool came =
        called_.wait_for(lock, std::chrono::seconds(10), [&] { return calls_.size() >= count; });
    CPPUNIT_ASSERT_MESSAGE("the calls that were waited for did not come", came);
  }

 private:
  struct Held {
    SeenCall call;
    rpc::ReplyToken token;
  };

  static void dispatch(svc_req* request, SVCXPRT* transport) {
    rpc::context_of<State>(request).take(request, transport);
  }

  void take(svc_req* request, SVCXPRT* transport) {
    SeenCall call;
    switch (request->rq_proc) {
      case PUT: {
        kv_put_args args{};
        CPPUNIT_ASSERT(svc_getargs(transport, (xdrproc_t)xdr_kv_put_args, &args));
        call = {"put", bytes_of(args.key.kv_key_val, args.key.kv_key_len),
                bytes_of(args.value.kv_value_val, args.value.kv_value_len),
                operation_of(args.operation)};
        svc_freeargs(transport, (xdrproc_t)xdr_kv_put_args, &args);
        break;
      }
      case GET: {
        kv_get_args args{};
        CPPUNIT_ASSERT(svc_getargs(transport, (xdrproc_t)xdr_kv_get_args, &args));
        call = {"get", bytes_of(args.key.kv_key_val, args.key.kv_key_len), {}, {}};
        if (args.extension.revision == 1) {
          note_options(args.extension.kv_get_extension_u.options, &call);
          call.has_options = true;
        }
        call.wants_missing_position = args.extension.revision != 0;
        svc_freeargs(transport, (xdrproc_t)xdr_kv_get_args, &args);
        break;
      }
      case DEL: {
        kv_del_args args{};
        CPPUNIT_ASSERT(svc_getargs(transport, (xdrproc_t)xdr_kv_del_args, &args));
        call = {"del",
                bytes_of(args.key.kv_key_val, args.key.kv_key_len),
                {},
                operation_of(args.operation)};
        call.wants_missing_position = args.extension.revision != 0;
        svc_freeargs(transport, (xdrproc_t)xdr_kv_del_args, &args);
        break;
      }
      case TXN:
        call = take_transaction(transport);
        break;
      case RANGE: {
        kv_range_args args{};
        CPPUNIT_ASSERT(svc_getargs(transport, (xdrproc_t)xdr_kv_range_args, &args));
        call = {"range", bytes_of(args.token.kv_token_val, args.token.kv_token_len), {}, {}};
        note_options(args.options, &call);
        call.one_page = args.one_page != FALSE;
        svc_freeargs(transport, (xdrproc_t)xdr_kv_range_args, &args);
        break;
      }
      case REPLICAS:
        call.what = "replicas";
        break;
      case SESSION:
        call.what = "session";
        break;
      default:
        call.what = "status";
        break;
    }
    const Reaction reaction = next_reaction(call);
    react(reaction, std::move(call), rpc::ReplyToken(request));
  }

  static void note_options(const kv_read_options& options, SeenCall* call) {
    call->consistency = static_cast<int>(options.consistency);
    call->seen = options.seen;
  }

  // Of its steps, the first one counts; every compare is taken to hold.
  static SeenCall take_transaction(SVCXPRT* transport) {
    kv_transact_args args{};
    CPPUNIT_ASSERT(svc_getargs(transport, (xdrproc_t)xdr_kv_transact_args, &args));
    SeenCall call{"txn", {}, {}, operation_of(args.operation)};
    note_options(args.options, &call);
    call.steps = args.transaction.then.then_len;
    CPPUNIT_ASSERT(call.steps > 0);
    const kv_step& step = args.transaction.then.then_val[0];
    if (step.kind == KV_STEP_DEL_RANGE) {
      call.value = "del_range";
      svc_freeargs(transport, (xdrproc_t)xdr_kv_transact_args, &args);
      return call;
    }
    const kv_key& key =
        step.kind == KV_STEP_INCR ? step.kv_step_u.incr.key : step.kv_step_u.get.key;
    call.key = bytes_of(key.kv_key_val, key.kv_key_len);
    call.value = step.kind == KV_STEP_INCR ? "incr" : "get";
    CPPUNIT_ASSERT(step.kind == KV_STEP_INCR || step.kind == KV_STEP_GET);
    svc_freeargs(transport, (xdrproc_t)xdr_kv_transact_args, &args);
    return call;
  }

  Reaction next_reaction(const SeenCall& call) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (call.what == "replicas" || call.what == "session") {
      ++questions_[call.what];
      return {};
    }
    if (call.what == "status") {
      ++questions_[call.what];
      return afterwards_.kind == Reaction::Kind::kHold ? afterwards_ : Reaction{};
    }
    calls_.push_back(call);
    called_.notify_all();
    if (reactions_.empty()) return afterwards_;
    Reaction reaction = std::move(reactions_.front());
    reactions_.pop_front();
    return reaction;
  }

  void react(const Reaction& reaction, SeenCall call, rpc::ReplyToken token) {
    switch (reaction.kind) {
      case Reaction::Kind::kServe:
        serve(call, token);
        break;
      case Reaction::Kind::kFail:
        send_failure(call, reaction, token);
        break;
      case Reaction::Kind::kPartly:
        send_partly(reaction, token);
        break;
      case Reaction::Kind::kCrash:
        break;
      case Reaction::Kind::kServeSilently: {
        is_silent_ = true;
        serve(call, token);
        is_silent_ = false;
        break;
      }
      case Reaction::Kind::kHold:
        held_.push_back({std::move(call), std::move(token)});
        break;
    }
  }

  void serve(const SeenCall& call, rpc::ReplyToken& token) {
    if (call.what == "put") {
      serve_put(call, token);
    } else if (call.what == "get") {
      serve_get(call, token);
    } else if (call.what == "del") {
      serve_del(call, token);
    } else if (call.what == "txn") {
      serve_transaction(call, token);
    } else if (call.what == "range") {
      serve_range(call, token);
    } else if (call.what == "session") {
      kv_session_result result{};
      result.kv_session_result_u.ok.first_sequence = first_sequence();
      result.kv_session_result_u.ok.replication =
          replication_name() == "forward" ? KV_REPLICATION_FORWARD : KV_REPLICATION_PAXOS;
      token.send((xdrproc_t)xdr_kv_session_result, &result);
    } else if (call.what == "replicas") {
      serve_replicas(token);
    } else {
      serve_status(token);
    }
  }

  void serve_put(const SeenCall& call, rpc::ReplyToken& token) {
    Entry& entry = entries_[call.key];
    entry.value = call.value;
    kv_put_result result{};
    result.kv_put_result_u.ok.key_version = ++entry.version;
    result.kv_put_result_u.ok.position = next_position();
    if (is_silent_) return;
    token.send((xdrproc_t)xdr_kv_put_result, &result);
  }

  // Every key, a page of them at once.
  void serve_del_range(rpc::ReplyToken& token) {
    kv_step_result step{};
    step.kind = KV_STEP_DEL_RANGE;
    kv_del_range_step_result& told = step.kv_step_result_u.del_range;
    const std::size_t most = page_size() == 0 ? entries_.size() : page_size();
    for (; told.removed < most && !entries_.empty(); ++told.removed) {
      entries_.erase(entries_.begin());
    }
    told.more = entries_.empty() ? FALSE : TRUE;
    kv_transact_result result{};
    kv_transact_ok& ok = result.kv_transact_result_u.ok;
    ok.steps.succeeded = TRUE;
    ok.steps.results = {1, &step};
    ok.position = next_position();
    token.send((xdrproc_t)xdr_kv_transact_result, &result);
  }

  // Each increment adds 1.
  void serve_transaction(const SeenCall& call, rpc::ReplyToken& token) {
    if (call.value == "del_range") {
      serve_del_range(token);
      return;
    }
    std::vector<kv_step_result> steps(call.steps);
    Entry& entry = entries_[call.key];
    for (kv_step_result& step : steps) {
      step.kind = call.value == "incr" ? KV_STEP_INCR : KV_STEP_GET;
      if (step.kind == KV_STEP_INCR) {
        entry.value = std::to_string(++entry.version);
        step.kv_step_result_u.incr = {entry.version, static_cast<quad_t>(entry.version)};
      } else if (entry.version > 0) {
        step.kv_step_result_u.get.present = TRUE;
        kv_entry& told = step.kv_step_result_u.get.kv_entry_if_there_u.entry;
        told.value = {static_cast<u_int>(entry.value.size()), entry.value.data()};
        told.key_version = entry.version;
      }
    }
    kv_transact_result result{};
    kv_transact_ok& ok = result.kv_transact_result_u.ok;
    ok.steps.succeeded = TRUE;
    ok.steps.results = {static_cast<u_int>(steps.size()), steps.data()};
    ok.position = call.value == "incr" ? next_position() : position();
    token.send((xdrproc_t)xdr_kv_transact_result, &result);
  }

  // Every key, page by page.
  void serve_range(const SeenCall& call, rpc::ReplyToken& token) {
    std::vector<kv_range_entry> page;
    std::string next;
    for (auto each = entries_.lower_bound(call.key); each != entries_.end(); ++each) {
      if (page_size() > 0 && page.size() == page_size()) {
        next = each->first;
        break;
      }
      kv_range_entry entry{};
      entry.key = {static_cast<u_int>(each->first.size()), const_cast<char*>(each->first.data())};
      entry.entry.value = {static_cast<u_int>(each->second.value.size()),
                           each->second.value.data()};
      entry.entry.key_version = each->second.version;
      page.push_back(entry);
    }
    kv_range_result result{};
    kv_range_ok& ok = result.kv_range_result_u.ok;
    ok.entries = {static_cast<u_int>(page.size()), page.data()};
    ok.count = page.size();
    ok.revision = position();
    ok.next = {static_cast<u_int>(next.size()), next.data()};
    token.send((xdrproc_t)xdr_kv_range_result, &result);
  }

  std::uint64_t next_position() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return ++position_;
  }
  std::uint64_t position() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return position_;
  }
  std::uint64_t first_sequence() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return first_sequence_;
  }
  std::string replication_name() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return replication_;
  }
  std::size_t page_size() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return page_;
  }

  // For a GET and a DEL: the bytes of both are the same.
  void send_not_found(const SeenCall& call, std::uint64_t position, rpc::ReplyToken& token) {
    kv_get_result result{};
    result.status = KV_NOT_FOUND;
    kv_failure& failure = result.kv_get_result_u.failure;
    failure.reason = text_of("there is no such key");
    failure.replica = id_;
    if (call.wants_missing_position) {
      failure.extension.revision = 1;
      failure.extension.kv_failure_extension_u.position = position;
    }
    token.send((xdrproc_t)xdr_kv_get_result, &result);
  }

  void serve_get(const SeenCall& call, rpc::ReplyToken& token) {
    const auto found = entries_.find(call.key);
    if (found == entries_.end()) {
      send_not_found(call, position(), token);
      return;
    }
    kv_get_result result{};
    kv_get_ok& ok = result.kv_get_result_u.ok;
    ok.value.kv_value_val = found->second.value.data();
    ok.value.kv_value_len = static_cast<u_int>(found->second.value.size());
    ok.key_version = found->second.version;
    ok.position = position();
    token.send((xdrproc_t)xdr_kv_get_result, &result);
  }

  void serve_del(const SeenCall& call, rpc::ReplyToken& token) {
    const auto found = entries_.find(call.key);
    if (found == entries_.end()) {
      send_not_found(call, next_position(), token);
      return;
    }
    kv_del_result result{};
    result.kv_del_result_u.ok.key_version = found->second.version;
    result.kv_del_result_u.ok.position = next_position();
    entries_.erase(found);
    token.send((xdrproc_t)xdr_kv_del_result, &result);
  }

  void serve_replicas(rpc::ReplyToken& token) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<kv_replica> wire;
    for (const ReplicaAddress& replica : replicas_) {
      wire.push_back({replica.id.value, text_of(replica.host.c_str()), replica.client_port,
                      replica.peer_port});
    }
    kv_replicas_result result{};
    result.kv_replicas_result_u.ok.self = id_;
    result.kv_replicas_result_u.ok.replicas.replicas_val = wire.data();
    result.kv_replicas_result_u.ok.replicas.replicas_len = static_cast<u_int>(wire.size());
    token.send((xdrproc_t)xdr_kv_replicas_result, &result);
  }

  void serve_status(rpc::ReplyToken& token) {
    const std::string replication = replication_name();
    kv_peer peer{id_ + 1, FALSE, text_of("gone\nfor good"), 1500};
    kv_counter counter{text_of("calls"), 7};
    kv_status_result result{};
    kv_status_ok& ok = result.kv_status_result_u.ok;
    ok.cluster[0] = '\x5a';
    ok.replica = id_;
    ok.incarnation = 3;
    ok.replication = text_of(replication.c_str());
    ok.role = text_of("leader");
    ok.leader = id_;
    ok.applied = 11;
    ok.durable = 10;
    ok.protocol.replication = KV_REPLICATION_PAXOS;
    ok.protocol.kv_protocol_status_u.paxos = {{7, id_}, {8, id_ + 1}, 13, 12, 9, 85, 4, 1500, 4096};
    ok.trouble = text_of("the disk\nis full");
    ok.keys = entries_.size();
    ok.software = text_of("9.9");
    ok.uptime_ms = 61'000;
    ok.peers.peers_val = &peer;
    ok.peers.peers_len = 1;
    ok.counters.counters_val = &counter;
    ok.counters.counters_len = 1;
    ok.state_hash.present = TRUE;
    ok.state_hash.kv_state_hash_if_asked_u.state_hash.hash[15] = '\x0f';
    ok.state_hash.kv_state_hash_if_asked_u.state_hash.position = 10;
    token.send((xdrproc_t)xdr_kv_status_result, &result);
  }

  // A failure looks the same in every result: a status and a kv_failure.
  void send_failure(const SeenCall& call, const Reaction& reaction, rpc::ReplyToken& token) {
    kv_get_result result{};
    static_assert(sizeof result.status == sizeof reaction.status);
    std::memcpy(&result.status, &reaction.status, sizeof result.status);
    result.kv_get_result_u.failure.reason = text_of(reaction.reason.c_str());
    result.kv_get_result_u.failure.replica = id_;
    CPPUNIT_ASSERT(call.what != "replicas");
    token.send((xdrproc_t)xdr_kv_get_result, &result);
  }

  void send_partly(const Reaction& reaction, rpc::ReplyToken& token) {
    u_int missing[] = {3, 5};
    kv_put_result result{};
    result.status = KV_PARTLY_APPLIED;
    result.kv_put_result_u.partly.missing.missing_val = missing;
    result.kv_put_result_u.partly.missing.missing_len = 2;
    result.kv_put_result_u.partly.reason = text_of(reaction.reason.c_str());
    token.send((xdrproc_t)xdr_kv_put_result, &result);
  }

  struct Entry {
    std::string value;
    std::uint64_t version = 0;
  };

  const std::uint32_t id_;
  std::uint16_t port_ = 0;

  mutable std::mutex mutex_;
  mutable std::condition_variable called_;
  std::deque<Reaction> reactions_;                // guarded by mutex_
  Reaction afterwards_;                           // guarded by mutex_
  std::vector<SeenCall> calls_;                   // guarded by mutex_
  std::vector<ReplicaAddress> replicas_;          // guarded by mutex_
  std::map<std::string, std::size_t> questions_;  // guarded by mutex_
  std::string replication_ = "paxos";             // guarded by mutex_
  std::uint64_t first_sequence_ = 1;              // guarded by mutex_
  std::uint64_t position_ = 0;                    // guarded by mutex_
  std::size_t page_ = 0;                          // guarded by mutex_

  // For the loop's thread.
  NullLogger logger_;
  rpc::EventLoop loop_;
  rpc::Server server_{loop_, logger_, "fake replica", rpc::ServerLimits{}};
  std::vector<Held> held_;
  std::map<std::string, Entry> entries_;
  bool is_silent_ = false;  // what is served now is not answered

  std::thread thread_;
};

FakeReplica::FakeReplica(std::uint32_t id, std::uint16_t port, bool with_program)
    : state_(std::make_unique<State>(id, port, with_program)) {}
FakeReplica::FakeReplica(std::uint32_t id) : FakeReplica(id, 0, true) {}
FakeReplica::FakeReplica(std::uint32_t id, std::uint16_t port) : FakeReplica(id, port, true) {}
std::unique_ptr<FakeReplica> FakeReplica::without_program() {
  return std::unique_ptr<FakeReplica>(new FakeReplica(1, 0, false));
}
FakeReplica::~FakeReplica() = default;

Server FakeReplica::address() const { return {"127.0.0.1", state_->port()}; }
void FakeReplica::expect(std::vector<Reaction> reactions) {
  state_->set_reactions(std::move(reactions), {});
}
void FakeReplica::always(Reaction reaction) { state_->set_reactions({}, std::move(reaction)); }
void FakeReplica::set_replicas(std::vector<ReplicaAddress> replicas) {
  state_->set_replicas(std::move(replicas));
}
void FakeReplica::set_first_sequence(std::uint64_t first_sequence) {
  state_->set_first_sequence(first_sequence);
}
void FakeReplica::set_replication(std::string replication) {
  state_->set_replication(std::move(replication));
}
void FakeReplica::set_position(std::uint64_t position) { state_->set_position(position); }
void FakeReplica::set_page(std::size_t entries) { state_->set_page(entries); }
std::size_t FakeReplica::questions(const std::string& what) const {
  return state_->questions(what);
}
void FakeReplica::release() { state_->release(); }
std::vector<SeenCall> FakeReplica::calls() const { return state_->calls(); }
void FakeReplica::wait_for_calls(std::size_t count) const { state_->wait_for_calls(count); }

// Bound and not listening: nobody else gets the port, and who connects is refused.
DeadServer::DeadServer() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  CPPUNIT_ASSERT(bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  CPPUNIT_ASSERT(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
}
DeadServer::~DeadServer() { close(socket_); }
Server DeadServer::address() const { return {"127.0.0.1", port_}; }

}  // namespace rkv::client
