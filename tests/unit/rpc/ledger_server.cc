#include "ledger_server.h"

#include <cppunit/TestAssert.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <iterator>
#include <utility>

using rkv::rpc::context_of;
using rkv::rpc::Ledger;

// The dispatchers, which rpcgen's header does not declare.
extern "C" void ledger_prog_2(svc_req* request, SVCXPRT* transport);
extern "C" void ledger_prog_3(svc_req* request, SVCXPRT* transport);

namespace {

std::int64_t sum_of(const ledger_add_args& args) {
  std::int64_t sum = 0;
  for (u_int i = 0; i < args.entries.entries_len; ++i) sum += args.entries.entries_val[i].amount;
  return sum;
}

std::optional<Ledger::Caller> caller_of(const svc_req* request) {
  if (request->rq_cred.oa_flavor != AUTH_SYS) return std::nullopt;
  const auto* said = static_cast<const authunix_parms*>(request->rq_clntcred);
  return Ledger::Caller{said->aup_machname,
                        said->aup_uid,
                        said->aup_gid,
                        {said->aup_gids, said->aup_gids + said->aup_len}};
}

}  // namespace

// rpcgen's dispatcher does not clear the result, and frees it whatever the procedure returns.

extern "C" bool_t add_2_svc(ledger_add_args* args, ledger_add_result* result, svc_req* request) {
  std::memset(result, 0, sizeof *result);
  Ledger& ledger = context_of<Ledger>(request);
  ++ledger.calls;
  ledger.caller = caller_of(request);
  ledger.balance += sum_of(*args);
  result->status = LEDGER_OK;
  result->ledger_add_result_u.balance = ledger.balance;
  return TRUE;
}

extern "C" bool_t add_later_2_svc(ledger_add_args* args, ledger_add_result* result,
                                  svc_req* request) {
  std::memset(result, 0, sizeof *result);
  Ledger& ledger = context_of<Ledger>(request);
  ++ledger.calls;
  ledger.waiting.push_back({{request, xdr_ledger_add_result}, sum_of(*args)});
  return FALSE;
}

extern "C" bool_t echo_2_svc(ledger_entry* entry, ledger_entry* result, svc_req* request) {
  ++context_of<Ledger>(request).calls;
  *result = *entry;
  entry->note = {};  // moved out: the dispatcher frees it with the result
  if (result->amount == Ledger::kUnencodable) {
    std::free(result->note.note_val);
    result->note.note_val = static_cast<char*>(std::calloc(1, LEDGER_NOTE_MAX + 1));
    result->note.note_len = LEDGER_NOTE_MAX + 1;
  }
  return TRUE;
}

extern "C" bool_t forget_2_svc(void* /*nothing*/, void* /*result*/, svc_req* request) {
  ++context_of<Ledger>(request).calls;
  const rkv::rpc::ReplyToken dropped(request);
  return FALSE;
}

extern "C" int ledger_prog_2_freeresult(SVCXPRT* /*transport*/, xdrproc_t routine, caddr_t result) {
  xdr_free(routine, result);
  return TRUE;
}

extern "C" bool_t balance_3_svc(void* /*nothing*/, quad_t* result, svc_req* request) {
  *result = context_of<Ledger>(request).balance;
  return TRUE;
}

extern "C" int ledger_prog_3_freeresult(SVCXPRT* /*transport*/, xdrproc_t routine, caddr_t result) {
  xdr_free(routine, result);
  return TRUE;
}

namespace rkv::rpc {

void Ledger::answer(std::size_t index) {
  const auto position = std::next(waiting.begin(), static_cast<std::ptrdiff_t>(index));
  Waiting one = std::move(*position);
  waiting.erase(position);
  balance += one.amount;
  ledger_add_result result{};
  result.status = LEDGER_OK;
  result.ledger_add_result_u.balance = balance;
  one.reply.send(result);
}

LedgerServer::LedgerServer(const ServerLimits& limits) : server_(loop_, logger_, "ledger", limits) {
  server_.add_program(LEDGER_PROG, LEDGER_V2, ledger_prog_2, &ledger_);
  server_.add_program(LEDGER_PROG, LEDGER_V3, ledger_prog_3, &ledger_);
  const Result<Address> address = server_.listen(Address::parse("127.0.0.1", 0).value());
  CPPUNIT_ASSERT_MESSAGE(address.status().to_string(), address.ok());
  address_ = address.value();
}

LedgerServer::~LedgerServer() {
  if (thread_.joinable()) {
    loop_.stop();
    thread_.join();
  }
  ledger_.waiting.clear();
}

void LedgerServer::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void LedgerServer::on_loop(const std::function<void()>& task) {
  if (!thread_.joinable()) {
    task();
    return;
  }
  std::promise<void> ran;
  std::future<void> done = ran.get_future();
  loop_.post([&task, &ran] {
    task();
    ran.set_value();
  });
  // Without a deadline of its own: the task refers to this stack.
  done.get();
}

void LedgerServer::wait_until(const std::string& what, const std::function<bool()>& condition) {
  const TimePoint deadline = EventLoop::read_clock() + kPatience;
  if (!thread_.joinable()) {
    // The loop would wait for the sweep before it looked again at what does not come over a socket.
    CPPUNIT_ASSERT_MESSAGE(what, loop_.run_until(condition, deadline));
    return;
  }
  bool is_true = false;
  while (!is_true) {
    on_loop([&] { is_true = condition(); });
    CPPUNIT_ASSERT_MESSAGE(what, EventLoop::read_clock() < deadline);
    if (!is_true) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

ServerCounters LedgerServer::counters() {
  ServerCounters counters;
  on_loop([&] { counters = server_.counters(); });
  return counters;
}

std::size_t LedgerServer::calls_waiting() {
  std::size_t count = 0;
  on_loop([&] { count = ledger_.waiting.size(); });
  return count;
}

int run_in_child(const std::function<void()>& body, std::string* errors) {
  std::array<int, 2> ends{};
  CPPUNIT_ASSERT_EQUAL(0, pipe(ends.data()));
  std::fflush(nullptr);
  const pid_t child = fork();
  CPPUNIT_ASSERT(child >= 0);
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    try {
      body();
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "%s\n", failure.what());
      _exit(kChildFailed);
    }
    _exit(0);
  }
  close(ends[1]);
  std::array<char, 4096> bytes{};
  for (ssize_t count = 0; (count = read(ends[0], bytes.data(), bytes.size())) > 0;) {
    errors->append(bytes.data(), static_cast<std::size_t>(count));
  }
  close(ends[0]);
  int status = 0;
  CPPUNIT_ASSERT_EQUAL(child, waitpid(child, &status, 0));
  return status;
}

}  // namespace rkv::rpc
