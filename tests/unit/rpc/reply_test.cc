#include "rpc/reply.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ledger_server.h"
#include "raw_client.h"

namespace rkv::rpc {
namespace {

// A program whose procedures do what the code made by rpcgen does not.
constexpr std::uint32_t kOddProgram = 0x20005678;
enum OddProcedure : std::uint32_t {
  kNothing,         // neither answers nor takes a token
  kAnswerAtOnce,    // takes a token and uses it before it returns
  kUnencodable,     // the same with a result that XDR refuses
  kTwoTokens,       // takes two tokens
  kTokenAndResult,  // takes a token and lets the dispatcher answer as well
  kResultAndToken,  // the other way round
  kMoveAround,      // moves its token before it uses it
  kHold,            // puts its token into the context
};
struct OddContext {
  std::vector<ReplyToken> held;
};

bool_t no_value(XDR* /*xdr*/, void* /*value*/) { return TRUE; }
const xdrproc_t kVoid = untyped<void>(no_value);

void answer_unencodable(svc_req* request) {
  std::string note(LEDGER_NOTE_MAX + 1, 'n');
  ledger_entry entry{};
  entry.note.note_val = note.data();
  entry.note.note_len = static_cast<u_int>(note.size());
  ReplyToken(request).send(untyped(xdr_ledger_entry), &entry);
}

constexpr std::size_t kNoteSize = 1 << 20;
std::size_t answers_tried = 0;  // by answer_when_room()

// An answer of 1 MiB, as soon as the client takes what it was sent before.
void answer_when_room(ReplyToken token) {
  ++answers_tried;
  if (!token.has_room(kNoteSize)) {
    std::move(token).wait_for_room(answer_when_room);
    return;
  }
  std::string note(kNoteSize, 'n');
  ledger_entry entry{};
  entry.note.note_val = note.data();
  entry.note.note_len = static_cast<u_int>(note.size());
  token.send(untyped(xdr_ledger_entry), &entry);
}

void odd_program(svc_req* request, SVCXPRT* transport) {
  switch (static_cast<OddProcedure>(request->rq_proc)) {
    case kNothing:
      break;
    case kAnswerAtOnce:
      ReplyToken(request).send(kVoid, nullptr);
      break;
    case kUnencodable:
      answer_unencodable(request);
      break;
    case kTwoTokens: {
      const ReplyToken one(request);
      const ReplyToken two(request);
      break;
    }
    case kTokenAndResult: {
      const ReplyToken token(request);
      svc_sendreply(transport, kVoid, nullptr);
      break;
    }
    case kResultAndToken: {
      svc_sendreply(transport, kVoid, nullptr);
      const ReplyToken token(request);
      break;
    }
    case kMoveAround: {
      ReplyToken one(request);
      ReplyToken two(std::move(one));
      ReplyToken(std::move(two)).send(kVoid, nullptr);
      break;
    }
    case kHold:
      context_of<OddContext>(request).held.emplace_back(request);
      break;
  }
}

WireCall call_of(std::uint32_t xid, std::uint32_t procedure) {
  WireCall call;
  call.xid = xid;
  call.procedure = procedure;
  return call;
}

WireCall odd_call(std::uint32_t procedure) {
  WireCall call;
  call.program = kOddProgram;
  call.version = 1;
  call.procedure = procedure;
  return call;
}

std::int64_t balance_in(const WireReply& reply) {
  CPPUNIT_ASSERT(reply.accepted && reply.stat == SUCCESS);
  return read_int64(std::string_view(reply.results).substr(4));
}

void expect_system_error(const WireReply& reply) {
  CPPUNIT_ASSERT(reply.accepted);
  CPPUNIT_ASSERT_EQUAL(static_cast<std::uint32_t>(SYSTEM_ERR), reply.stat);
}

}  // namespace

class ReplyTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ReplyTest);
  CPPUNIT_TEST(a_dropped_token_answers_system_err);
  CPPUNIT_TEST(a_call_that_nobody_answers_is_answered);
  CPPUNIT_TEST(a_token_may_be_used_before_the_procedure_returns);
  CPPUNIT_TEST(a_result_that_does_not_encode_is_system_err);
  CPPUNIT_TEST(an_answer_leaves_without_waiting_for_anything_else);
  CPPUNIT_TEST(an_answer_to_a_connection_that_is_gone_goes_nowhere);
  CPPUNIT_TEST(an_answer_never_reaches_the_next_connection_of_the_slot);
  CPPUNIT_TEST(an_answer_to_a_connection_closed_in_this_turn_goes_nowhere);
  CPPUNIT_TEST(an_answer_to_a_client_that_is_gone_ends_nothing);
  CPPUNIT_TEST(answers_wait_for_room);
  CPPUNIT_TEST(answers_that_wait_for_room_go_with_their_connection);
  CPPUNIT_TEST(bounds_the_answers_of_a_turn);
  CPPUNIT_TEST(bounds_the_answers_that_go_on_in_a_turn);
  CPPUNIT_TEST(a_second_answer_is_a_broken_invariant);
  CPPUNIT_TEST(two_duties_for_one_call_are_a_broken_invariant);
  CPPUNIT_TEST(an_answer_of_another_thread_is_a_broken_invariant);
  CPPUNIT_TEST(a_token_that_outlives_its_server_is_a_broken_invariant);
  CPPUNIT_TEST_SUITE_END();

 public:
  void a_dropped_token_answers_system_err() {
    LedgerServer server;
    server.start();
    RawClient client(server.address());
    client.send_call(call_of(7, FORGET));
    const WireReply forgotten = client.read_reply();
    CPPUNIT_ASSERT_EQUAL(7u, forgotten.xid);
    expect_system_error(forgotten);
    client.send_call(call_of(8, ADD_LATER), ledger_add_bytes({1}));
    server.wait_until("it waits", [&] { return server.ledger().waiting.size() == 1; });
    server.on_loop([&] { server.ledger().waiting.clear(); });
    const WireReply dropped = client.read_reply();
    CPPUNIT_ASSERT_EQUAL(8u, dropped.xid);
    expect_system_error(dropped);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server.counters().calls_waiting);
  }

  void a_call_that_nobody_answers_is_answered() {
    LedgerServer server;
    add_odd_program(server);
    server.start();
    RawClient client(server.address());
    client.send_call(odd_call(kNothing));
    expect_system_error(client.read_reply());
  }

  void a_token_may_be_used_before_the_procedure_returns() {
    LedgerServer server;
    add_odd_program(server);
    server.start();
    RawClient client(server.address());
    for (const std::uint32_t procedure : {kAnswerAtOnce, kMoveAround}) {
      client.send_call(odd_call(procedure));
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT(reply.accepted && reply.stat == SUCCESS);
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server.counters().calls_waiting);
    // Exactly one answer each: the next one is that of the next call.
    client.send_call(call_of(77, 0));
    CPPUNIT_ASSERT_EQUAL(77u, client.read_reply().xid);
  }

  void a_result_that_does_not_encode_is_system_err() {
    LedgerServer server;
    add_odd_program(server);
    server.start();
    RawClient client(server.address());
    client.send_call(odd_call(kUnencodable));
    expect_system_error(client.read_reply());
    client.send_call(call_of(77, 0));
    CPPUNIT_ASSERT_EQUAL(77u, client.read_reply().xid);
  }

  void an_answer_leaves_without_waiting_for_anything_else() {
    // Given by a timer: nothing but the end of that turn makes it leave.
    LedgerServer server;
    RawClient client(server.address());
    client.send_call(call_of(1, ADD_LATER), ledger_add_bytes({5}));
    server.wait_until("it waits", [&] { return server.ledger().waiting.size() == 1; });
    bool answered = false;
    server.loop().add_timer(server.loop().now(), [&] {
      server.ledger().answer(0);
      answered = true;
    });
    server.wait_until("it is answered", [&] { return answered; });
    CPPUNIT_ASSERT(server.server().quiet());
    CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, balance_in(client.read_reply()));
  }

  void an_answer_to_a_connection_that_is_gone_goes_nowhere() {
    LedgerServer server;
    server.start();
    for (const bool is_dropped : {false, true}) {
      RawClient client(server.address());
      client.send_call(call_of(1, ADD_LATER), ledger_add_bytes({1}));
      server.wait_until("it waits", [&] { return server.ledger().waiting.size() == 1; });
      const auto is_wanted = [&] {
        bool wanted = false;
        server.on_loop([&] { wanted = server.ledger().waiting.front().reply.is_wanted(); });
        return wanted;
      };
      CPPUNIT_ASSERT(is_wanted());
      client.reset();
      wait_for_no_connection(server);
      CPPUNIT_ASSERT(!is_wanted());
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server.counters().calls_waiting);
      server.on_loop([&] {
        if (is_dropped) {
          server.ledger().waiting.clear();
        } else {
          server.ledger().answer(0);
        }
      });
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server.counters().calls_waiting);
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server.counters().output_bytes);
  }

  void an_answer_never_reaches_the_next_connection_of_the_slot() {
    LedgerServer server;
    server.start();
    RawClient first(server.address());
    first.send_call(call_of(1, ADD_LATER), ledger_add_bytes({100}));
    first.send_call(call_of(1, ADD_LATER), ledger_add_bytes({200}));
    server.wait_until("both wait", [&] { return server.ledger().waiting.size() == 2; });
    first.reset();
    wait_for_no_connection(server);
    // The only connection again: its slot and descriptor are those of the first one.
    RawClient second(server.address());
    second.send_call(call_of(1, ADD_LATER), ledger_add_bytes({5}));
    server.wait_until("three wait", [&] { return server.ledger().waiting.size() == 3; });
    server.on_loop([&] {
      server.ledger().answer(0);
      server.ledger().waiting.pop_front();  // dropped: no SYSTEM_ERR for the second one either
      server.ledger().answer(0);
    });
    const WireReply reply = second.read_reply();
    CPPUNIT_ASSERT_EQUAL(std::int64_t{105}, balance_in(reply));
    second.send_call(call_of(2, 0));
    CPPUNIT_ASSERT_EQUAL(2u, second.read_reply().xid);
  }

  void an_answer_to_a_connection_closed_in_this_turn_goes_nowhere() {
    LedgerServer server;
    RawClient client(server.address());
    client.send_call(call_of(1, ADD_LATER), ledger_add_bytes({1}));
    server.wait_until("it waits", [&] { return server.ledger().waiting.size() == 1; });
    // Malformed, and answered by a hook of the turn in which that is found out: the connection is
    // closed by then and not yet destroyed.
    client.send(record("not a call"));
    bool answered = false;
    server.loop().add_turn_hook(EventLoop::TurnPhase::kStep, [&] {
      if (answered || server.server().counters().malformed == 0) return;
      server.ledger().answer(0);
      answered = true;
    });
    server.wait_until("it is closed", [&] { return server.server().counters().connections == 0; });
    CPPUNIT_ASSERT(answered);
    CPPUNIT_ASSERT(server.server().quiet());
    client.expect_closed();
    RawClient next(server.address());
    next.send_call(call_of(2, 0));
    server.wait_until("it is served", [&] { return server.server().counters().calls == 2; });
    CPPUNIT_ASSERT_EQUAL(2u, next.read_reply().xid);
  }

  // The kernel has a signal for who writes where nobody reads any more, and it ends a process.
  void an_answer_to_a_client_that_is_gone_ends_nothing() {
    std::string errors;
    const int status = run_in_child(
        [] {
          std::signal(SIGPIPE, SIG_DFL);
          LedgerServer server;
          RawClient client(server.address());
          client.send_call(call_of(1, ADD_LATER), ledger_add_bytes({1}));
          client.finish_sending();
          // Gone after the sockets were looked at, and answered in the same turn.
          server.loop().add_turn_hook(EventLoop::TurnPhase::kStep, [&] {
            if (server.ledger().waiting.empty()) return;
            client.reset();
            server.ledger().answer(0);
          });
          server.wait_until("it is gone", [&] {
            const ServerCounters& counters = server.server().counters();
            return counters.calls == 1 && counters.connections == 0;
          });
        },
        &errors);
    CPPUNIT_ASSERT_MESSAGE(errors + std::to_string(status), status == 0);
  }

  void answers_wait_for_room() {
    ServerLimits limits;
    limits.output_per_connection_max = 2 << 20;
    LedgerServer server(limits);
    add_odd_program(server);
    server.start();
    RawClient client(server.address(), 4096);
    hold_and_answer(server, client);
    // One answer may go over the limit, and no more.
    CPPUNIT_ASSERT(server.counters().output_bytes < (3 << 20) + 1000);
    for (std::size_t i = 0; i < kHeld; ++i) {
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT(reply.accepted && reply.stat == SUCCESS);
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server.counters().calls_waiting);
    client.send_call(call_of(77, 0));
    CPPUNIT_ASSERT_EQUAL(77u, client.read_reply().xid);
  }

  void answers_that_wait_for_room_go_with_their_connection() {
    ServerLimits limits;
    limits.output_per_connection_max = 2 << 20;
    LedgerServer server(limits);
    add_odd_program(server);
    server.start();
    RawClient client(server.address(), 4096);
    hold_and_answer(server, client);
    CPPUNIT_ASSERT(server.counters().calls_waiting > 0);
    client.reset();
    wait_for_no_connection(server);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server.counters().calls_waiting);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server.counters().output_bytes);
    // A server that ends takes them with it too.
    RawClient another(server.address(), 4096);
    hold_and_answer(server, another);
    CPPUNIT_ASSERT(server.counters().calls_waiting > 0);
  }

  // So that nobody waits for one turn in which everybody else gets much.
  void bounds_the_answers_of_a_turn() {
    constexpr std::size_t kClients = 10;
    constexpr std::uint32_t kEach = 3;
    ServerLimits limits;
    limits.output_per_turn_max = 4 << 20;
    LedgerServer server(limits);
    add_odd_program(server);
    server.start();
    std::deque<RawClient> clients;
    for (std::size_t i = 0; i < kClients; ++i) {
      clients.emplace_back(server.address());
      for (std::uint32_t call = 0; call < kEach; ++call) clients[i].send_call(odd_call(kHold));
    }
    server.wait_until("all are held", [&] { return context_.held.size() == kClients * kEach; });
    RawClient modest(server.address());
    modest.send_call(odd_call(kHold));
    server.wait_until("it is held", [&] { return context_.held.size() == kClients * kEach + 1; });
    std::uint64_t output = 0;
    bool has_room_for_little = false;
    bool has_room_for_much = true;
    server.on_loop([&] {
      ReplyToken little = std::move(context_.held.back());
      context_.held.pop_back();
      for (ReplyToken& token : context_.held) answer_when_room(std::move(token));
      context_.held.clear();
      output = server.server().counters().output_bytes;
      has_room_for_little = little.has_room(100);
      has_room_for_much = little.has_room(kNoteSize);
      little.send(kVoid, nullptr);
    });
    CPPUNIT_ASSERT(output >= limits.output_per_turn_max);
    CPPUNIT_ASSERT(output < limits.output_per_turn_max + kNoteSize + 1000);
    CPPUNIT_ASSERT(has_room_for_little);
    CPPUNIT_ASSERT(!has_room_for_much);
    CPPUNIT_ASSERT(modest.read_reply().accepted);
    for (std::uint32_t i = 0; i < kClients * kEach; ++i) {
      const WireReply reply = clients[i / kEach].read_reply();
      CPPUNIT_ASSERT(reply.accepted && reply.stat == SUCCESS);
    }
  }

  // Most of those that wait would find the turn full again, and there may be very many.
  void bounds_the_answers_that_go_on_in_a_turn() {
    constexpr std::size_t kClients = 10;
    constexpr std::size_t kEach = 8;
    ServerLimits limits;
    limits.output_per_turn_max = 1;
    LedgerServer server(limits);
    add_odd_program(server);
    std::deque<RawClient> clients;
    for (std::size_t i = 0; i < kClients; ++i) {
      clients.emplace_back(server.address());
      for (std::size_t call = 0; call < kEach; ++call) clients[i].send_call(odd_call(kHold));
    }
    server.wait_until("all are held", [&] { return context_.held.size() == kClients * kEach; });
    for (ReplyToken& token : context_.held) answer_when_room(std::move(token));
    context_.held.clear();
    std::size_t most = 0;
    int turns = 0;
    server.loop().add_turn_hook(EventLoop::TurnPhase::kFlush, [&] {
      most = std::max(most, std::exchange(answers_tried, 0));
      ++turns;
    });
    answers_tried = 0;
    server.wait_until("some turns", [&] { return turns == 5; });
    CPPUNIT_ASSERT_EQUAL(std::size_t{32}, most);
  }

  void a_second_answer_is_a_broken_invariant() {
    expect_abort("a call is answered once", [] {
      LedgerServer server;
      RawClient client(server.address());
      client.send_call(call_of(1, ADD_LATER), ledger_add_bytes({1}));
      server.wait_until("it waits", [&] { return server.ledger().waiting.size() == 1; });
      const ledger_add_result result{};
      server.ledger().waiting.front().reply.send(result);
      server.ledger().waiting.front().reply.send(result);
    });
  }

  void two_duties_for_one_call_are_a_broken_invariant() {
    const std::vector<std::pair<std::uint32_t, std::string>> cases = {
        {kTwoTokens, "a call has one answer and one token"},
        {kTokenAndResult, "a call has one answer"},
        {kResultAndToken, "a call has one answer and one token"}};
    for (const auto& [procedure, message] : cases) {
      expect_abort(message, [number = procedure] {
        LedgerServer server;
        ReplyTest().add_odd_program(server);
        RawClient client(server.address());
        client.send_call(odd_call(number));
        server.wait_until("never", [] { return false; });
      });
    }
  }

  void an_answer_of_another_thread_is_a_broken_invariant() {
    expect_abort("calls are answered on the loop's thread", [] {
      LedgerServer server;
      server.start();
      RawClient client(server.address());
      client.send_call(call_of(1, ADD_LATER), ledger_add_bytes({1}));
      server.wait_until("it waits", [&] { return server.ledger().waiting.size() == 1; });
      server.ledger().answer(0);
    });
  }

  void a_token_that_outlives_its_server_is_a_broken_invariant() {
    expect_abort("a reply token outlives its server", [] {
      ReplyTest fixture;
      auto server = std::make_unique<LedgerServer>();
      fixture.add_odd_program(*server);
      RawClient client(server->address());
      client.send_call(odd_call(kHold));
      server->wait_until("it waits", [&] { return fixture.context_.held.size() == 1; });
      server.reset();
    });
  }

 private:
  static constexpr std::size_t kHeld = 30;

  // Has so many calls begin, and then answers them all with 1 MiB, in one turn.
  void hold_and_answer(LedgerServer& server, RawClient& client) {
    for (std::size_t i = 0; i < kHeld; ++i) client.send_call(odd_call(kHold));
    server.wait_until("all are held", [&] { return context_.held.size() == kHeld; });
    server.on_loop([&] {
      for (ReplyToken& token : context_.held) answer_when_room(std::move(token));
      context_.held.clear();
    });
  }

  void add_odd_program(LedgerServer& server) {
    server.server().add_program(kOddProgram, 1, odd_program, &context_);
  }

  static void wait_for_no_connection(LedgerServer& server) {
    server.wait_until("it is gone", [&] { return server.server().counters().connections == 0; });
  }

  static void expect_abort(const std::string& message, const std::function<void()>& body) {
    std::string errors;
    const int status = run_in_child(body, &errors);
    CPPUNIT_ASSERT_MESSAGE(errors, WIFSIGNALED(status));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(errors, SIGABRT, WTERMSIG(status));
    CPPUNIT_ASSERT_MESSAGE(errors, errors.find(message) != std::string::npos);
  }

  OddContext context_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(ReplyTest);

}  // namespace rkv::rpc
