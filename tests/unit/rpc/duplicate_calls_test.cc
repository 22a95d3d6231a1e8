// Server::remember_duplicates(), over loopback sockets.

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>

#include "base/bytes.h"
#include "ledger_server.h"
#include "raw_client.h"
#include "raw_datagram_client.h"
#include "rpc/datagram.h"

namespace rkv::rpc {
namespace {

WireCall call_of(std::uint32_t xid, std::uint32_t procedure) {
  WireCall call;
  call.xid = xid;
  call.procedure = procedure;
  return call;
}

std::string add_message(std::uint32_t xid, std::int64_t amount) {
  return encode_call(call_of(xid, ADD), ledger_add_bytes({amount}));
}

std::string add_later_message(std::uint32_t xid, std::int64_t amount) {
  return encode_call(call_of(xid, ADD_LATER), ledger_add_bytes({amount}));
}

std::int64_t balance_in(const WireReply& reply) {
  CPPUNIT_ASSERT(reply.accepted && reply.stat == SUCCESS);
  return read_int64(std::string_view(reply.results).substr(4));
}

void expect_system_error(const WireReply& reply, std::uint32_t xid) {
  CPPUNIT_ASSERT_EQUAL(xid, reply.xid);
  CPPUNIT_ASSERT(reply.accepted);
  CPPUNIT_ASSERT_EQUAL(static_cast<std::uint32_t>(SYSTEM_ERR), reply.stat);
}

}  // namespace

class DuplicateCallsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DuplicateCallsTest);
  CPPUNIT_TEST(a_call_that_comes_three_times_is_run_once);
  CPPUNIT_TEST(copies_that_come_in_one_turn_are_run_once);
  CPPUNIT_TEST(another_port_is_another_caller);
  CPPUNIT_TEST(other_bytes_are_another_call);
  CPPUNIT_TEST(a_copy_of_a_call_under_way_is_dropped);
  CPPUNIT_TEST(a_call_that_waits_when_another_is_answered_keeps_its_place);
  CPPUNIT_TEST(runs_each_copy_of_other_procedures);
  CPPUNIT_TEST(runs_what_it_had_refused);
  CPPUNIT_TEST(runs_nothing_that_is_too_long);
  CPPUNIT_TEST(an_unknown_outcome_stays_unknown);
  CPPUNIT_TEST(answers_again_while_it_refuses_calls);
  CPPUNIT_TEST(remembers_an_answer_that_was_lost);
  CPPUNIT_TEST(refuses_calls_that_it_cannot_remember);
  CPPUNIT_TEST(forgets_the_oldest_answers);
  CPPUNIT_TEST(forgets_old_answers);
  CPPUNIT_TEST(knows_a_call_at_every_port_of_the_server);
  CPPUNIT_TEST(leaves_tcp_alone);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { open({}); }
  void tearDown() override { server_.reset(); }

  void a_call_that_comes_three_times_is_run_once() {
    server_->start();
    RawDatagramClient client(address_);
    const std::string message = add_message(1, 5);
    client.send(message);
    const std::string answer = client.read().bytes;
    CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, balance_in(decode_reply(answer)));
    client.send(add_message(2, 10));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{15}, balance_in(client.read_reply()));
    for (int copy = 0; copy < 2; ++copy) {
      client.send(message);
      CPPUNIT_ASSERT_EQUAL(answer, client.read().bytes);
    }
    client.expect_nothing_before_this();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, calls_made());
    const ServerCounters counters = server_->counters();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, counters.datagrams_repeated);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.datagrams_dropped);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.output_bytes);
  }

  void copies_that_come_in_one_turn_are_run_once() {
    RawDatagramClient client(address_);
    for (int copy = 0; copy < 3; ++copy) client.send(add_message(1, 5));
    server_->start();
    const std::string answer = client.read().bytes;
    CPPUNIT_ASSERT_EQUAL(answer, client.read().bytes);
    CPPUNIT_ASSERT_EQUAL(answer, client.read().bytes);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, calls_made());
  }

  void another_port_is_another_caller() {
    server_->start();
    RawDatagramClient one(address_);
    RawDatagramClient two(address_);
    RawDatagramClient three(address_, "127.0.0.2");
    std::int64_t balance = 0;
    for (RawDatagramClient* client : {&one, &two, &three}) {
      client->send(add_message(1, 5));
      CPPUNIT_ASSERT_EQUAL(balance += 5, balance_in(client->read_reply()));
    }
    two.send(add_message(1, 5));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{10}, balance_in(two.read_reply()));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, calls_made());
  }

  void other_bytes_are_another_call() {
    server_->start();
    RawDatagramClient client(address_);
    client.send(add_message(1, 5));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, balance_in(client.read_reply()));
    client.send(add_message(1, 6));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{11}, balance_in(client.read_reply()));
    client.send(add_message(2, 5));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{16}, balance_in(client.read_reply()));
    WireCall signed_call = call_of(1, ADD);
    signed_call.credential = {AUTH_SYS, system_credential("host", 7, 8, {9})};
    client.send_call(signed_call, ledger_add_bytes({5}));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{21}, balance_in(client.read_reply()));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server_->counters().datagrams_repeated);
  }

  void a_copy_of_a_call_under_way_is_dropped() {
    server_->start();
    RawDatagramClient client(address_);
    client.send(add_later_message(1, 5));
    wait_for_waiting(1);
    client.send(add_later_message(1, 5));
    client.send(add_later_message(1, 5));
    client.expect_nothing_before_this();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, server_->calls_waiting());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, server_->counters().datagrams_repeated);
    answer(0);
    const std::string answer = client.read().bytes;
    CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, balance_in(decode_reply(answer)));
    client.send(add_later_message(1, 5));
    CPPUNIT_ASSERT_EQUAL(answer, client.read().bytes);
    client.expect_nothing_before_this();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, calls_made());
  }

  // The port gives the place of a call to the next one that waits.
  void a_call_that_waits_when_another_is_answered_keeps_its_place() {
    server_->start();
    RawDatagramClient client(address_);
    for (std::uint32_t xid = 1; xid <= 3; ++xid) client.send(add_later_message(xid, 1 << xid));
    wait_for_waiting(3);
    answer(1);
    const std::string second = client.read().bytes;
    client.send(add_later_message(4, 16));
    wait_for_waiting(3);
    answer(2);
    const std::string fourth = client.read().bytes;
    client.send(add_later_message(4, 16));
    CPPUNIT_ASSERT_EQUAL(fourth, client.read().bytes);
    client.send(add_later_message(2, 4));
    CPPUNIT_ASSERT_EQUAL(second, client.read().bytes);
    client.send(add_later_message(1, 2));
    client.send(add_later_message(3, 8));
    client.expect_nothing_before_this();
    answer(0);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{22}, balance_in(client.read_reply()));
    answer(0);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{30}, balance_in(client.read_reply()));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, calls_made());
  }

  void runs_each_copy_of_other_procedures() {
    server_->start();
    RawDatagramClient client(address_);
    for (int copy = 0; copy < 3; ++copy) {
      client.send_call(call_of(1, ECHO), ledger_entry_bytes(1, "note"));
      CPPUNIT_ASSERT_EQUAL(ledger_entry_bytes(1, "note"), client.read_reply().results);
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, calls_made());
    // One version of a program says nothing of another.
    WireCall balance = call_of(1, 1);
    balance.version = LEDGER_V3;
    for (int copy = 0; copy < 2; ++copy) {
      client.send_call(balance);
      CPPUNIT_ASSERT(client.read_reply().accepted);
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server_->counters().datagrams_repeated);
  }

  // Nothing has happened: who sends it again wants it done.
  void runs_what_it_had_refused() {
    ServerLimits limits;
    limits.datagram_calls_max = 1;
    open(limits);
    server_->start();
    RawDatagramClient client(address_);
    client.send(add_later_message(1, 5));
    wait_for_waiting(1);
    client.send(add_message(2, 10));
    expect_system_error(client.read_reply(), 2);  // the overload reply that it has
    answer(0);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, balance_in(client.read_reply()));
    client.send(add_message(2, 10));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{15}, balance_in(client.read_reply()));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server_->counters().datagrams_repeated);
  }

  void runs_nothing_that_is_too_long() {
    server_->start();
    RawDatagramClient client(address_);
    std::string message = add_message(1, 5);
    message.resize(kDatagramSizeMax + 4);
    for (int copy = 0; copy < 2; ++copy) {
      client.send(message);
      expect_system_error(client.read_reply(), 1);
    }
    const ServerCounters counters = server_->counters();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, counters.datagrams_use_tcp);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.datagrams_repeated);
  }

  void an_unknown_outcome_stays_unknown() {
    server_->start();
    RawDatagramClient client(address_);
    for (int copy = 0; copy < 3; ++copy) {
      client.send_call(call_of(1, FORGET));
      expect_system_error(client.read_reply(), 1);
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, calls_made());
    client.send_call(call_of(2, FORGET));
    expect_system_error(client.read_reply(), 2);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, calls_made());
  }

  // The overload reply says that nothing has happened, which is not so.
  void answers_again_while_it_refuses_calls() {
    ledger_add_result busy{};
    busy.status = LEDGER_BUSY;
    for (const std::uint32_t procedure : {ADD, ADD_LATER}) {
      server_->server().set_overload_reply(LEDGER_PROG, LEDGER_V2, procedure,
                                           untyped(xdr_ledger_add_result), &busy);
    }
    server_->start();
    RawDatagramClient client(address_);
    client.send(add_message(1, 5));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, balance_in(client.read_reply()));
    client.send(add_later_message(2, 10));
    wait_for_waiting(1);
    server_->on_loop([this] { server_->server().stop_taking_calls(); });
    client.send(add_message(1, 5));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, balance_in(client.read_reply()));
    client.send(add_later_message(2, 10));
    client.expect_nothing_before_this();
    client.send(add_message(3, 20));
    std::string expected;
    append_uint32(expected, LEDGER_BUSY);
    CPPUNIT_ASSERT_EQUAL(expected, client.read_reply().results);
    answer(0);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{15}, balance_in(client.read_reply()));
  }

  void remembers_an_answer_that_was_lost() {
    ServerLimits limits;
    limits.datagram_output_max = 1;  // all are
    open(limits);
    server_->start();
    RawDatagramClient client(address_);
    for (std::uint64_t copy = 1; copy <= 3; ++copy) {
      client.send(add_message(1, 5));
      server_->wait_until("the answer is lost", [this, copy] {
        return server_->server().counters().datagrams_not_answered == copy;
      });
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, calls_made());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, server_->counters().datagrams_repeated);
  }

  void refuses_calls_that_it_cannot_remember() {
    ServerLimits limits;
    limits.duplicates_max = 2;
    open(limits);
    server_->start();
    RawDatagramClient client(address_);
    client.send(add_later_message(1, 1));
    client.send(add_later_message(2, 2));
    wait_for_waiting(2);
    client.send(add_message(3, 4));
    expect_system_error(client.read_reply(), 3);
    client.send_call(call_of(4, ECHO), ledger_entry_bytes(1, ""));
    CPPUNIT_ASSERT_EQUAL(ledger_entry_bytes(1, ""), client.read_reply().results);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server_->counters().overloaded);
    answer(0);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, balance_in(client.read_reply()));
    client.send(add_message(3, 4));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, balance_in(client.read_reply()));
  }

  void forgets_the_oldest_answers() {
    ServerLimits limits;
    limits.duplicates_max = 4;
    open(limits);
    server_->start();
    RawDatagramClient client(address_);
    for (std::uint32_t xid = 1; xid <= 5; ++xid) {
      client.send(add_message(xid, 1));
      CPPUNIT_ASSERT_EQUAL(std::int64_t{xid}, balance_in(client.read_reply()));
    }
    client.send(add_message(2, 1));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, balance_in(client.read_reply()));
    client.send(add_message(1, 1));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{6}, balance_in(client.read_reply()));
  }

  void forgets_old_answers() {
    ServerLimits limits;
    limits.duplicate_age_max = milliseconds(1);
    open(limits);
    server_->start();
    RawDatagramClient client(address_);
    const TimePoint deadline = EventLoop::read_clock() + kPatience;
    std::int64_t balance = 0;
    while (balance < 10) {
      CPPUNIT_ASSERT(EventLoop::read_clock() < deadline);
      client.send(add_message(1, 5));
      balance = balance_in(client.read_reply());
    }
    CPPUNIT_ASSERT_EQUAL(std::int64_t{10}, balance);
    CPPUNIT_ASSERT(server_->counters().datagrams_repeated > 0);
  }

  void knows_a_call_at_every_port_of_the_server() {
    const Result<Address> other =
        server_->server().listen(Address::parse("127.0.0.1", 0).value(), Transport::kUdp);
    CPPUNIT_ASSERT_MESSAGE(other.status().to_string(), other.ok());
    server_->start();
    RawDatagramClient client(address_);
    client.send(add_message(1, 5));
    const std::string answer = client.read().bytes;
    client.send_to(other.value(), add_message(1, 5));
    const RawDatagramClient::Datagram again = client.read();
    CPPUNIT_ASSERT_EQUAL(answer, again.bytes);
    CPPUNIT_ASSERT_EQUAL(other.value().to_string(), again.from.to_string());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, calls_made());
  }

  void leaves_tcp_alone() {
    server_->start();
    RawClient client(server_->address());
    for (int copy = 1; copy <= 3; ++copy) {
      client.send_call(call_of(1, ADD), ledger_add_bytes({5}));
      CPPUNIT_ASSERT_EQUAL(std::int64_t{5} * copy, balance_in(client.read_reply()));
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server_->counters().datagrams_repeated);
  }

 private:
  // A server of the ledger over UDP, of which all that changes something is remembered.
  void open(const ServerLimits& limits) {
    server_ = std::make_unique<LedgerServer>(limits);
    Server& server = server_->server();
    for (const std::uint32_t procedure : {ADD, ADD_LATER, FORGET}) {
      server.remember_duplicates(LEDGER_PROG, LEDGER_V2, procedure);
    }
    const Result<Address> address =
        server.listen(Address::parse("127.0.0.1", 0).value(), Transport::kUdp);
    CPPUNIT_ASSERT_MESSAGE(address.status().to_string(), address.ok());
    address_ = address.value();
  }

  std::uint64_t calls_made() {
    std::uint64_t calls = 0;
    server_->on_loop([&] { calls = server_->ledger().calls; });
    return calls;
  }

  void wait_for_waiting(std::size_t count) {
    server_->wait_until("they wait",
                        [this, count] { return server_->ledger().waiting.size() == count; });
  }

  void answer(std::size_t index) {
    server_->on_loop([this, index] { server_->ledger().answer(index); });
  }

  std::unique_ptr<LedgerServer> server_;
  Address address_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(DuplicateCallsTest);

}  // namespace rkv::rpc
