#include "rpc/datagram_port.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "ledger_server.h"
#include "raw_datagram_client.h"
#include "rpc/datagram.h"

namespace rkv::rpc {
namespace {

// A program whose results are as long as the call asks for.
constexpr std::uint32_t kBlobProgram = 0x20005679;
enum BlobProcedure : std::uint32_t {
  kNothing,
  kRead,        // its datagram reply is for results too
  kReadLater,   // the same, answered when the test says so
  kWrite,       // its datagram reply is for calls only
  kNoReply,     // it has none
  kUnencodable  // as kRead, with a result that XDR refuses
};
constexpr std::uint32_t kTooLongSign = 0xabcdef01;

struct BlobContext {
  struct Held {
    ReplyToken token;
    u_int size;
  };
  std::vector<Held> held;
};

bool_t encode_blob(XDR* xdr, u_int* size) {
  std::string bytes(*size, 'b');
  return xdr_opaque(xdr, bytes.data(), *size);
}
bool_t encode_nothing(XDR* /*xdr*/, u_int* /*size*/) { return FALSE; }
const xdrproc_t kBlob = untyped<u_int>(encode_blob);

void blob_program(svc_req* request, SVCXPRT* transport) {
  u_int size = 0;
  if (request->rq_proc == kNothing) {
    svc_sendreply(transport, kBlob, &size);
  } else if (!svc_getargs(transport, untyped<u_int>(xdr_u_int), &size)) {
    svcerr_decode(transport);
  } else if (request->rq_proc == kReadLater) {
    context_of<BlobContext>(request).held.push_back({ReplyToken(request), size});
  } else {
    const xdrproc_t routine =
        request->rq_proc == kUnencodable ? untyped<u_int>(encode_nothing) : kBlob;
    if (!svc_sendreply(transport, routine, &size)) svcerr_systemerr(transport);
  }
}

WireCall call_of(std::uint32_t xid, std::uint32_t procedure) {
  WireCall call;
  call.xid = xid;
  call.procedure = procedure;
  return call;
}

WireCall blob_call(std::uint32_t procedure) {
  WireCall call = call_of(7, procedure);
  call.program = kBlobProgram;
  call.version = 1;
  return call;
}

std::string word(std::uint32_t number) {
  std::string bytes;
  append_uint32(bytes, number);
  return bytes;
}

std::int64_t balance_in(const WireReply& reply) {
  CPPUNIT_ASSERT(reply.accepted && reply.stat == SUCCESS);
  return read_int64(std::string_view(reply.results).substr(4));
}

void expect_accepted(const WireReply& reply, accept_stat stat) {
  CPPUNIT_ASSERT(reply.accepted);
  CPPUNIT_ASSERT_EQUAL(static_cast<std::uint32_t>(stat), reply.stat);
}

void expect_use_tcp(const WireReply& reply) {
  expect_accepted(reply, SUCCESS);
  CPPUNIT_ASSERT_EQUAL(word(kTooLongSign), reply.results);
}

}  // namespace

class DatagramPortTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DatagramPortTest);
  CPPUNIT_TEST(answers_calls);
  CPPUNIT_TEST(answers_what_is_wrong_with_a_call_as_over_tcp);
  CPPUNIT_TEST(drops_what_is_no_call);
  CPPUNIT_TEST(reads_no_further_than_the_datagram);
  CPPUNIT_TEST(takes_a_call_of_1232_bytes_and_not_one_more);
  CPPUNIT_TEST(gives_results_of_1232_bytes_and_not_one_word_more);
  CPPUNIT_TEST(a_deferred_result_that_is_too_long_says_so);
  CPPUNIT_TEST(a_result_that_does_not_encode_is_system_err);
  CPPUNIT_TEST(answers_later_and_to_the_right_caller);
  CPPUNIT_TEST(a_slot_that_is_used_again_has_one_caller);
  CPPUNIT_TEST(refuses_more_calls_than_may_wait);
  CPPUNIT_TEST(calls_that_nobody_answers_leave_their_slots);
  CPPUNIT_TEST(an_answer_given_while_another_call_runs_goes_to_its_own_caller);
  CPPUNIT_TEST(takes_many_datagrams_in_one_turn);
  CPPUNIT_TEST(takes_no_more_than_its_share_of_a_turn);
  CPPUNIT_TEST(loses_answers_over_the_limit_of_a_turn);
  CPPUNIT_TEST(goes_on_when_a_client_is_gone);
  CPPUNIT_TEST(answers_from_the_address_that_was_asked);
  CPPUNIT_TEST(serves_ipv6);
  CPPUNIT_TEST(takes_no_datagram_that_the_filter_does_not_want);
  CPPUNIT_TEST(refuses_calls_when_it_stops);
  CPPUNIT_TEST(says_where_it_listens);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { open({}); }
  void tearDown() override {
    if (server_) server_->on_loop([this] { blobs_.held.clear(); });
    server_.reset();
  }

  void answers_calls() {
    server_->start();
    RawDatagramClient client(address_);
    client.send_call(call_of(1, 0));
    expect_accepted(client.read_reply(), SUCCESS);
    client.send_call(call_of(2, ADD), ledger_add_bytes({4, 5}));
    const WireReply reply = client.read_reply();
    CPPUNIT_ASSERT_EQUAL(2u, reply.xid);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{9}, balance_in(reply));
    WireCall signed_call = call_of(3, ADD);
    signed_call.credential = {AUTH_SYS, system_credential("host", 7, 8, {9})};
    client.send_call(signed_call, ledger_add_bytes({1}));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{10}, balance_in(client.read_reply()));
    const ServerCounters counters = server_->counters();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, counters.datagrams_received);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, counters.datagrams_answered);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.datagrams_dropped);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.output_bytes);
  }

  void answers_what_is_wrong_with_a_call_as_over_tcp() {
    server_->start();
    RawDatagramClient client(address_);
    const auto answer_to = [&client](const std::function<void(WireCall&)>& spoil,
                                     std::string_view arguments = {}) {
      WireCall call = call_of(5, ADD);
      spoil(call);
      client.send_call(call, arguments);
      return client.read_reply();
    };
    const WireReply version = answer_to([](WireCall& call) { call.version = 9; });
    expect_accepted(version, PROG_MISMATCH);
    CPPUNIT_ASSERT(version.low == 2 && version.high == 3);
    expect_accepted(answer_to([](WireCall& call) { call.program = 3; }), PROG_UNAVAIL);
    expect_accepted(answer_to([](WireCall& call) { call.procedure = 99; }), PROC_UNAVAIL);
    expect_accepted(answer_to([](WireCall&) {}, "bad"), GARBAGE_ARGS);
    expect_accepted(answer_to([](WireCall&) {}, ledger_add_bytes({1}) + "rest"), GARBAGE_ARGS);
    const WireReply rpc = answer_to([](WireCall& call) { call.rpc_version = 3; });
    CPPUNIT_ASSERT(!rpc.accepted && rpc.stat == RPC_MISMATCH && rpc.low == 2 && rpc.high == 2);
    const WireReply flavor = answer_to([](WireCall& call) { call.credential = {6, ""}; });
    CPPUNIT_ASSERT(!flavor.accepted && flavor.auth_stat == AUTH_REJECTEDCRED);
    const WireReply bad = answer_to([](WireCall& call) { call.credential = {AUTH_SYS, "x"}; });
    CPPUNIT_ASSERT(!bad.accepted && bad.auth_stat == AUTH_BADCRED);
    const WireReply huge = answer_to([](WireCall& call) {
      call.credential = {AUTH_SYS, std::string(401, 'c')};
    });
    CPPUNIT_ASSERT(!huge.accepted && huge.auth_stat == AUTH_BADCRED);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{9}, server_->counters().rejected);
  }

  void drops_what_is_no_call() {
    server_->start();
    RawDatagramClient client(address_);
    const std::string call = encode_call(call_of(1, ADD), ledger_add_bytes({1}));
    client.send("");
    client.send("x");
    for (std::size_t size = 4; size < 40; size += 4) client.send(call.substr(0, size));
    WireCall reply = call_of(1, 0);
    reply.direction = 1;
    client.send_call(reply);
    client.send(std::string(1400, '\xff'));
    client.expect_nothing_before_this();
    const ServerCounters counters = server_->counters();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{13}, counters.datagrams_dropped);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{14}, counters.datagrams_received);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, counters.datagrams_answered);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, server_->ledger().balance);
  }

  // libtirpc's server decodes to the end of its buffer, and so gives one client what another one
  // has sent before.
  void reads_no_further_than_the_datagram() {
    server_->start();
    RawDatagramClient owner(address_);
    const std::string secret(600, 's');
    owner.send_call(call_of(1, ECHO), ledger_entry_bytes(1, secret));
    CPPUNIT_ASSERT_EQUAL(ledger_entry_bytes(1, secret), owner.read_reply().results);
    RawDatagramClient thief(address_);
    // Everything but the note that it announces.
    const std::string entry = ledger_entry_bytes(1, secret);
    thief.send_call(call_of(2, ECHO), entry.substr(0, entry.size() - secret.size()));
    expect_accepted(thief.read_reply(), GARBAGE_ARGS);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, calls_made());
  }

  void takes_a_call_of_1232_bytes_and_not_one_more() {
    server_->start();
    RawDatagramClient client(address_);
    const std::string entry = ledger_entry_bytes(1, std::string(1176, 'n'));
    const std::string longest = encode_call(call_of(1, ECHO), entry);
    CPPUNIT_ASSERT_EQUAL(kDatagramSizeMax, longest.size());
    client.send(longest);
    CPPUNIT_ASSERT_EQUAL(entry, client.read_reply().results);
    client.send(longest + "x");
    expect_use_tcp(client.read_reply());
    client.send_call(call_of(2, ECHO), ledger_entry_bytes(1, std::string(50000, 'n')));
    const WireReply reply = client.read_reply();
    CPPUNIT_ASSERT_EQUAL(2u, reply.xid);
    expect_use_tcp(reply);
    // Without a datagram reply, and for a procedure that is not there.
    client.send_call(call_of(3, ADD), std::string(1300, '\0'));
    expect_accepted(client.read_reply(), SYSTEM_ERR);
    client.send_call(call_of(4, 99), std::string(1300, '\0'));
    expect_accepted(client.read_reply(), PROC_UNAVAIL);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, server_->counters().datagrams_use_tcp);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, calls_made());
  }

  void gives_results_of_1232_bytes_and_not_one_word_more() {
    server_->start();
    RawDatagramClient client(address_);
    for (const std::uint32_t procedure : {kRead, kWrite, kNoReply}) {
      client.send_call(blob_call(procedure), word(1208));
      CPPUNIT_ASSERT_EQUAL(kDatagramSizeMax, client.read().bytes.size());
    }
    client.send_call(blob_call(kRead), word(1212));
    expect_use_tcp(client.read_reply());
    client.send_call(blob_call(kRead), word(1 << 20));
    expect_use_tcp(client.read_reply());
    // It was run: nobody may say that it was not.
    client.send_call(blob_call(kWrite), word(1212));
    expect_accepted(client.read_reply(), SYSTEM_ERR);
    client.send_call(blob_call(kNoReply), word(1212));
    expect_accepted(client.read_reply(), SYSTEM_ERR);
  }

  void a_deferred_result_that_is_too_long_says_so() {
    server_->start();
    RawDatagramClient client(address_);
    for (const std::uint32_t size : {1208u, 1212u}) {
      client.send_call(blob_call(kReadLater), word(size));
      server_->wait_until("it waits", [&] { return blobs_.held.size() == 1; });
      server_->on_loop([&] {
        blobs_.held[0].token.send(kBlob, &blobs_.held[0].size);
        blobs_.held.clear();
      });
      if (size == 1212) {
        expect_use_tcp(client.read_reply());
      } else {
        CPPUNIT_ASSERT_EQUAL(kDatagramSizeMax, client.read().bytes.size());
      }
    }
  }

  // TCP could not carry it either.
  void a_result_that_does_not_encode_is_system_err() {
    server_->start();
    RawDatagramClient client(address_);
    client.send_call(blob_call(kUnencodable), word(8));
    expect_accepted(client.read_reply(), SYSTEM_ERR);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server_->counters().datagrams_use_tcp);
  }

  void answers_later_and_to_the_right_caller() {
    server_->start();
    RawDatagramClient one(address_);
    RawDatagramClient two(address_);
    one.send_call(call_of(1, ADD_LATER), ledger_add_bytes({1}));
    server_->wait_until("one waits", [&] { return server_->ledger().waiting.size() == 1; });
    two.send_call(call_of(1, ADD_LATER), ledger_add_bytes({10}));
    server_->wait_until("two wait", [&] { return server_->ledger().waiting.size() == 2; });
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, server_->counters().calls_waiting);
    server_->on_loop([&] { server_->ledger().answer(1); });
    CPPUNIT_ASSERT_EQUAL(std::int64_t{10}, balance_in(two.read_reply()));
    server_->on_loop([&] { server_->ledger().answer(0); });
    CPPUNIT_ASSERT_EQUAL(std::int64_t{11}, balance_in(one.read_reply()));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server_->counters().calls_waiting);
  }

  void a_slot_that_is_used_again_has_one_caller() {
    ServerLimits limits;
    limits.datagram_calls_max = 1;
    open(limits);
    server_->start();
    std::vector<std::unique_ptr<RawDatagramClient>> clients;
    for (std::uint32_t i = 0; i < 3; ++i) {
      clients.push_back(std::make_unique<RawDatagramClient>(address_));
      clients[i]->send_call(call_of(9, ADD_LATER), ledger_add_bytes({1}));
      server_->wait_until("it waits", [&] { return server_->ledger().waiting.size() == 1; });
      server_->on_loop([&] { server_->ledger().answer(0); });
      CPPUNIT_ASSERT_EQUAL(std::int64_t{i + 1}, balance_in(clients[i]->read_reply()));
    }
    for (const auto& client : clients) client->expect_nothing_before_this();
  }

  void refuses_more_calls_than_may_wait() {
    ServerLimits limits;
    limits.datagram_calls_max = 2;
    open(limits);
    ledger_add_result busy{};
    busy.status = LEDGER_BUSY;
    server_->server().set_overload_reply(LEDGER_PROG, LEDGER_V2, ADD_LATER,
                                         untyped(xdr_ledger_add_result), &busy);
    server_->start();
    RawDatagramClient client(address_);
    for (std::uint32_t xid = 1; xid <= 3; ++xid) {
      client.send_call(call_of(xid, ADD_LATER), ledger_add_bytes({1}));
    }
    const WireReply refused = client.read_reply();
    CPPUNIT_ASSERT_EQUAL(3u, refused.xid);
    CPPUNIT_ASSERT_EQUAL(word(LEDGER_BUSY), refused.results);
    client.send_call(call_of(4, ADD), ledger_add_bytes({1}));  // it has no overload reply
    expect_accepted(client.read_reply(), SYSTEM_ERR);
    client.send_call(call_of(5, 0));
    expect_accepted(client.read_reply(), SUCCESS);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, server_->counters().overloaded);
    server_->on_loop([&] { server_->ledger().answer(0); });
    CPPUNIT_ASSERT_EQUAL(1u, client.read_reply().xid);
    client.send_call(call_of(6, ADD_LATER), ledger_add_bytes({1}));
    server_->wait_until("it waits", [&] { return server_->ledger().waiting.size() == 2; });
  }

  void calls_that_nobody_answers_leave_their_slots() {
    ServerLimits limits;
    limits.datagram_calls_max = 2;
    open(limits);
    server_->start();
    RawDatagramClient client(address_);
    for (std::uint32_t xid = 1; xid <= 20; ++xid) {
      client.send_call(call_of(xid, FORGET));
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT_EQUAL(xid, reply.xid);
      expect_accepted(reply, SYSTEM_ERR);
    }
    const ServerCounters counters = server_->counters();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.calls_waiting + counters.overloaded);
  }

  // A procedure may end the waiting of others before it answers itself.
  void an_answer_given_while_another_call_runs_goes_to_its_own_caller() {
    constexpr std::uint32_t kProgram = 0x2000567a;
    struct Context {
      std::vector<ReplyToken> held;
    } context;
    server_->server().add_program(
        kProgram, 1,
        [](svc_req* request, SVCXPRT* transport) {
          Context& given = context_of<Context>(request);
          u_int size = 0;
          if (given.held.empty()) {
            given.held.emplace_back(request);
            return;
          }
          given.held[0].send(kBlob, &size);
          given.held.clear();
          size = 4;
          svc_sendreply(transport, kBlob, &size);
        },
        &context);
    server_->start();
    RawDatagramClient one(address_);
    RawDatagramClient two(address_);
    WireCall call = call_of(1, 1);
    call.program = kProgram;
    call.version = 1;
    one.send_call(call);
    server_->wait_until("it waits", [&] { return context.held.size() == 1; });
    two.send_call(call);
    CPPUNIT_ASSERT_EQUAL(std::string(), one.read_reply().results);
    CPPUNIT_ASSERT_EQUAL(std::string("bbbb"), two.read_reply().results);
    server_->wait_until("nobody waits", [&] { return context.held.empty(); });
  }

  void takes_many_datagrams_in_one_turn() {
    constexpr std::uint32_t kCount = 200;
    RawDatagramClient client(address_);
    for (std::uint32_t xid = 1; xid <= kCount; ++xid) {
      client.send_call(call_of(xid, ADD), ledger_add_bytes({1}));
    }
    server_->start();
    for (std::uint32_t xid = 1; xid <= kCount; ++xid) {
      const WireReply reply = client.read_reply();
      CPPUNIT_ASSERT_EQUAL(xid, reply.xid);
      CPPUNIT_ASSERT_EQUAL(std::int64_t{xid}, balance_in(reply));
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{kCount}, server_->counters().datagrams_answered);
  }

  void takes_no_more_than_its_share_of_a_turn() {
    ServerLimits limits;
    limits.datagrams_per_turn_max = 10;
    open(limits);
    RawDatagramClient client(address_);
    for (std::uint32_t xid = 1; xid <= 45; ++xid) client.send_call(call_of(xid, 0));
    std::uint64_t before = 0;
    std::uint64_t most = 0;
    server_->loop().add_turn_hook(EventLoop::TurnPhase::kFlush, [&] {
      const std::uint64_t received = server_->server().counters().datagrams_received;
      most = std::max(most, received - before);
      before = received;
    });
    server_->wait_until("all are taken", [&] { return before == 45; });
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{10}, most);
  }

  void loses_answers_over_the_limit_of_a_turn() {
    ServerLimits limits;
    limits.datagram_output_max = 3 * (kDatagramSizeMax + kRecordMarkSize);
    open(limits);
    server_->start();
    RawDatagramClient client(address_);
    for (int i = 0; i < 5; ++i) client.send_call(blob_call(kReadLater), word(1208));
    server_->wait_until("they wait", [&] { return blobs_.held.size() == 5; });
    server_->on_loop([&] {
      for (BlobContext::Held& each : blobs_.held) each.token.send(kBlob, &each.size);
      blobs_.held.clear();
    });
    for (int i = 0; i < 3; ++i) CPPUNIT_ASSERT_EQUAL(kDatagramSizeMax, client.read().bytes.size());
    client.expect_nothing_before_this();
    const ServerCounters counters = server_->counters();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, counters.datagrams_not_answered);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, counters.output_bytes);
  }

  void goes_on_when_a_client_is_gone() {
    server_->start();
    for (int i = 0; i < 3; ++i) {
      {
        RawDatagramClient gone(address_);
        gone.send_call(call_of(1, ADD_LATER), ledger_add_bytes({1}));
        server_->wait_until("it waits", [&] { return server_->ledger().waiting.size() == 1; });
      }
      server_->on_loop([&] { server_->ledger().answer(0); });  // ICMP: nobody is there
      RawDatagramClient client(address_);
      client.send_call(call_of(2, 0));
      CPPUNIT_ASSERT_EQUAL(2u, client.read_reply().xid);
    }
    // It does not spin: turns come with datagrams only.
    std::uint64_t turns = 0;
    EventLoop::HookId hook = 0;
    server_->on_loop([&] {
      hook = server_->loop().add_turn_hook(EventLoop::TurnPhase::kStep, [&] { ++turns; });
    });
    RawDatagramClient client(address_);
    for (int i = 0; i < 10; ++i) client.expect_nothing_before_this();
    std::uint64_t counted = 0;
    server_->on_loop([&] {
      counted = turns;
      server_->loop().remove_turn_hook(hook);
    });
    CPPUNIT_ASSERT_MESSAGE(std::to_string(counted) + " turns", counted < 50);
  }

  void answers_from_the_address_that_was_asked() {
    const Result<Address> any =
        server_->server().listen(Address::parse("0.0.0.0", 0).value(), Transport::kUdp);
    CPPUNIT_ASSERT_MESSAGE(any.status().to_string(), any.ok());
    server_->start();
    for (const char* host : {"127.0.0.1", "127.0.0.2", "127.3.2.1"}) {
      const Address asked = Address::parse(host, any.value().port()).value();
      RawDatagramClient client(asked);
      client.send_call(call_of(1, 0));
      CPPUNIT_ASSERT_EQUAL(asked.to_string(), client.read().from.to_string());
      client.send_call(call_of(2, ADD_LATER), ledger_add_bytes({1}));
      server_->wait_until("it waits", [&] { return server_->ledger().waiting.size() == 1; });
      server_->on_loop([&] { server_->ledger().answer(0); });
      CPPUNIT_ASSERT_EQUAL(asked.to_string(), client.read().from.to_string());
    }
  }

  void serves_ipv6() {
    const Result<Address> v6 =
        server_->server().listen(Address::parse("::", 0).value(), Transport::kUdp);
    if (!v6.ok()) return;  // a machine without IPv6
    // Of its own: IPv4 has the same port.
    const Result<Address> v4 = server_->server().listen(
        Address::parse("0.0.0.0", v6.value().port()).value(), Transport::kUdp);
    CPPUNIT_ASSERT_MESSAGE(v4.status().to_string(), v4.ok());
    server_->start();
    const Address asked = Address::parse("::1", v6.value().port()).value();
    RawDatagramClient client(asked, "::1");
    client.send_call(call_of(1, ADD), ledger_add_bytes({4}));
    const RawDatagramClient::Datagram answer = client.read();
    CPPUNIT_ASSERT_EQUAL(std::int64_t{4}, balance_in(decode_reply(answer.bytes)));
    CPPUNIT_ASSERT_EQUAL(asked.to_string(), answer.from.to_string());
  }

  void takes_no_datagram_that_the_filter_does_not_want() {
    server_->server().set_accept_filter(
        [](const Address& from) { return from.host() != "127.0.0.9"; });
    server_->start();
    RawDatagramClient unwanted(address_, "127.0.0.9");
    unwanted.send_call(call_of(1, ADD), ledger_add_bytes({1}));
    RawDatagramClient wanted(address_);
    wanted.send_call(call_of(1, ADD), ledger_add_bytes({1}));
    CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, balance_in(wanted.read_reply()));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server_->counters().datagrams_dropped);
  }

  void refuses_calls_when_it_stops() {
    server_->start();
    RawDatagramClient client(address_);
    client.send_call(call_of(1, ADD_LATER), ledger_add_bytes({1}));
    server_->wait_until("it waits", [&] { return server_->ledger().waiting.size() == 1; });
    server_->on_loop([&] { server_->server().stop_taking_calls(); });
    client.send_call(call_of(2, ADD), ledger_add_bytes({1}));
    const WireReply refused = client.read_reply();
    CPPUNIT_ASSERT_EQUAL(2u, refused.xid);
    expect_accepted(refused, SYSTEM_ERR);
    server_->on_loop([&] {
      CPPUNIT_ASSERT(!server_->server().quiet());
      server_->ledger().answer(0);
      server_->server().close_connections();
    });
    CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, balance_in(client.read_reply()));
    client.send_call(call_of(3, 0));
    const std::uint64_t received = server_->counters().datagrams_received;
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, received);
    server_->on_loop([&] { CPPUNIT_ASSERT(server_->server().quiet()); });
  }

  void says_where_it_listens() {
    const std::vector<Endpoint> endpoints = server_->server().endpoints();
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, endpoints.size());
    CPPUNIT_ASSERT(endpoints[0].transport == Transport::kTcp);
    CPPUNIT_ASSERT_EQUAL(server_->address().to_string(), endpoints[0].address.to_string());
    CPPUNIT_ASSERT(endpoints[1].transport == Transport::kUdp);
    CPPUNIT_ASSERT_EQUAL(address_.to_string(), endpoints[1].address.to_string());
    const Result<Address> again = server_->server().listen(address_, Transport::kUdp);
    CPPUNIT_ASSERT(!again.ok());
    CPPUNIT_ASSERT_EQUAL(
        "cannot listen at " + address_.to_string() + " (udp): Address already in use",
        again.status().reason());
  }

 private:
  // A server of both programs over UDP at an address of its own.
  void open(const ServerLimits& limits) {
    server_ = std::make_unique<LedgerServer>(limits);
    Server& server = server_->server();
    server.add_program(kBlobProgram, 1, blob_program, &blobs_);
    u_int sign = kTooLongSign;
    using Use = Server::DatagramReply;
    const std::map<std::uint32_t, Use> uses = {{kRead, Use::kOrResultsTooLong},
                                               {kReadLater, Use::kOrResultsTooLong},
                                               {kWrite, Use::kCallTooLong},
                                               {kUnencodable, Use::kOrResultsTooLong}};
    for (const auto& [procedure, use] : uses) {
      server.set_datagram_reply(kBlobProgram, 1, procedure, use, untyped<u_int>(xdr_u_int), &sign);
    }
    server.set_datagram_reply(LEDGER_PROG, LEDGER_V2, ECHO, Use::kOrResultsTooLong,
                              untyped<u_int>(xdr_u_int), &sign);
    const Result<Address> address =
        server.listen(Address::parse("127.0.0.1", 0).value(), Transport::kUdp);
    CPPUNIT_ASSERT_MESSAGE(address.status().to_string(), address.ok());
    address_ = address.value();
  }

  // How many procedures of the ledger have run.
  std::uint64_t calls_made() {
    std::uint64_t calls = 0;
    server_->on_loop([&] { calls = server_->ledger().calls; });
    return calls;
  }

  BlobContext blobs_;
  std::unique_ptr<LedgerServer> server_;
  Address address_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(DatagramPortTest);

}  // namespace rkv::rpc
