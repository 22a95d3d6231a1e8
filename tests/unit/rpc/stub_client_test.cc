#include "rpc/stub_client.h"

#include <cppunit/extensions/HelperMacros.h>
#include <ledger.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "rpc/message.h"
#include "scripted_server.h"

namespace rkv::rpc {
namespace {

using Kind = CallOutcome::Kind;

std::string add_result(std::int64_t balance) {
  std::string results;
  append_uint32(results, LEDGER_OK);
  append_uint64(results, static_cast<std::uint64_t>(balance));
  return results;
}

struct World {
  NullLogger logger;
  ServerThread server;
  ChannelOptions options;
  StubClient client{logger, "127.0.0.1", server.port(), LEDGER_PROG, LEDGER_V2, options};

  std::string name() const { return "127.0.0.1:" + std::to_string(server.port()); }
  void reply_to_all(std::function<std::string(const ScriptedServer::Call&)> reply) {
    server.run([&](ScriptedServer& scripted) {
      scripted.on_call = [&scripted, reply](const ScriptedServer::Call& call) {
        scripted.send(call.connection, reply(call));
      };
    });
  }
  // Echoes a note that must come back as it is.
  void echo(std::string note) {
    ledger_entry entry{};
    entry.amount = -7;
    entry.settled = TRUE;
    entry.note = {static_cast<u_int>(note.size()), note.data()};
    ledger_entry result{};
    const clnt_stat status = echo_2(&entry, &result, client.handle());
    CPPUNIT_ASSERT_EQUAL_MESSAGE(client.last_outcome().reason, RPC_SUCCESS, status);
    CPPUNIT_ASSERT_EQUAL(quad_t{-7}, result.amount);
    CPPUNIT_ASSERT(note == std::string(result.note.note_val, result.note.note_len));
    clnt_freeres(client.handle(), untyped(xdr_ledger_entry), &result);
    CPPUNIT_ASSERT(result.note.note_val == nullptr);
  }
  clnt_stat forget() { return forget_2(nullptr, nullptr, client.handle()); }
};

std::string arguments_of(const ScriptedServer::Call& call) { return call.arguments; }

}  // namespace

class StubClientTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(StubClientTest);
  CPPUNIT_TEST(calls_through_generated_stubs);
  CPPUNIT_TEST(takes_a_mebibyte_each_way);
  CPPUNIT_TEST(tells_a_refused_connection);
  CPPUNIT_TEST(tells_a_refusal_with_its_details);
  CPPUNIT_TEST(ends_in_time_although_bytes_trickle);
  CPPUNIT_TEST(takes_the_time_of_the_stub_or_of_control);
  CPPUNIT_TEST(frees_what_a_failed_decode_left);
  CPPUNIT_TEST(reconnects_by_itself);
  CPPUNIT_TEST(outlives_a_server_that_hangs_up);
  CPPUNIT_TEST(sends_the_credential_it_is_given);
  CPPUNIT_TEST(has_inert_destroy_and_abort);
  CPPUNIT_TEST(serves_many_threads_with_a_client_each);
  CPPUNIT_TEST_SUITE_END();

 public:
  void calls_through_generated_stubs() {
    World world;
    world.server.answer_all([](const ScriptedServer::Call& call) {
      // The amount of the first entry, behind the count.
      XdrReader reader(call.arguments);
      reader.read_uint32();
      return add_result(static_cast<std::int64_t>(reader.read_uint64()));
    });
    for (quad_t amount = 1; amount <= 50; ++amount) {
      ledger_entry entry{};
      entry.amount = amount;
      ledger_add_args args{{1, &entry}};
      ledger_add_result result{};
      CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, add_2(&args, &result, world.client.handle()));
      CPPUNIT_ASSERT_EQUAL(LEDGER_OK, result.status);
      CPPUNIT_ASSERT_EQUAL(amount, result.ledger_add_result_u.balance);
      CPPUNIT_ASSERT(world.client.last_outcome().answered());
    }
    world.server.answer_all([](const ScriptedServer::Call&) { return std::string(); });
    CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, world.forget());
    world.server.run(
        [](ScriptedServer& server) { CPPUNIT_ASSERT_EQUAL(std::size_t{1}, server.accepted()); });
  }

  void takes_a_mebibyte_each_way() {
    World world;
    world.server.answer_all(arguments_of);
    world.echo(std::string(1024 * 1024, 'n'));
    world.echo({});
    world.echo(std::string(LEDGER_NOTE_MAX, '\0'));
  }

  void tells_a_refused_connection() {
    World world;
    world.server.run([](ScriptedServer& server) { server.stop_listening(); });
    CPPUNIT_ASSERT_EQUAL(RPC_CANTSEND, world.forget());
    const CallOutcome& outcome = world.client.last_outcome();
    CPPUNIT_ASSERT(outcome.kind == Kind::kNotSent);
    CPPUNIT_ASSERT_EQUAL(world.name() + ": connection refused", outcome.reason);
    rpc_err error{};
    clnt_geterr(world.client.handle(), &error);
    CPPUNIT_ASSERT_EQUAL(RPC_CANTSEND, error.re_status);
    CPPUNIT_ASSERT_EQUAL(ECONNREFUSED, error.re_errno);
  }

  void tells_a_refusal_with_its_details() {
    World world;
    world.reply_to_all([](const ScriptedServer::Call& call) {
      return record_of(prog_mismatch_reply(call.xid, 3, 9));
    });
    CPPUNIT_ASSERT_EQUAL(RPC_PROGVERSMISMATCH, world.forget());
    CPPUNIT_ASSERT(world.client.last_outcome().kind == Kind::kRefused);
    rpc_err error{};
    clnt_geterr(world.client.handle(), &error);
    CPPUNIT_ASSERT_EQUAL(rpcvers_t{3}, error.re_vers.low);
    CPPUNIT_ASSERT_EQUAL(rpcvers_t{9}, error.re_vers.high);
    world.reply_to_all([](const ScriptedServer::Call& call) {
      return record_of(auth_error_reply(call.xid, AUTH_REJECTEDCRED));
    });
    CPPUNIT_ASSERT_EQUAL(RPC_AUTHERROR, world.forget());
    clnt_geterr(world.client.handle(), &error);
    CPPUNIT_ASSERT_EQUAL(AUTH_REJECTEDCRED, error.re_why);
  }

  // Each read brings a byte, so a time limit for each read would never end the call.
  void ends_in_time_although_bytes_trickle() {
    std::atomic<bool> goes_on{true};
    std::function<void(ScriptedServer&, std::size_t)> trickle;
    World world;
    trickle = [&](ScriptedServer& server, std::size_t connection) {
      server.send(connection, "x");
      if (!goes_on) return;
      world.server.after(milliseconds(5), [&, connection] { trickle(server, connection); });
    };
    world.server.run([&](ScriptedServer& scripted) {
      scripted.on_call = [&](const ScriptedServer::Call& call) {
        scripted.send(call.connection, record_of(std::string(100'000, '\0')).substr(0, 4));
        trickle(scripted, call.connection);
      };
    });
    world.client.set_timeout(milliseconds(100));
    const TimePoint start = EventLoop::read_clock();
    CPPUNIT_ASSERT_EQUAL(RPC_TIMEDOUT, world.forget());
    CPPUNIT_ASSERT(EventLoop::read_clock() - start >= milliseconds(100));
    goes_on = false;
    CPPUNIT_ASSERT(world.client.last_outcome().kind == Kind::kUnknown);
    CPPUNIT_ASSERT_EQUAL(world.name() + ": no answer within 100 ms",
                         world.client.last_outcome().reason);
  }

  void takes_the_time_of_the_stub_or_of_control() {
    World world;  // nobody answers
    CLIENT* const handle = world.client.handle();
    timeval time{};
    CPPUNIT_ASSERT(clnt_control(handle, CLGET_TIMEOUT, &time) == FALSE);
    const auto call_for = [&](timeval limit) {
      const TimePoint start = EventLoop::read_clock();
      const xdrproc_t routine = untyped<char>([](XDR*, char*) -> bool_t { return TRUE; });
      CPPUNIT_ASSERT_EQUAL(RPC_TIMEDOUT,
                           clnt_call(handle, FORGET, routine, nullptr, routine, nullptr, limit));
      return EventLoop::read_clock() - start;
    };
    CPPUNIT_ASSERT(call_for({0, 30'000}) >= milliseconds(30));
    CPPUNIT_ASSERT(world.client.last_outcome().kind == Kind::kUnknown);
    call_for({0, 0});
    call_for({-1, 0});
    timeval wanted{0, 20'000};
    CPPUNIT_ASSERT(clnt_control(handle, CLSET_TIMEOUT, &wanted) == TRUE);
    CPPUNIT_ASSERT(clnt_control(handle, CLGET_TIMEOUT, &time) == TRUE);
    CPPUNIT_ASSERT(time.tv_sec == 0 && time.tv_usec == 20'000);
    CPPUNIT_ASSERT(call_for({1'000'000, 0}) >= milliseconds(20));
    for (timeval bad : {timeval{-1, 0}, timeval{0, -1}, timeval{0, 1'000'000}}) {
      CPPUNIT_ASSERT(clnt_control(handle, CLSET_TIMEOUT, &bad) == FALSE);
    }
    CPPUNIT_ASSERT(clnt_control(handle, CLSET_TIMEOUT, nullptr) == FALSE);
    CPPUNIT_ASSERT(clnt_control(handle, CLGET_FD, &time) == FALSE);
  }

  // That nothing leaks, and nothing is freed twice, is for the address sanitizer to see.
  void frees_what_a_failed_decode_left() {
    std::string entry;
    append_uint64(entry, 7);
    append_uint32(entry, 1);
    append_opaque(entry, std::string(100, 'n'));
    const std::vector<std::string> bad = {
        entry.substr(0, 60), entry + std::string(4, '\0'), entry.substr(0, 12), {}};
    World world;
    for (const std::string& results : bad) {
      world.server.answer_all([results](const ScriptedServer::Call&) { return results; });
      ledger_entry args{};
      ledger_entry result{};
      CPPUNIT_ASSERT_EQUAL(RPC_CANTDECODERES, echo_2(&args, &result, world.client.handle()));
      CPPUNIT_ASSERT(result.note.note_val == nullptr);
      CPPUNIT_ASSERT(world.client.last_outcome().kind == Kind::kUnknown);
      CPPUNIT_ASSERT_EQUAL(world.name() + ": its answer cannot be decoded",
                           world.client.last_outcome().reason);
      clnt_freeres(world.client.handle(), untyped(xdr_ledger_entry), &result);
    }
    world.server.answer_all([](const ScriptedServer::Call&) { return std::string("more"); });
    CPPUNIT_ASSERT_EQUAL(RPC_CANTDECODERES, world.forget());
    world.server.answer_all(arguments_of);
    world.echo("and it goes on");
  }

  void reconnects_by_itself() {
    World world;
    world.server.answer_all(arguments_of);
    for (std::size_t i = 0; i < 5; ++i) {
      world.echo("connection " + std::to_string(i));
      world.server.run([&](ScriptedServer& server) {
        CPPUNIT_ASSERT_EQUAL(i + 1, server.accepted());
        i % 2 == 0 ? server.close(i) : server.reset(i);
      });
    }
  }

  void outlives_a_server_that_hangs_up() {
    const auto before = std::signal(SIGPIPE, SIG_DFL);
    World world;
    world.server.run([](ScriptedServer& server) {
      server.on_call = [&](const ScriptedServer::Call& call) { server.reset(call.connection); };
    });
    CPPUNIT_ASSERT_EQUAL(RPC_CANTRECV, world.forget());
    CPPUNIT_ASSERT(world.client.last_outcome().kind == Kind::kUnknown);
    CPPUNIT_ASSERT_EQUAL(world.name() + ": connection reset by peer",
                         world.client.last_outcome().reason);
    std::signal(SIGPIPE, before);
  }

  void sends_the_credential_it_is_given() {
    World world;
    world.server.answer_all([](const ScriptedServer::Call&) { return std::string(); });
    CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, world.forget());
    AUTH* const anonymous = world.client.handle()->cl_auth;
    AUTH* const system = authunix_create_default();
    world.client.handle()->cl_auth = system;
    CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, world.forget());
    world.client.handle()->cl_auth = anonymous;
    CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, world.forget());
    auth_destroy(system);
    std::vector<ScriptedServer::Call> calls;
    world.server.run([&](ScriptedServer& server) { calls = server.calls(); });
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, calls.size());
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{AUTH_NONE}, calls[0].credential_flavor);
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{AUTH_SYS}, calls[1].credential_flavor);
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{AUTH_NONE}, calls[2].credential_flavor);
    SystemCredential credential;
    CPPUNIT_ASSERT(parse_system_credential(calls[1].credential, &credential));
    CPPUNIT_ASSERT_EQUAL(geteuid(), credential.uid);
    CPPUNIT_ASSERT_EQUAL(getegid(), credential.gid);
  }

  void has_inert_destroy_and_abort() {
    World world;
    world.server.answer_all([](const ScriptedServer::Call&) { return std::string(); });
    clnt_destroy(world.client.handle());
    clnt_abort(world.client.handle());
    CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, world.forget());
  }

  void serves_many_threads_with_a_client_each() {
    constexpr int kThreads = 16;
    constexpr int kCalls = 200;
    NullLogger logger;
    ServerThread server;
    server.answer_all(arguments_of);
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        StubClient client(logger, i % 2 == 0 ? "127.0.0.1" : "localhost", server.port(),
                          LEDGER_PROG, LEDGER_V2, ChannelOptions());
        for (int k = 0; k < kCalls; ++k) {
          std::string note = "thread " + std::to_string(i) + " call " + std::to_string(k);
          ledger_entry entry{};
          entry.note = {static_cast<u_int>(note.size()), note.data()};
          Decoded<ledger_entry> result(xdr_ledger_entry);
          if (echo_2(&entry, result.get(), client.handle()) != RPC_SUCCESS) continue;
          if (note == std::string(result->note.note_val, result->note.note_len)) ++right;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CPPUNIT_ASSERT_EQUAL(kThreads * kCalls, right.load());
    server.run([](ScriptedServer& scripted) {
      CPPUNIT_ASSERT_EQUAL(std::size_t{kThreads}, scripted.accepted());
      CPPUNIT_ASSERT_EQUAL(std::size_t{kThreads * kCalls}, scripted.calls().size());
    });
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(StubClientTest);

}  // namespace rkv::rpc
