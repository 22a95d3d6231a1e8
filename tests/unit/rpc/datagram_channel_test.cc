#include "rpc/datagram_channel.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "channel_world.h"
#include "ledger_server.h"
#include "rpc/datagram.h"
#include "rpc/stub_client.h"
#include "scripted_datagram_server.h"

namespace rkv::rpc {
namespace {

using Kind = CallOutcome::Kind;
using SeenCall = ScriptedDatagramServer::Call;

// Longer than any test: every copy of a call that is sent before then is one too many.
constexpr Duration kNotAgain = seconds(1000);

// A port of 127.0.0.1 at which nobody takes datagrams.
std::uint16_t closed_port() {
  EventLoop loop;
  return ScriptedDatagramServer(loop).port();
}

// A datagram channel and a scripted server on one loop.
struct World {
  EventLoop loop;
  Resolver resolver{loop};
  std::unique_ptr<ScriptedDatagramServer> server = std::make_unique<ScriptedDatagramServer>(loop);
  std::vector<std::unique_ptr<Ended>> ended;
  std::vector<const Ended*> ended_order;
  DatagramChannelOptions options;
  // Last, so that it goes first: its callbacks use what stands above.
  std::unique_ptr<DatagramChannel> channel;

  explicit World(Duration resend_first = milliseconds(20)) {
    options.resend_first = resend_first;
    open("127.0.0.1", server->port());
  }

  void open(const std::string& host, std::uint16_t port) {
    channel = std::make_unique<DatagramChannel>(loop, resolver, host, port, options);
  }

  // Calls with an opaque argument; the outcome is in the Ended, which stays where it is.
  Ended& call(const std::string& argument = "x", Duration timeout = seconds(30)) {
    Ended& result = *ended.emplace_back(std::make_unique<Ended>());
    std::string encoded;
    append_opaque(encoded, argument);
    const auto encode = untyped<std::string>([](XDR* xdr, std::string* bytes) -> bool_t {
      return xdr_opaque(xdr, bytes->data(), static_cast<u_int>(bytes->size()));
    });
    channel->call_raw(LEDGER_PROG, LEDGER_V2, ECHO, nullptr, encode, &encoded,
                      EventLoop::read_clock() + timeout,
                      [this, &result](const CallOutcome& outcome, std::string_view results) {
                        CPPUNIT_ASSERT_MESSAGE("ended from within call_raw()", result.is_made);
                        ++result.times;
                        ended_order.push_back(&result);
                        result.kind = outcome.kind;
                        result.status = outcome.error.re_status;
                        result.reason = outcome.reason;
                        result.results = results;
                      });
    result.is_made = true;
    return result;
  }

  bool run_until(const std::function<bool()>& done) {
    return loop.run_until(done, EventLoop::read_clock() + seconds(30));
  }
  void run_for(Duration duration) {
    loop.run_until([] { return false; }, EventLoop::read_clock() + duration);
  }
  void finish(const Ended& result) {
    CPPUNIT_ASSERT(run_until([&] { return result.times > 0; }));
    CPPUNIT_ASSERT_EQUAL(1, result.times);
  }
  void expect_answered(const Ended& result, const std::string& results) {
    finish(result);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(result.reason, RPC_SUCCESS, result.status);
    CPPUNIT_ASSERT_EQUAL(results, result.results);
  }
};

}  // namespace

class DatagramChannelTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DatagramChannelTest);
  CPPUNIT_TEST(calls_and_is_answered);
  CPPUNIT_TEST(matches_answers_in_any_order);
  CPPUNIT_TEST(gives_every_call_a_number_of_its_own);
  CPPUNIT_TEST(sends_the_same_bytes_again_until_it_is_answered);
  CPPUNIT_TEST(waits_twice_as_long_each_time);
  CPPUNIT_TEST(late_and_doubled_answers_make_no_call_be_sent_again);
  CPPUNIT_TEST(drops_what_is_no_answer_of_this_server);
  CPPUNIT_TEST(ends_at_the_deadline);
  CPPUNIT_TEST(sends_1232_bytes_and_not_one_word_more);
  CPPUNIT_TEST(says_that_arguments_do_not_encode);
  CPPUNIT_TEST(a_closed_port_is_not_sent);
  CPPUNIT_TEST(a_port_that_closes_after_a_second_copy_is_unknown);
  CPPUNIT_TEST(tries_the_other_addresses_of_a_name);
  CPPUNIT_TEST(recovers_when_the_server_is_back);
  CPPUNIT_TEST(passes_on_what_the_server_refuses);
  CPPUNIT_TEST(tells_a_name_that_is_not_known);
  CPPUNIT_TEST(bounds_the_calls_outstanding);
  CPPUNIT_TEST(ends_its_calls_when_it_goes);
  CPPUNIT_TEST(carries_stubs);
  CPPUNIT_TEST(speaks_ipv6);
  CPPUNIT_TEST_SUITE_END();

 public:
  void calls_and_is_answered() {
    World world;
    world.server->on_call = [&](const SeenCall& call) { world.server->answer(call, "done"); };
    world.expect_answered(world.call(), "done");
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world.server->calls().size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, world.channel->calls_outstanding());
  }

  void matches_answers_in_any_order() {
    World world;
    const Ended& first = world.call();
    const Ended& second = world.call();
    const Ended& third = world.call();
    CPPUNIT_ASSERT(world.run_until([&] { return world.server->calls().size() == 3; }));
    const std::vector<SeenCall> calls = world.server->calls();
    for (const std::size_t i : {2u, 0u, 1u}) {
      world.server->answer(calls[i], std::to_string(calls[i].xid));
    }
    std::set<std::string> answers;
    for (const Ended* each : {&first, &second, &third}) {
      world.finish(*each);
      CPPUNIT_ASSERT(each->kind == Kind::kAnswered);
      answers.insert(each->results);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, answers.size());
  }

  void gives_every_call_a_number_of_its_own() {
    World world;
    std::set<std::uint32_t> xids;
    std::size_t in_sequence = 0;
    world.server->on_call = [&](const SeenCall& call) {
      in_sequence += xids.contains(call.xid - 1) ? 1 : 0;
      xids.insert(call.xid);
      world.server->answer(call, "");
    };
    for (int i = 0; i < 100; ++i) world.expect_answered(world.call(), "");
    CPPUNIT_ASSERT_EQUAL(std::size_t{100}, xids.size());
    CPPUNIT_ASSERT_MESSAGE("the numbers can be guessed", in_sequence < 3);
  }

  void sends_the_same_bytes_again_until_it_is_answered() {
    World world;
    world.server->on_call = [&](const SeenCall& call) {
      if (world.server->calls().size() == 3) world.server->answer(call, "at last");
    };
    world.expect_answered(world.call("argument"), "at last");
    const std::vector<SeenCall>& calls = world.server->calls();
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, calls.size());
    CPPUNIT_ASSERT(calls[0].message == calls[1].message && calls[1].message == calls[2].message);
  }

  void waits_twice_as_long_each_time() {
    World world;
    std::vector<TimePoint> times;
    world.server->on_call = [&](const SeenCall& call) {
      times.push_back(EventLoop::read_clock());
      if (times.size() == 5) world.server->answer(call, "");
    };
    const TimePoint begun = EventLoop::read_clock();
    world.expect_answered(world.call(), "");
    // How much later they come is the machine's business.
    for (std::size_t i = 0; i < times.size(); ++i) {
      const std::int64_t pauses = (std::int64_t{1} << i) - 1;
      CPPUNIT_ASSERT(times[i] - begun >= world.options.resend_first * pauses);
    }
  }

  // A stock client takes any datagram with another number for a reason to send its call again: one
  // late answer then makes every call after it run twice.
  void late_and_doubled_answers_make_no_call_be_sent_again() {
    World world(kNotAgain);
    std::map<std::uint32_t, std::size_t> runs;  // by xid
    std::vector<SeenCall> ended;
    world.server->on_call = [&](const SeenCall& call) {
      ++runs[call.xid];
      for (const SeenCall& each : ended) world.server->answer(each, "stale");
      world.server->answer(call, "own");
      world.server->answer(call, "again");
      ended.push_back(call);
    };
    for (int i = 0; i < 50; ++i) world.expect_answered(world.call(), "own");
    world.run_for(milliseconds(1));
    CPPUNIT_ASSERT_EQUAL(std::size_t{50}, runs.size());
    for (const auto& [xid, count] : runs) CPPUNIT_ASSERT_EQUAL(std::size_t{1}, count);
  }

  void drops_what_is_no_answer_of_this_server() {
    World world(kNotAgain);
    ScriptedDatagramServer other(world.loop);
    const Ended& result = world.call();
    CPPUNIT_ASSERT(world.run_until([&] { return !world.server->calls().empty(); }));
    const SeenCall call = world.server->calls()[0];
    const std::string reply = success_reply(call.xid, "good");
    other.send(call.from, reply);
    for (const std::string& junk :
         {std::string(), std::string("x"), reply.substr(0, 20), call.message,
          accepted_reply(call.xid, 77), success_reply(call.xid + 1, "other"),
          std::string(60000, 'j')}) {
      world.server->send(call.from, junk);
    }
    world.server->send(call.from, reply);
    world.expect_answered(result, "good");
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world.server->copies_of(call.xid));
  }

  void ends_at_the_deadline() {
    World world;
    const Ended& result = world.call("x", milliseconds(300));
    world.finish(result);
    assert_ended(result, Kind::kUnknown, RPC_TIMEDOUT,
                 world.channel->name() + ": no answer within 300 ms");
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, world.channel->calls_outstanding());
  }

  void sends_1232_bytes_and_not_one_word_more() {
    World world;
    world.server->on_call = [&](const SeenCall& call) { world.server->answer(call, ""); };
    world.expect_answered(world.call(std::string(1188, 'a')), "");
    CPPUNIT_ASSERT_EQUAL(kDatagramSizeMax, world.server->calls()[0].message.size());
    const Ended& longer = world.call(std::string(1189, 'a'));
    world.finish(longer);
    assert_ended(longer, Kind::kNotSent, RPC_CANTENCODEARGS,
                 world.channel->name() + ": a call of 1236 bytes, but UDP carries 1232 at most");
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world.server->calls().size());
  }

  void says_that_arguments_do_not_encode() {
    World world;
    std::string reason;
    const auto refuse = untyped<char>([](XDR*, char*) -> bool_t { return FALSE; });
    world.channel->call_raw(
        LEDGER_PROG, LEDGER_V2, ECHO, nullptr, refuse, nullptr, kNever,
        [&](const CallOutcome& outcome, std::string_view) { reason = outcome.reason; });
    CPPUNIT_ASSERT(world.run_until([&] { return !reason.empty(); }));
    CPPUNIT_ASSERT_EQUAL(world.channel->name() + ": the call cannot be encoded", reason);
  }

  void a_closed_port_is_not_sent() {
    World world(kNotAgain);
    world.open("127.0.0.1", closed_port());
    for (int i = 0; i < 3; ++i) {
      const Ended& one = world.call();
      const Ended& other = world.call();
      for (const Ended* each : {&one, &other}) {
        world.finish(*each);
        assert_ended(*each, Kind::kNotSent, RPC_CANTSEND,
                     world.channel->name() + ": connection refused");
      }
    }
  }

  void a_port_that_closes_after_a_second_copy_is_unknown() {
    World world;
    const Ended& result = world.call();
    CPPUNIT_ASSERT(world.run_until([&] { return world.server->calls().size() == 2; }));
    world.server.reset();
    world.finish(result);
    assert_ended(result, Kind::kUnknown, RPC_CANTRECV,
                 world.channel->name() + ": connection refused, after it was sent more than once");
  }

  // localhost is ::1 and 127.0.0.1 on most machines, and the server takes only one of them.
  void tries_the_other_addresses_of_a_name() {
    World world(kNotAgain);
    world.open("localhost", world.server->port());
    world.server->on_call = [&](const SeenCall& call) { world.server->answer(call, "found"); };
    const Ended& one = world.call();
    const Ended& other = world.call();
    world.expect_answered(one, "found");
    world.expect_answered(other, "found");
  }

  void recovers_when_the_server_is_back() {
    World world(kNotAgain);
    const std::uint16_t port = world.server->port();
    world.server.reset();
    const Ended& refused = world.call();
    world.finish(refused);
    CPPUNIT_ASSERT(refused.kind == Kind::kNotSent);
    world.server = std::make_unique<ScriptedDatagramServer>(world.loop, "127.0.0.1", port);
    world.server->on_call = [&](const SeenCall& call) { world.server->answer(call, "back"); };
    world.expect_answered(world.call(), "back");
  }

  void passes_on_what_the_server_refuses() {
    World world;
    world.server->on_call = [&](const SeenCall& call) {
      world.server->send(call.from, accepted_reply(call.xid, PROC_UNAVAIL));
    };
    const Ended& result = world.call();
    world.finish(result);
    CPPUNIT_ASSERT(result.kind == Kind::kRefused);
    CPPUNIT_ASSERT_EQUAL(RPC_PROCUNAVAIL, result.status);
  }

  void tells_a_name_that_is_not_known() {
    World world;
    world.open("no..such.host", 7411);
    const Ended& result = world.call();
    world.finish(result);
    CPPUNIT_ASSERT(result.kind == Kind::kNotSent);
    CPPUNIT_ASSERT_EQUAL(RPC_UNKNOWNHOST, result.status);
  }

  void bounds_the_calls_outstanding() {
    World world;
    world.options.calls_max = 100;
    world.open("127.0.0.1", world.server->port());
    for (std::size_t i = 0; i < world.options.calls_max; ++i) world.call();
    const Ended& one_more = world.call();
    world.finish(one_more);
    assert_ended(one_more, Kind::kNotSent, RPC_CANTSEND,
                 world.channel->name() + ": 100 calls are under way already (limit calls_max)");
  }

  void ends_its_calls_when_it_goes() {
    World world;
    const Ended& sent = world.call();
    CPPUNIT_ASSERT(world.run_until([&] { return !world.server->calls().empty(); }));
    const std::string name = world.channel->name();
    world.channel.reset();
    assert_ended(sent, Kind::kUnknown, RPC_CANTRECV, name + ": the channel was closed");
    world.open("127.0.0.1", world.server->port());
    const Ended& unsent = world.call();
    world.channel.reset();
    assert_ended(unsent, Kind::kNotSent, RPC_CANTSEND, name + ": the channel was closed");
    world.run_for(milliseconds(1));
    CPPUNIT_ASSERT_EQUAL(1, unsent.times);
  }

  void carries_stubs() {
    LedgerServer server;
    const Result<Address> address =
        server.server().listen(Address::parse("127.0.0.1", 0).value(), Transport::kUdp);
    CPPUNIT_ASSERT(address.ok());
    server.start();
    NullLogger logger;
    StubClient stub(logger, "127.0.0.1", address.value().port(), LEDGER_PROG, LEDGER_V2, {},
                    Transport::kUdp);
    ledger_entry entry{};
    entry.amount = 5;
    ledger_add_args args{};
    args.entries.entries_len = 1;
    args.entries.entries_val = &entry;
    ledger_add_result result{};
    CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, add_2(&args, &result, stub.handle()));
    CPPUNIT_ASSERT_EQUAL(quad_t{5}, result.ledger_add_result_u.balance);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server.counters().datagrams_answered);
  }

  void speaks_ipv6() {
    World world(kNotAgain);
    const int probe = socket(AF_INET6, SOCK_DGRAM, 0);
    const Address any = Address::parse("::1", 0).value();
    const bool has_v6 = probe >= 0 && bind(probe, any.raw(), any.raw_size()) == 0;
    if (probe >= 0) close(probe);
    if (!has_v6) return;  // a machine without IPv6
    world.server = std::make_unique<ScriptedDatagramServer>(world.loop, "::1");
    world.server->on_call = [&](const SeenCall& call) { world.server->answer(call, "six"); };
    world.open("::1", world.server->port());
    world.expect_answered(world.call(), "six");
    const std::uint16_t port = world.server->port();
    world.server.reset();
    const Ended& refused = world.call();
    world.finish(refused);
    assert_ended(refused, Kind::kNotSent, RPC_CANTSEND,
                 "[::1]:" + std::to_string(port) + ": connection refused");
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DatagramChannelTest);

}  // namespace rkv::rpc
