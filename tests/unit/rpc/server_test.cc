#include "rpc/server.h"

#include <cppunit/extensions/HelperMacros.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ledger_server.h"
#include "raw_client.h"
#include "stock_client.h"

namespace rkv::rpc {
namespace {

constexpr std::uint32_t kOk = 0;  // ledger_status, accept_stat

WireCall call_of(std::uint32_t xid, std::uint32_t procedure, std::uint32_t version = LEDGER_V2) {
  WireCall call;
  call.xid = xid;
  call.procedure = procedure;
  call.version = version;
  return call;
}

std::int64_t balance_in(const WireReply& reply) {
  CPPUNIT_ASSERT(reply.accepted);
  CPPUNIT_ASSERT_EQUAL(kOk, reply.stat);
  CPPUNIT_ASSERT_EQUAL(std::size_t{12}, reply.results.size());
  CPPUNIT_ASSERT_EQUAL(std::string(4, '\0'), reply.results.substr(0, 4));
  return read_int64(std::string_view(reply.results).substr(4));
}

// What accepted sockets inherit: so every write of the server is cut short somewhere.
void shrink_send_buffers(const Address& server) {
  int found = 0;
  for (int descriptor = 0; descriptor < 1024; ++descriptor) {
    int is_listening = 0;
    socklen_t size = sizeof is_listening;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) != 0) continue;
    if (is_listening == 0) continue;
    const Result<Address> bound = Address::local_of(descriptor);
    if (!bound.ok() || bound.value().to_string() != server.to_string()) continue;
    const int least = 1;
    CPPUNIT_ASSERT_EQUAL(0, setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &least, sizeof least));
    ++found;
  }
  CPPUNIT_ASSERT_EQUAL(1, found);
}

}  // namespace

class ServerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ServerTest);
  CPPUNIT_TEST(answers_at_once);
  CPPUNIT_TEST(answers_procedure_0_in_every_version);
  CPPUNIT_TEST(serves_two_versions);
  CPPUNIT_TEST(answers_later_and_in_any_order);
  CPPUNIT_TEST(echoes_a_large_note_however_it_is_cut);
  CPPUNIT_TEST(takes_a_call_byte_by_byte);
  CPPUNIT_TEST(answers_a_thousand_calls_of_one_write);
  CPPUNIT_TEST(writes_answers_in_small_pieces);
  CPPUNIT_TEST(answers_a_client_that_has_finished_sending);
  CPPUNIT_TEST(refuses_unknown_programs_versions_and_procedures);
  CPPUNIT_TEST(refuses_arguments_that_do_not_decode);
  CPPUNIT_TEST(refuses_another_rpc_version_and_goes_on);
  CPPUNIT_TEST(refuses_credentials_it_does_not_know);
  CPPUNIT_TEST(refuses_bad_credentials);
  CPPUNIT_TEST(shows_the_system_credential_to_the_procedure);
  CPPUNIT_TEST(closes_on_what_is_not_a_call);
  CPPUNIT_TEST(closes_on_records_over_its_limits);
  CPPUNIT_TEST(answers_system_err_for_results_that_do_not_encode);
  CPPUNIT_TEST(counts_what_it_does);
  CPPUNIT_TEST(serves_ipv6);
  CPPUNIT_TEST(serves_a_stock_client);
  CPPUNIT_TEST(answers_a_stock_client_later);
  CPPUNIT_TEST(gives_a_stock_client_its_errors);
  CPPUNIT_TEST_SUITE_END();

 public:
  void answers_at_once() {
    server_.start();
    RawClient client(server_.address());
    client.send_call(call_of(0xFFFFFFFF, ADD), ledger_add_bytes({40, 5, -3}));
    const WireReply reply = client.read_reply();
    CPPUNIT_ASSERT_EQUAL(0xFFFFFFFFu, reply.xid);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{42}, balance_in(reply));
  }

  void answers_procedure_0_in_every_version() {
    server_.start();
    RawClient client(server_.address());
    for (const std::uint32_t version : {2u, 3u}) {
      client.send_call(call_of(version, 0, version));
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT_EQUAL(version, reply.xid);
      CPPUNIT_ASSERT(reply.accepted && reply.stat == kOk && reply.results.empty());
    }
  }

  void serves_two_versions() {
    server_.start();
    RawClient client(server_.address());
    client.send_call(call_of(1, ADD), ledger_add_bytes({9}));
    client.send_call(call_of(2, BALANCE, LEDGER_V3));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{9}, balance_in(client.read_reply()));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{9}, read_int64(client.read_reply().results));
  }

  void answers_later_and_in_any_order() {
    server_.start();
    RawClient client(server_.address());
    for (std::uint32_t xid = 1; xid <= 3; ++xid) {
      client.send_call(call_of(xid, ADD_LATER), ledger_add_bytes({xid * 100}));
    }
    server_.wait_until("three calls wait", [&] { return server_.ledger().waiting.size() == 3; });
    client.send_call(call_of(4, ADD), ledger_add_bytes({1}));  // not held up by them
    CPPUNIT_ASSERT_EQUAL(4u, client.read_reply().xid);
    server_.on_loop([&] {
      for (const std::size_t index : {2, 1, 0}) server_.ledger().answer(index);
    });
    std::int64_t balance = 1;
    for (const std::uint32_t xid : {3u, 2u, 1u}) {
      const WireReply reply = client.read_reply();
      balance += xid * 100;
      CPPUNIT_ASSERT_EQUAL(xid, reply.xid);
      CPPUNIT_ASSERT_EQUAL(balance, balance_in(reply));
    }
  }

  void echoes_a_large_note_however_it_is_cut() {
    server_.start();
    RawClient client(server_.address());
    std::string note(1 << 20, '\0');
    std::mt19937 random(5);
    for (char& byte : note) byte = static_cast<char>(random());
    const std::string entry = ledger_entry_bytes(7, note);
    const std::string call = encode_call(call_of(1, ECHO), entry);
    for (const std::size_t size : {std::size_t{1} << 21, std::size_t{65536}, std::size_t{1111}}) {
      client.send(record_of_fragments(call, size));
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT(reply.results == entry);
    }
  }

  void takes_a_call_byte_by_byte() {
    server_.start();
    RawClient client(server_.address());
    const int on = 1;
    setsockopt(client.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::string call = encode_call(call_of(1, ADD), ledger_add_bytes({7, 8}));
    for (const char byte : record_of_fragments(call, 10)) client.send({&byte, 1});
    CPPUNIT_ASSERT_EQUAL(std::int64_t{15}, balance_in(client.read_reply()));
  }

  void answers_a_thousand_calls_of_one_write() {
    server_.start();
    RawClient client(server_.address());
    std::string calls;
    for (std::uint32_t i = 1; i <= 1000; ++i) {
      calls += record(encode_call(call_of(i * 7919, ADD), ledger_add_bytes({i})));
    }
    client.send(calls);
    std::int64_t balance = 0;
    for (std::uint32_t i = 1; i <= 1000; ++i) {
      const WireReply reply = client.read_reply();
      balance += i;
      CPPUNIT_ASSERT_EQUAL(i * 7919, reply.xid);
      CPPUNIT_ASSERT_EQUAL(balance, balance_in(reply));
    }
  }

  void writes_answers_in_small_pieces() {
    shrink_send_buffers(server_.address());
    server_.start();
    RawClient client(server_.address(), 1);
    std::mt19937 random(6);
    std::string expected;
    for (std::uint32_t xid = 1; xid <= 60; ++xid) {
      std::string note(random() % 9000, '\0');
      for (char& byte : note) byte = static_cast<char>(random());
      const std::string entry = ledger_entry_bytes(xid, note);
      client.send_call(call_of(xid, ECHO), entry);
      const std::string header("\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
      std::string reply{0, 0, 0, static_cast<char>(xid)};
      reply.append(header).append(entry);
      expected += record(reply);
    }
    std::string received;
    while (received.size() < expected.size()) {
      const std::string bytes = client.read_some(1 + random() % 700);
      CPPUNIT_ASSERT_MESSAGE("closed", !bytes.empty());
      received += bytes;
    }
    CPPUNIT_ASSERT(received == expected);
  }

  void answers_a_client_that_has_finished_sending() {
    server_.start();
    RawClient client(server_.address());
    client.send_call(call_of(1, ADD_LATER), ledger_add_bytes({1}));
    client.send_call(call_of(2, ADD), ledger_add_bytes({1}));
    client.send("\x80");  // and the beginning of one more
    client.finish_sending();
    CPPUNIT_ASSERT_EQUAL(2u, client.read_reply().xid);
    CPPUNIT_ASSERT(!client.is_closed());
    server_.on_loop([&] { server_.ledger().answer(0); });
    CPPUNIT_ASSERT_EQUAL(1u, client.read_reply().xid);
    client.expect_closed();
  }

  void refuses_unknown_programs_versions_and_procedures() {
    server_.start();
    RawClient client(server_.address());
    WireCall call = call_of(1, 0);
    for (const std::uint32_t program : {0u, 100000u, 0x20001233u, 0x20001235u, 0xFFFFFFFFu}) {
      call.program = program;
      client.send_call(call);
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT(reply.accepted && reply.stat == PROG_UNAVAIL);
    }
    for (const std::uint32_t version : {0u, 1u, 4u, 0xFFFFFFFFu}) {
      client.send_call(call_of(2, 0, version));
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT(reply.accepted && reply.stat == PROG_MISMATCH);
      CPPUNIT_ASSERT_EQUAL(2u, reply.low);
      CPPUNIT_ASSERT_EQUAL(3u, reply.high);
    }
    for (const std::uint32_t procedure : {5u, 0xFFFFFFFFu}) {
      client.send_call(call_of(3, procedure));
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT(reply.accepted && reply.stat == PROC_UNAVAIL);
    }
  }

  void refuses_arguments_that_do_not_decode() {
    server_.start();
    RawClient client(server_.address());
    const std::string good = ledger_add_bytes({1, 2, 3});
    std::vector<std::pair<std::uint32_t, std::string>> bad;
    // Entries with notes: those that were decoded before the end came must be freed
    // (LeakSanitizer).
    std::string entries("\0\0\0\3", 4);
    for (int i = 0; i < 3; ++i) entries += ledger_entry_bytes(i, std::string(1000, 'n'));
    for (std::size_t size = 0; size < entries.size(); size += 12) {
      bad.emplace_back(ADD, entries.substr(0, size));
    }
    bad.emplace_back(ADD, good + std::string(4, '\0'));  // bytes left over
    bad.emplace_back(FORGET, std::string(4, 'x'));
    std::string over_bound = ledger_add_bytes({});
    over_bound[2] = 4;  // 1024 entries
    bad.emplace_back(ADD, over_bound + std::string(32 * 1024, '\0'));
    bad.emplace_back(ECHO, ledger_entry_bytes(1, std::string(LEDGER_NOTE_MAX + 1, 'x')));
    for (const auto& [procedure, arguments] : bad) {
      client.send_call(call_of(5, procedure), arguments);
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT_MESSAGE(std::to_string(arguments.size()),
                             reply.accepted && reply.stat == GARBAGE_ARGS);
    }
    client.send_call(call_of(6, ADD), good);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{6}, balance_in(client.read_reply()));
  }

  void refuses_another_rpc_version_and_goes_on() {
    server_.start();
    RawClient client(server_.address());
    for (const std::uint32_t version : {1u, 3u}) {
      WireCall call = call_of(9, 0);
      call.rpc_version = version;
      client.send_call(call);
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT_EQUAL(9u, reply.xid);
      CPPUNIT_ASSERT(!reply.accepted && reply.stat == RPC_MISMATCH);
      CPPUNIT_ASSERT_EQUAL(2u, reply.low);
      CPPUNIT_ASSERT_EQUAL(2u, reply.high);
    }
    client.send_call(call_of(10, 0));
    CPPUNIT_ASSERT(client.read_reply().accepted);
  }

  void refuses_credentials_it_does_not_know() {
    server_.start();
    RawClient client(server_.address());
    // AUTH_SHORT, AUTH_DES, RPCSEC_GSS, AUTH_TLS (the probe of RFC 9289), and nonsense.
    for (const std::uint32_t flavor : {2u, 3u, 6u, 7u, 0xFFFFFFFFu}) {
      WireCall call = call_of(flavor, 0);
      call.credential.flavor = flavor;
      client.send_call(call);
      expect_auth_error(client.read_reply(), AUTH_REJECTEDCRED);
    }
  }

  void refuses_bad_credentials() {
    server_.start();
    RawClient client(server_.address());
    WireCall call = call_of(1, 0);
    call.credential = {AUTH_SYS, "nonsense"};
    client.send_call(call);
    expect_auth_error(client.read_reply(), AUTH_BADCRED);
    call.credential = {AUTH_SYS, system_credential("h", 1, 2, {}) + "more"};
    client.send_call(call);
    expect_auth_error(client.read_reply(), AUTH_BADCRED);
    call.credential = {AUTH_NONE, std::string(401, 'c')};
    client.send_call(call);
    expect_auth_error(client.read_reply(), AUTH_BADCRED);
    call.credential = {AUTH_NONE, std::string(400, 'c')};
    client.send_call(call);
    CPPUNIT_ASSERT(client.read_reply().accepted);
  }

  void shows_the_system_credential_to_the_procedure() {
    server_.start();
    RawClient client(server_.address());
    WireCall call = call_of(1, ADD);
    call.credential = {AUTH_SYS, system_credential("alpha", 1001, 1002, {5, 6, 7})};
    client.send_call(call, ledger_add_bytes({1}));
    CPPUNIT_ASSERT(client.read_reply().accepted);
    Ledger::Caller caller;
    server_.on_loop([&] { caller = server_.ledger().caller.value(); });
    CPPUNIT_ASSERT_EQUAL(std::string("alpha"), caller.machine);
    CPPUNIT_ASSERT_EQUAL(1001u, caller.uid);
    CPPUNIT_ASSERT_EQUAL(1002u, caller.gid);
    CPPUNIT_ASSERT(caller.groups == (std::vector<std::uint32_t>{5, 6, 7}));
    client.send_call(call_of(2, ADD), ledger_add_bytes({1}));
    CPPUNIT_ASSERT(client.read_reply().accepted);
    bool has_caller = true;
    server_.on_loop([&] { has_caller = server_.ledger().caller.has_value(); });
    CPPUNIT_ASSERT(!has_caller);
  }

  void closes_on_what_is_not_a_call() {
    server_.start();
    WireCall reply = call_of(1, 0);
    reply.direction = 1;
    for (const std::string& bytes : {record(""), record("abc"), record(encode_call(reply)),
                                     record(encode_call(call_of(1, ADD)).substr(0, 39))}) {
      RawClient client(server_.address());
      client.send(bytes);
      client.expect_closed();
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, server_.counters().malformed);
  }

  void closes_on_records_over_its_limits() {
    server_.start();
    RawClient long_one(server_.address());
    long_one.send(
        std::string("\x80\x40\0\1", 4));  // 4 MiB and one byte: the announcement is enough
    long_one.expect_closed();
    RawClient empty_ones(server_.address());
    for (int i = 0; i < 1025; ++i) empty_ones.send(fragment("", false));
    empty_ones.expect_closed();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, server_.counters().malformed);
  }

  void answers_system_err_for_results_that_do_not_encode() {
    server_.start();
    RawClient client(server_.address());
    client.send_call(call_of(1, ADD), ledger_add_bytes({4}));
    client.send_call(call_of(2, ECHO), ledger_entry_bytes(Ledger::kUnencodable, "note"));
    client.send_call(call_of(3, ADD), ledger_add_bytes({4}));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{4}, balance_in(client.read_reply()));
    const WireReply reply = client.read_reply();
    CPPUNIT_ASSERT_EQUAL(2u, reply.xid);
    CPPUNIT_ASSERT(reply.accepted && reply.stat == SYSTEM_ERR);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{8}, balance_in(client.read_reply()));
  }

  void counts_what_it_does() {
    server_.start();
    {
      RawClient client(server_.address());
      client.send_call(call_of(1, ADD_LATER), ledger_add_bytes({4}));
      client.send_call(call_of(2, 99));          // PROC_UNAVAIL
      client.send_call(call_of(3, ADD), "bad");  // GARBAGE_ARGS
      client.send_call(call_of(4, 0, 99));       // PROG_MISMATCH
      for (int i = 0; i < 3; ++i) client.read_reply();
      const ServerCounters counters = server_.counters();
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, counters.connections);
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, counters.calls_waiting);
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.output_bytes);
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, counters.calls);
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, counters.rejected);
    }
    server_.on_loop([&] { server_.ledger().waiting.clear(); });
    server_.wait_until("it is closed",
                       [&] { return server_.server().counters().connections == 0; });
    const ServerCounters counters = server_.counters();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, counters.accepted);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.calls_waiting);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.output_bytes);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.malformed + counters.timed_out);
  }

  void serves_ipv6() {
    const Result<Address> v6 = server_.server().listen(Address::parse("::1", 0).value());
    if (!v6.ok()) return;  // a machine without IPv6
    server_.start();
    RawClient client(v6.value(), 0, "::1");
    client.send_call(call_of(1, ADD), ledger_add_bytes({4}));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{4}, balance_in(client.read_reply()));
  }

  void serves_a_stock_client() {
    server_.start();
    for (const u_int buffer_size : {u_int{0}, u_int{4096}}) {  // the small one cuts into fragments
      const StockClient stock(server_.address(), LEDGER_PROG, LEDGER_V2, buffer_size);
      ledger_entry entry{};
      entry.amount = 5;
      std::string note(1 << 20, 'n');
      entry.note.note_val = note.data();
      entry.note.note_len = static_cast<u_int>(note.size());
      ledger_entry echoed{};
      CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, echo_2(&entry, &echoed, stock.client()));
      CPPUNIT_ASSERT(std::string_view(echoed.note.note_val, echoed.note.note_len) == note);
      xdr_free(untyped(xdr_ledger_entry), &echoed);
      ledger_add_args args{};
      args.entries.entries_len = 1;
      args.entries.entries_val = &entry;
      ledger_add_result result{};
      CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, add_2(&args, &result, stock.client()));
      CPPUNIT_ASSERT_EQUAL(LEDGER_OK, result.status);
    }
    const StockClient third(server_.address(), LEDGER_PROG, LEDGER_V3, 0);
    quad_t balance = 0;
    CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, balance_3(nullptr, &balance, third.client()));
    CPPUNIT_ASSERT_EQUAL(quad_t{10}, balance);
  }

  void answers_a_stock_client_later() {
    server_.start();
    const StockClient stock(server_.address(), LEDGER_PROG, LEDGER_V2, 0);
    ledger_add_result result{};
    clnt_stat stat = RPC_FAILED;
    std::thread caller([&] {
      ledger_entry entry{};
      entry.amount = 5;
      ledger_add_args args{};
      args.entries.entries_len = 1;
      args.entries.entries_val = &entry;
      stat = add_later_2(&args, &result, stock.client());
    });
    server_.wait_until("it waits", [&] { return server_.ledger().waiting.size() == 1; });
    server_.on_loop([&] { server_.ledger().answer(0); });
    caller.join();
    CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, stat);
    CPPUNIT_ASSERT_EQUAL(quad_t{5}, result.ledger_add_result_u.balance);
  }

  void gives_a_stock_client_its_errors() {
    server_.start();
    const StockClient stock(server_.address(), LEDGER_PROG, LEDGER_V2, 0);
    char nothing = 0;
    CPPUNIT_ASSERT_EQUAL(RPC_SYSTEMERROR, forget_2(&nothing, &nothing, stock.client()));
    CPPUNIT_ASSERT_EQUAL(RPC_PROCUNAVAIL, stock.call_nothing(77));
    CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, stock.call_nothing(0));
    const StockClient other(server_.address(), LEDGER_PROG, 7, 0);
    CPPUNIT_ASSERT_EQUAL(RPC_PROGVERSMISMATCH, other.call_nothing(0));
    const StockClient unknown(server_.address(), LEDGER_PROG + 1, 7, 0);
    CPPUNIT_ASSERT_EQUAL(RPC_PROGUNAVAIL, unknown.call_nothing(0));
  }

 private:
  static void expect_auth_error(const WireReply& reply, auth_stat why) {
    CPPUNIT_ASSERT(!reply.accepted && reply.stat == AUTH_ERROR);
    CPPUNIT_ASSERT_EQUAL(static_cast<std::uint32_t>(why), reply.auth_stat);
  }

  LedgerServer server_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(ServerTest);

}  // namespace rkv::rpc
