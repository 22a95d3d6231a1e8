#include <cppunit/extensions/HelperMacros.h>
#include <poll.h>

#include <algorithm>
#include <deque>
#include <string>

#include "ledger_server.h"
#include "raw_client.h"
#include "rpc/server.h"

namespace rkv::rpc {
namespace {

WireCall call_of(std::uint32_t xid, std::uint32_t procedure) {
  WireCall call;
  call.xid = xid;
  call.procedure = procedure;
  return call;
}

std::string calls_of(std::uint32_t count, std::uint32_t procedure, const std::string& arguments) {
  std::string calls;
  for (std::uint32_t xid = 1; xid <= count; ++xid) {
    calls += record(encode_call(call_of(xid, procedure), arguments));
  }
  return calls;
}

bool is_success(const WireReply& reply) { return reply.accepted && reply.stat == SUCCESS; }
bool is_system_error(const WireReply& reply) { return reply.accepted && reply.stat == SYSTEM_ERR; }

bool has_bytes(const RawClient& client, int wait_ms = 0) {
  pollfd entry{client.descriptor(), POLLIN, 0};
  return poll(&entry, 1, wait_ms) > 0;
}

// Sends a call and waits for its answer: the server is alive and its loop has turned.
void expect_served(RawClient& client) {
  client.send_call(call_of(99, ADD), ledger_add_bytes({0}));
  CPPUNIT_ASSERT(is_success(client.read_reply()));
}

// A client that asks for much, and reads nothing.
class Hog {
 public:
  Hog(const Address& server, std::uint32_t calls, std::size_t note_size)
      : client_(server, 4096),
        rest_(calls_of(calls, ECHO, ledger_entry_bytes(1, std::string(note_size, 'n')))) {}
  void push() { rest_.erase(0, client_.send_what_fits(rest_)); }
  RawClient& client() { return client_; }

 private:
  RawClient client_;
  std::string rest_;
};

}  // namespace

class ServerLimitsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ServerLimitsTest);
  CPPUNIT_TEST(a_flood_does_not_hold_up_others);
  CPPUNIT_TEST(reads_no_more_while_too_many_calls_of_a_connection_wait);
  CPPUNIT_TEST(goes_on_with_left_over_calls_after_the_client_finished_sending);
  CPPUNIT_TEST(answers_busy_when_too_many_calls_wait);
  CPPUNIT_TEST(answers_system_err_without_an_overload_reply);
  CPPUNIT_TEST(counts_the_bytes_of_waiting_calls);
  CPPUNIT_TEST(bounds_the_output_of_all_connections);
  CPPUNIT_TEST(refuses_calls_while_the_output_of_all_is_full);
  CPPUNIT_TEST(bounds_the_output_of_answers_given_later);
  CPPUNIT_TEST(bounds_the_output_of_a_client_that_does_not_read);
  CPPUNIT_TEST(goes_on_when_its_answers_are_read);
  CPPUNIT_TEST(bounds_the_memory_of_records_that_have_not_ended);
  CPPUNIT_TEST(closes_idle_connections_that_are_owed_nothing);
  CPPUNIT_TEST(closes_on_a_record_that_does_not_end);
  CPPUNIT_TEST(bounds_connections);
  CPPUNIT_TEST(bounds_connections_of_each_host);
  CPPUNIT_TEST(asks_the_accept_filter);
  CPPUNIT_TEST(stops_taking_calls_and_gets_quiet);
  CPPUNIT_TEST(closes_connections_without_losing_an_answer);
  CPPUNIT_TEST_SUITE_END();

 public:
  void a_flood_does_not_hold_up_others() {
    ServerLimits limits;
    limits.records_per_turn_max = 10;
    LedgerServer server(limits);
    RawClient flooder(server.address());
    RawClient polite(server.address());
    server.wait_until("both are there",
                      [&] { return server.server().counters().connections == 2; });
    flooder.send(calls_of(1000, ADD, ledger_add_bytes({1})));
    polite.send_call(call_of(7, ADD), ledger_add_bytes({0}));
    server.wait_until("the polite one is served", [&] { return has_bytes(polite); });
    CPPUNIT_ASSERT(server.ledger().calls <= 50);
    CPPUNIT_ASSERT_EQUAL(7u, polite.read_reply().xid);
    server.start();
    const TimePoint start = EventLoop::read_clock();
    for (std::uint32_t xid = 1; xid <= 1000; ++xid) {
      CPPUNIT_ASSERT_EQUAL(xid, flooder.read_reply().xid);
    }
    // Each turn with calls left over leads to the next: none waits for something to come.
    CPPUNIT_ASSERT(EventLoop::read_clock() - start < kPatience);
  }

  void reads_no_more_while_too_many_calls_of_a_connection_wait() {
    ServerLimits limits;
    limits.calls_per_connection_max = 8;
    LedgerServer server(limits);
    server.start();
    RawClient greedy(server.address());
    RawClient polite(server.address());
    greedy.send(calls_of(50, ADD_LATER, ledger_add_bytes({1})));
    server.wait_until("8 wait", [&] { return server.ledger().waiting.size() == 8; });
    const std::string flood = calls_of(400'000, ADD_LATER, ledger_add_bytes({1}));
    for (int i = 0; i < 20; ++i) expect_served(polite);
    CPPUNIT_ASSERT_EQUAL(std::size_t{8}, server.calls_waiting());
    for (std::uint32_t answered = 1; answered <= 50; ++answered) {
      server.wait_until("the next waits", [&] {
        return server.ledger().waiting.size() == std::min<std::size_t>(8, 51 - answered);
      });
      server.on_loop([&] { server.ledger().answer(0); });
      CPPUNIT_ASSERT_EQUAL(answered, greedy.read_reply().xid);
    }
    // What it sends without end stays in the kernel, and there is little room there.
    std::size_t sent = 0;
    for (int i = 0; i < 20; ++i) {
      sent += greedy.send_what_fits(std::string_view(flood).substr(sent));
      expect_served(polite);
    }
    CPPUNIT_ASSERT(sent < flood.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{8}, server.calls_waiting());
  }

  void goes_on_with_left_over_calls_after_the_client_finished_sending() {
    ServerLimits limits;
    limits.calls_per_connection_max = 3;
    limits.records_per_turn_max = 2;
    LedgerServer server(limits);
    server.start();
    RawClient client(server.address());
    client.send(calls_of(10, ADD_LATER, ledger_add_bytes({1})));
    client.finish_sending();
    for (std::uint32_t xid = 1; xid <= 10; ++xid) {
      server.wait_until("the next waits", [&] { return !server.ledger().waiting.empty(); });
      server.on_loop([&] { server.ledger().answer(0); });
      CPPUNIT_ASSERT_EQUAL(xid, client.read_reply().xid);
    }
    client.expect_closed();
  }

  void answers_busy_when_too_many_calls_wait() {
    ServerLimits limits;
    limits.calls_max = 4;
    LedgerServer server(limits);
    ledger_add_result busy{};
    busy.status = LEDGER_BUSY;
    server.server().set_overload_reply(LEDGER_PROG, LEDGER_V2, ADD_LATER,
                                       untyped(xdr_ledger_add_result), &busy);
    server.start();
    RawClient client(server.address());
    RawClient other(server.address());
    client.send(calls_of(4, ADD_LATER, ledger_add_bytes({1})));
    server.wait_until("4 wait", [&] { return server.ledger().waiting.size() == 4; });
    other.send_call(call_of(5, ADD_LATER), ledger_add_bytes({1}));
    const WireReply reply = other.read_reply();
    CPPUNIT_ASSERT_EQUAL(5u, reply.xid);
    CPPUNIT_ASSERT(is_success(reply));
    CPPUNIT_ASSERT_EQUAL(std::string("\0\0\0\1", 4), reply.results);  // LEDGER_BUSY
    other.send_call(call_of(6, ADD), ledger_add_bytes({1}));          // has no overload reply
    CPPUNIT_ASSERT(is_system_error(other.read_reply()));
    other.send_call(call_of(7, 0));  // whoever asks whether it is alive hears that it is
    CPPUNIT_ASSERT(is_success(other.read_reply()));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, server.counters().overloaded);
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, server.calls_waiting());
    server.on_loop([&] { server.ledger().answer(0); });
    expect_served(other);
  }

  void answers_system_err_without_an_overload_reply() {
    ServerLimits limits;
    limits.calls_max = 2;
    LedgerServer server(limits);
    server.start();
    RawClient client(server.address());
    client.send(calls_of(5, ADD_LATER, ledger_add_bytes({1})));
    for (std::uint32_t xid = 3; xid <= 5; ++xid) {
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT_EQUAL(xid, reply.xid);
      CPPUNIT_ASSERT(is_system_error(reply));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, server.calls_waiting());
  }

  void counts_the_bytes_of_waiting_calls() {
    const std::string arguments = ledger_add_bytes(std::vector<std::int64_t>(100, 1));
    ServerLimits limits;
    limits.call_bytes_max = 3 * encode_call(call_of(1, ADD_LATER), arguments).size();
    LedgerServer server(limits);
    server.start();
    RawClient client(server.address());
    for (int round = 0; round < 2; ++round) {
      client.send(calls_of(4, ADD_LATER, arguments));
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT_EQUAL(4u, reply.xid);
      CPPUNIT_ASSERT(is_system_error(reply));
      // What is answered no longer counts, whichever way it was.
      server.on_loop([&] {
        server.ledger().answer(0);
        server.ledger().waiting.clear();
      });
      for (int i = 0; i < 3; ++i) client.read_reply();
    }
  }

  void bounds_the_output_of_all_connections() {
    ServerLimits limits;
    limits.output_per_connection_max = 1 << 20;
    limits.output_bytes_max = 1 << 20;
    LedgerServer server(limits);
    server.start();
    RawClient polite(server.address());
    Hog hog(server.address(), 30, 512 << 10);
    // Who has most of the output goes, and nobody is refused for it.
    server.wait_until("the hog is closed", [&] {
      hog.push();
      return server.server().counters().refused == 1;
    });
    expect_served(polite);
    const ServerCounters counters = server.counters();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, counters.connections);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.output_bytes);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.overloaded);
  }

  void refuses_calls_while_the_output_of_all_is_full() {
    ServerLimits limits;
    limits.output_bytes_max = 4000;
    LedgerServer server(limits);
    RawClient client(server.address());
    // In one turn, before any answer is written: the first is over the limit.
    client.send(
        record(encode_call(call_of(1, ECHO), ledger_entry_bytes(1, std::string(5000, 'n')))) +
        record(encode_call(call_of(2, ADD), ledger_add_bytes({1}))));
    server.wait_until("both came", [&] { return server.server().counters().calls == 2; });
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server.server().counters().overloaded);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, server.ledger().balance);
  }

  void bounds_the_output_of_answers_given_later() {
    ServerLimits limits;
    limits.output_bytes_max = 4000;
    LedgerServer server(limits);
    server.start();
    RawClient client(server.address());
    client.send(calls_of(1000, ADD_LATER, ledger_add_bytes({1})));
    server.wait_until("all wait", [&] { return server.ledger().waiting.size() == 1000; });
    server.on_loop([&] {
      while (!server.ledger().waiting.empty()) server.ledger().answer(0);
    });
    // Each answer is 40 bytes with its mark. Those over the limit still get an answer, a small one.
    for (std::uint32_t xid = 1; xid <= 1000; ++xid) {
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT_EQUAL(xid, reply.xid);
      CPPUNIT_ASSERT(xid <= 100 ? is_success(reply) : is_system_error(reply));
    }
    expect_served(client);
  }

  void bounds_the_output_of_a_client_that_does_not_read() {
    constexpr std::size_t kNote = 64 << 10;
    ServerLimits limits;
    limits.output_per_connection_max = 256 << 10;
    limits.write_timeout = milliseconds(700);
    LedgerServer server(limits);
    server.start();
    RawClient polite(server.address());
    Hog hog(server.address(), 300, kNote);
    const std::size_t most = limits.output_per_connection_max + kNote + 100;
    std::size_t seen = 0;
    server.wait_until("its output is full", [&] {
      hog.push();
      seen = server.server().counters().output_bytes;
      return seen >= limits.output_per_connection_max;
    });
    server.wait_until("it is closed", [&] {
      hog.push();
      seen = std::max<std::size_t>(seen, server.server().counters().output_bytes);
      return server.server().counters().timed_out == 1;
    });
    CPPUNIT_ASSERT(seen <= most);
    expect_served(polite);
    const ServerCounters counters = server.counters();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, counters.connections);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.output_bytes);
  }

  void goes_on_when_its_answers_are_read() {
    ServerLimits limits;
    limits.output_per_connection_max = 64 << 10;
    LedgerServer server(limits);
    server.start();
    constexpr std::uint32_t kCalls = 200;
    Hog hog(server.address(), kCalls, 40'000);
    server.wait_until("its output is full", [&] {
      hog.push();
      return server.server().counters().output_bytes >= limits.output_per_connection_max;
    });
    for (std::uint32_t xid = 1; xid <= kCalls; ++xid) {
      hog.push();
      CPPUNIT_ASSERT_EQUAL(xid, hog.client().read_reply().xid);
    }
  }

  void bounds_the_memory_of_records_that_have_not_ended() {
    ServerLimits limits;
    limits.input_bytes_max = 4 << 20;
    LedgerServer server(limits);
    server.start();
    const std::string call =
        record(encode_call(call_of(1, ECHO), ledger_entry_bytes(1, std::string(900'000, 'n'))));
    {
      std::deque<RawClient> hogs;
      for (int i = 0; i < 20; ++i) {
        hogs.emplace_back(server.address()).send(std::string_view(call).substr(0, 800'000));
      }
      server.wait_until("too much was sent",
                        [&] { return server.server().counters().refused > 0; });
      // Small calls need none of that memory.
      RawClient polite(server.address());
      expect_served(polite);
      server.wait_until("it is bounded", [&] {
        return server.server().counters().input_bytes <= limits.input_bytes_max;
      });
      CPPUNIT_ASSERT(server.counters().connections >= 2);  // not all are closed
    }
    server.wait_until("it is let go", [&] { return server.server().counters().connections == 0; });
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server.counters().input_bytes);
    RawClient next(server.address());
    next.send(call);
    CPPUNIT_ASSERT(is_success(next.read_reply()));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server.counters().input_bytes);
  }

  void closes_idle_connections_that_are_owed_nothing() {
    ServerLimits limits;
    limits.idle_timeout = milliseconds(300);
    LedgerServer server(limits);
    server.start();
    RawClient waiting(server.address());
    waiting.send_call(call_of(1, ADD_LATER), ledger_add_bytes({1}));
    server.wait_until("it waits", [&] { return server.ledger().waiting.size() == 1; });
    RawClient idle(server.address());
    idle.expect_closed();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server.counters().timed_out);
    // The other one has done nothing for longer, but its call is under way.
    CPPUNIT_ASSERT(!waiting.is_closed());
    server.on_loop([&] { server.ledger().answer(0); });
    CPPUNIT_ASSERT(is_success(waiting.read_reply()));
    waiting.expect_closed();
  }

  void closes_on_a_record_that_does_not_end() {
    ServerLimits limits;
    limits.record_timeout = milliseconds(400);
    LedgerServer server(limits);
    server.start();
    RawClient polite(server.address());
    RawClient slow(server.address());
    expect_served(slow);
    const TimePoint start = EventLoop::read_clock();
    slow.send(fragment("abc", false) + fragment(std::string(100'000, 'x'), true).substr(0, 5));
    // A byte now and then must not win it more time.
    while (!has_bytes(slow, 30)) {
      slow.send("x");
      CPPUNIT_ASSERT(EventLoop::read_clock() - start < kPatience);
    }
    slow.expect_closed();
    CPPUNIT_ASSERT(EventLoop::read_clock() - start >= limits.record_timeout);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server.counters().timed_out);
    expect_served(polite);
  }

  void bounds_connections() {
    ServerLimits limits;
    limits.connections_max = 2;
    LedgerServer server(limits);
    server.start();
    RawClient first(server.address());
    {
      RawClient second(server.address());
      expect_served(second);
      RawClient third(server.address());
      third.expect_closed();
      expect_served(first);
    }
    server.wait_until("it is gone", [&] { return server.server().counters().connections == 1; });
    RawClient next(server.address());
    expect_served(next);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server.counters().refused);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, server.counters().accepted);
  }

  void bounds_connections_of_each_host() {
    ServerLimits limits;
    limits.connections_per_host_max = 2;
    LedgerServer server(limits);
    server.start();
    RawClient first(server.address());
    {
      RawClient second(server.address());
      expect_served(second);
      RawClient third(server.address());
      third.expect_closed();
      RawClient neighbour(server.address(), 0, "127.0.0.2");
      expect_served(neighbour);
    }
    server.wait_until("they are gone", [&] { return server.server().counters().connections == 1; });
    RawClient next(server.address());
    expect_served(next);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server.counters().refused);
  }

  void asks_the_accept_filter() {
    LedgerServer server;
    server.server().set_accept_filter(
        [](const Address& from) { return from.host() == "127.0.0.2"; });
    server.start();
    RawClient stranger(server.address());
    stranger.expect_closed();
    RawClient member(server.address(), 0, "127.0.0.2");
    expect_served(member);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server.counters().refused);
  }

  void stops_taking_calls_and_gets_quiet() {
    LedgerServer server;
    server.start();
    RawClient busy(server.address());
    busy.send(calls_of(2, ADD_LATER, ledger_add_bytes({1})));
    server.wait_until("both wait", [&] { return server.ledger().waiting.size() == 2; });
    server.on_loop([&] { server.server().stop_taking_calls(); });
    CPPUNIT_ASSERT(!is_quiet(server));
    CPPUNIT_ASSERT_THROW(RawClient(server.address()), CppUnit::Exception);
    busy.send_call(call_of(3, ADD), ledger_add_bytes({1}));  // refused, and not run
    const WireReply refused = busy.read_reply();
    CPPUNIT_ASSERT_EQUAL(3u, refused.xid);
    CPPUNIT_ASSERT(is_system_error(refused));
    server.on_loop([&] { server.ledger().answer(1); });
    CPPUNIT_ASSERT_EQUAL(2u, busy.read_reply().xid);
    CPPUNIT_ASSERT(!is_quiet(server));
    server.on_loop([&] { server.ledger().answer(0); });
    const WireReply last = busy.read_reply();
    CPPUNIT_ASSERT_EQUAL(1u, last.xid);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, read_int64(std::string_view(last.results).substr(4)));
    CPPUNIT_ASSERT(is_quiet(server));
  }

  void closes_connections_without_losing_an_answer() {
    LedgerServer server;
    server.start();
    RawClient idle(server.address());
    RawClient half_closed(server.address());
    half_closed.send_call(call_of(1, ADD_LATER), ledger_add_bytes({1}));
    half_closed.finish_sending();
    RawClient busy(server.address(), 4096);  // so that most of its answers wait at the server
    busy.send(calls_of(1000, ADD, ledger_add_bytes({1})));
    server.wait_until("all have run", [&] { return server.ledger().calls == 1001; });
    server.on_loop([&] { server.server().stop_taking_calls(); });
    server.wait_until("the kernel has every answer",
                      [&] { return server.server().counters().output_bytes == 0; });
    server.on_loop([&] { server.server().close_connections(); });
    idle.expect_closed();
    half_closed.expect_closed();  // its call took too long
    // What comes now is dropped; a reset in answer to it would destroy the answers on their way.
    busy.send(calls_of(1000, ADD, ledger_add_bytes({1})));
    for (std::uint32_t xid = 1; xid <= 1000; ++xid) {
      CPPUNIT_ASSERT_EQUAL(xid, busy.read_reply().xid);
    }
    busy.expect_closed();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, server.counters().connections);
    idle.finish_sending();
    busy.finish_sending();
    server.wait_until("all are gone", [&] { return server.server().counters().connections == 0; });
    std::uint64_t calls = 0;
    server.on_loop([&] { calls = server.ledger().calls; });
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1001}, calls);
  }

 private:
  static bool is_quiet(LedgerServer& server) {
    bool is_so = false;
    server.on_loop([&] { is_so = server.server().quiet(); });
    return is_so;
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ServerLimitsTest);

}  // namespace rkv::rpc
