#include <arpa/inet.h>
#include <cppunit/extensions/HelperMacros.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "channel_world.h"
#include "rpc/channel.h"

namespace rkv::rpc {
namespace {

using Kind = CallOutcome::Kind;

constexpr const char* kClosed = ": the server has closed the connection";

// A port whose connections are never made: its queue of accepted ones is full, and nobody takes
// any.
class SilentPort {
 public:
  SilentPort() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    CPPUNIT_ASSERT(bind(listener_, raw, size) == 0 && listen(listener_, 0) == 0);
    getsockname(listener_, raw, &size);
    port_ = ntohs(address.sin_port);
    for (int& filler : fillers_) {
      filler = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      static_cast<void>(connect(filler, raw, size));  // that it is never made is what is wanted
    }
  }
  ~SilentPort() {
    for (const int filler : fillers_) close(filler);
    close(listener_);
  }
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  int listener_;
  std::array<int, 4> fillers_{};
  std::uint16_t port_ = 0;
};

}  // namespace

// Connections made, refused, lost and made again.
class ChannelConnectionTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ChannelConnectionTest);
  CPPUNIT_TEST(connects_by_name);
  CPPUNIT_TEST(tells_a_refused_connection_and_pauses);
  CPPUNIT_TEST(connects_when_called_after_the_pause);
  CPPUNIT_TEST(tells_a_name_that_is_not_known);
  CPPUNIT_TEST(gives_up_connecting_in_time);
  CPPUNIT_TEST(ends_a_call_that_waits_for_a_connection_in_time);
  CPPUNIT_TEST(pauses_longer_and_longer);
  CPPUNIT_TEST(does_not_storm_a_server_that_hangs_up);
  CPPUNIT_TEST(reconnects_when_it_is_called);
  CPPUNIT_TEST(stays_connected_and_tells_of_it);
  CPPUNIT_TEST(tells_unknown_wherever_a_reply_is_cut);
  CPPUNIT_TEST(takes_the_replies_that_came_before_the_end);
  CPPUNIT_TEST(sends_what_was_not_begun_over_the_next_connection);
  CPPUNIT_TEST(tells_sent_from_not_sent_when_the_output_is_stuck);
  CPPUNIT_TEST(carries_over_whole_calls_when_the_output_is_stuck);
  CPPUNIT_TEST(never_sends_what_expired_before_it_was_sent);
  CPPUNIT_TEST(gives_up_a_server_that_is_silent_to_tcp);
  CPPUNIT_TEST(drops_a_connection_that_brings_garbage);
  CPPUNIT_TEST(drops_a_connection_with_too_long_a_reply);
  CPPUNIT_TEST(raises_no_signal);
  CPPUNIT_TEST_SUITE_END();

 public:
  void connects_by_name() {
    ChannelWorld world;
    world.open("localhost", world.server.port());
    world.call_and_be_answered();
  }

  void tells_a_refused_connection_and_pauses() {
    ChannelWorld world;
    world.options.backoff_min = world.options.backoff_max = seconds(60);
    world.server.stop_listening();
    Channel& channel = world.open();
    std::vector<std::string> told;
    channel.set_state_listener([&](bool connected, const std::string& reason) {
      CPPUNIT_ASSERT(!connected);
      told.push_back(reason);
    });
    const std::string reason = world.name() + ": connection refused";
    world.call();
    world.call();
    world.finish_all();
    world.finish(world.call());  // in the pause
    for (const auto& result : world.ended) {
      assert_ended(*result, Kind::kNotSent, RPC_CANTSEND, reason);
    }
    CPPUNIT_ASSERT((told == std::vector<std::string>{reason}));
  }

  // The loop need not have run at the end of the pause: the next call begins an attempt all the
  // same.
  void connects_when_called_after_the_pause() {
    ChannelWorld world;
    world.options.backoff_min = world.options.backoff_max = milliseconds(2);
    world.server.stop_listening();
    world.open();
    world.finish(world.call());
    world.server.listen_again();
    const TimePoint end_of_pause = EventLoop::read_clock() + milliseconds(2);
    while (EventLoop::read_clock() < end_of_pause) continue;
    world.call_and_be_answered();
  }

  void tells_a_name_that_is_not_known() {
    ChannelWorld world;
    world.open("no..such.host", 7411);
    const Ended& result = world.call();
    world.finish(result);
    CPPUNIT_ASSERT(result.kind == Kind::kNotSent);
    CPPUNIT_ASSERT_EQUAL(RPC_UNKNOWNHOST, result.status);
    CPPUNIT_ASSERT_MESSAGE(
        result.reason,
        result.reason.starts_with("no..such.host:7411: cannot look up 'no..such.host': "));
  }

  void gives_up_connecting_in_time() {
    const SilentPort silent;
    ChannelWorld world;
    world.options.connect_timeout = milliseconds(100);
    world.open("127.0.0.1", silent.port());
    const Ended& result = world.call();
    world.finish(result);
    assert_ended(result, Kind::kNotSent, RPC_CANTSEND,
                 world.channel->name() + ": no connection within 100 ms");
  }

  void ends_a_call_that_waits_for_a_connection_in_time() {
    const SilentPort silent;
    ChannelWorld world;
    world.open("127.0.0.1", silent.port());
    const Ended& result = world.call("x", milliseconds(50));
    world.finish(result);
    assert_ended(result, Kind::kNotSent, RPC_TIMEDOUT,
                 world.channel->name() + ": not sent within 50 ms: there is no connection yet");
  }

  void pauses_longer_and_longer() {
    ChannelWorld world;
    world.options.stay_connected = true;
    world.options.backoff_min = milliseconds(4);
    world.options.backoff_max = milliseconds(64);
    world.server.stop_listening();
    std::vector<TimePoint> attempts;
    world.open().set_state_listener(
        [&](bool, const std::string&) { attempts.push_back(EventLoop::read_clock()); });
    CPPUNIT_ASSERT(world.run_until([&] { return attempts.size() == 9; }));
    // 4, 8, 16, 32, 64, 64, 64, 64 ms, each shortened by up to half.
    Duration shortest = milliseconds(2);
    for (std::size_t i = 1; i < attempts.size(); ++i) {
      CPPUNIT_ASSERT(attempts[i] - attempts[i - 1] >= shortest);
      shortest = std::min(shortest * 2, milliseconds(32));
    }
  }

  void does_not_storm_a_server_that_hangs_up() {
    ChannelWorld world;
    world.options.stay_connected = true;
    world.options.backoff_min = milliseconds(20);
    world.server.on_accept = [&](std::size_t connection) { world.server.close(connection); };
    std::vector<std::string> told;
    world.open().set_state_listener([&](bool connected, const std::string& reason) {
      told.push_back(connected ? "connected" : reason);
    });
    const TimePoint start = EventLoop::read_clock();
    CPPUNIT_ASSERT(world.run_until([&] { return world.server.accepted() == 5; }));
    CPPUNIT_ASSERT(EventLoop::read_clock() - start >= milliseconds(10 + 20 + 40 + 80));
    for (std::size_t i = 0; i < told.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL(i % 2 == 0 ? "connected" : world.name() + kClosed, told[i]);
    }
    const Ended& in_pause = world.call();
    world.finish(in_pause);
    CPPUNIT_ASSERT(in_pause.kind != Kind::kAnswered);
  }

  void reconnects_when_it_is_called() {
    ChannelWorld world;
    world.open();
    for (std::size_t i = 0; i < 5; ++i) {
      world.call_and_be_answered();
      CPPUNIT_ASSERT_EQUAL(i + 1, world.server.accepted());
      world.server.stop_listening();
      i % 2 == 0 ? world.server.close(i) : world.server.reset(i);
      CPPUNIT_ASSERT(world.run_until([&] { return !world.channel->connected(); }));
      world.server.listen_again();
    }
    world.run_turns();
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, world.server.accepted());
  }

  void stays_connected_and_tells_of_it() {
    ChannelWorld world;
    world.options.stay_connected = true;
    world.options.backoff_min = milliseconds(1);
    std::vector<std::string> told;
    world.open().set_state_listener([&](bool connected, const std::string& reason) {
      CPPUNIT_ASSERT_EQUAL(connected, world.channel->connected());
      told.push_back(connected ? "connected" + reason : reason);
    });
    CPPUNIT_ASSERT(world.run_until([&] { return told.size() == 1; }));
    world.call_and_be_answered();
    world.server.stop_listening();
    world.server.close(0);
    CPPUNIT_ASSERT(world.run_until([&] { return told.size() >= 4; }));
    world.server.listen_again();
    CPPUNIT_ASSERT(world.run_until([&] { return world.channel->connected(); }));
    world.call_and_be_answered();
    CPPUNIT_ASSERT_EQUAL(std::string("connected"), told.front());
    CPPUNIT_ASSERT_EQUAL(world.name() + kClosed, told[1]);
    for (std::size_t i = 2; i + 1 < told.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL(world.name() + ": connection refused", told[i]);
    }
    CPPUNIT_ASSERT_EQUAL(std::string("connected"), told.back());
  }

  void tells_unknown_wherever_a_reply_is_cut() {
    std::string results;
    append_opaque(results, "some results");
    const std::size_t size = record_of(success_reply(0, results)).size();
    for (const bool with_reset : {false, true}) {
      for (std::size_t cut = 0; cut <= size; ++cut) {
        ChannelWorld world;
        world.server.on_call = [&](const ScriptedServer::Call& call) {
          const std::string reply = record_of(success_reply(call.xid, results));
          world.server.send(call.connection, reply.substr(0, cut));
          with_reset ? world.server.reset(call.connection) : world.server.close(call.connection);
        };
        world.open();
        const Ended& result = world.call();
        world.finish(result);
        if (cut == size && !with_reset) {
          CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, result.status);
          CPPUNIT_ASSERT_EQUAL(results, result.results);
        } else if (result.kind != Kind::kAnswered) {  // a reset may overtake the reply
          const std::string what = with_reset ? ": connection reset by peer" : kClosed;
          assert_ended(result, Kind::kUnknown, RPC_CANTRECV, world.name() + what);
        } else {
          CPPUNIT_ASSERT_EQUAL(size, cut);
        }
      }
    }
  }

  void takes_the_replies_that_came_before_the_end() {
    ChannelWorld world;
    world.open();
    for (int i = 0; i < 10; ++i) world.call();
    CPPUNIT_ASSERT(world.run_until([&] { return world.server.calls().size() == 10; }));
    for (std::size_t i = 0; i < 6; ++i) world.server.answer(world.server.calls()[i], {});
    world.server.close(0);
    world.finish_all();
    for (std::size_t i = 0; i < 10; ++i) {
      CPPUNIT_ASSERT(world.ended[i]->kind == (i < 6 ? Kind::kAnswered : Kind::kUnknown));
    }
  }

  // The connection is gone, and the channel has not seen it when the call is made.
  void sends_what_was_not_begun_over_the_next_connection() {
    ChannelWorld world;
    world.open();
    world.call_and_be_answered();
    world.server.on_call = [&](const ScriptedServer::Call& call) {
      world.server.answer(call, call.arguments);
    };
    world.server.close(0);
    const Ended& carried_over = world.call();
    world.finish(carried_over);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(carried_over.reason, RPC_SUCCESS, carried_over.status);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world.server.accepted());
    // The same, and nobody listens any more.
    world.server.stop_listening();
    world.server.close(1);
    const Ended& refused = world.call();
    world.finish(refused);
    assert_ended(refused, Kind::kNotSent, RPC_CANTSEND, world.name() + ": connection refused");
  }

  void tells_sent_from_not_sent_when_the_output_is_stuck() {
    ChannelWorld world;
    world.options.backoff_max = seconds(60);
    world.open();
    get_stuck(world);
    world.server.read_available(0);
    const std::size_t seen = world.server.calls_begun(0);
    world.server.reset(0);
    world.finish_all();
    // The server has read all that was written: what it saw a byte of is unknown, the rest was not
    // sent.
    CPPUNIT_ASSERT(seen > 1 && seen < world.ended.size());
    for (std::size_t i = 0; i < world.ended.size(); ++i) {
      const Ended& result = *world.ended[i];
      if (i < seen) {
        CPPUNIT_ASSERT(result.kind == Kind::kUnknown);
        CPPUNIT_ASSERT_EQUAL(RPC_CANTRECV, result.status);
      } else {
        CPPUNIT_ASSERT(result.kind == Kind::kNotSent);
        CPPUNIT_ASSERT_EQUAL(RPC_CANTSEND, result.status);
      }
      CPPUNIT_ASSERT(world.ended_order[i] == &result);
    }
  }

  void carries_over_whole_calls_when_the_output_is_stuck() {
    ChannelWorld world;
    world.open();
    world.call_and_be_answered();
    world.ended.clear();
    world.ended_order.clear();
    get_stuck(world);
    world.server.on_call = [&](const ScriptedServer::Call& call) { world.server.answer(call, {}); };
    world.server.reset(0);
    world.finish_all();
    std::size_t unknown = 0;
    while (unknown < world.ended.size() && world.ended[unknown]->kind == Kind::kUnknown) ++unknown;
    CPPUNIT_ASSERT(unknown > 0 && unknown < world.ended.size());
    for (std::size_t i = unknown; i < world.ended.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(world.ended[i]->reason, RPC_SUCCESS, world.ended[i]->status);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world.server.accepted());
  }

  void never_sends_what_expired_before_it_was_sent() {
    ChannelWorld world;
    world.open();
    get_stuck(world);
    const Ended& doomed = world.call("doomed", milliseconds(30));
    const Ended& patient = world.call("patient");
    const Ended& doomed_too = world.call("doomed", milliseconds(20));
    world.finish(doomed);
    world.finish(doomed_too);
    assert_ended(
        doomed, Kind::kNotSent, RPC_TIMEDOUT,
        world.name() + ": not sent within 30 ms: the server does not take what it is sent");
    CPPUNIT_ASSERT(doomed_too.kind == Kind::kNotSent);
    world.server.on_call = [&](const ScriptedServer::Call& call) { world.server.answer(call, {}); };
    for (const ScriptedServer::Call& call : world.server.calls()) world.server.answer(call, {});
    world.server.read_input(0, true);
    const Ended& last = world.call("last");
    world.finish_all();
    CPPUNIT_ASSERT(patient.kind == Kind::kAnswered);
    CPPUNIT_ASSERT(last.kind == Kind::kAnswered);
    CPPUNIT_ASSERT_EQUAL(world.ended.size() - 2, world.server.calls().size());
    for (const ScriptedServer::Call& call : world.server.calls()) {
      CPPUNIT_ASSERT(call.arguments.find("doomed") == std::string::npos);
    }
  }

  void gives_up_a_server_that_is_silent_to_tcp() {
    ChannelWorld world;
    world.options.silence_timeout = milliseconds(300);
    world.options.backoff_max = seconds(60);
    world.open();
    get_stuck(world);
    CPPUNIT_ASSERT(world.run_until([&] { return !world.channel->connected(); }));
    world.finish_all();
    const Ended& first = *world.ended.front();
    assert_ended(first, Kind::kUnknown, RPC_CANTRECV, world.name() + ": connection timed out");
    CPPUNIT_ASSERT(world.ended.back()->kind == Kind::kNotSent);
  }

  void drops_a_connection_that_brings_garbage() {
    std::string call_not_reply = success_reply(0, {});
    call_not_reply[7] = 0;  // the direction of a call
    const std::vector<std::string> garbage = {
        record_of(std::string()),         record_of("abc"),
        record_of(std::string(400, 'x')), record_of(call_not_reply),
        record_of(accepted_reply(0, 6)),  record_of(accepted_reply(0, 0).substr(0, 20))};
    for (const std::string& bytes : garbage) {
      ChannelWorld world;
      world.open();
      world.call_and_be_answered();
      world.server.on_call = [&](const ScriptedServer::Call& call) {
        if (world.server.accepted() > 1) {
          world.server.answer(call, {});
        } else if (world.server.calls().size() == 3) {
          world.server.send(call.connection, bytes);
        }
      };
      const Ended& first = world.call();
      const Ended& second = world.call();
      world.finish_all();
      for (const Ended* result : {&first, &second}) {
        assert_ended(*result, Kind::kUnknown, RPC_CANTRECV,
                     world.name() + ": the server has sent something that is not a reply");
      }
      const Ended& next = world.call();
      world.finish(next);
      CPPUNIT_ASSERT(next.kind == Kind::kAnswered);
      CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world.server.accepted());
    }
  }

  void drops_a_connection_with_too_long_a_reply() {
    ChannelWorld world;
    world.options.record_size_max = 1000;
    world.options.fragments_max = 5;
    world.options.backoff_min = world.options.backoff_max = Duration{};  // no pause
    world.open();
    std::string answer;
    world.server.on_call = [&](const ScriptedServer::Call& call) {
      world.server.send(call.connection, answer);
    };
    // The announcement is enough; no byte of the record itself need come.
    const std::vector<std::string> too_long = {record_of(std::string(1001, 'x')).substr(0, 4),
                                               std::string("\x00\x00\x03\xE8", 4) +
                                                   std::string(1000, 'x') +
                                                   std::string("\x80\x00\x00\x01", 4)};
    for (const std::string& bytes : too_long) {
      answer = bytes;
      const Ended& result = world.call();
      world.finish(result);
      assert_ended(result, Kind::kUnknown, RPC_CANTRECV,
                   world.name() +
                       ": the server has sent a reply of more than 1000 bytes (limit "
                       "record_size_max)");
    }
    answer = record_of(std::string(24, 'x'), 4);
    const Ended& result = world.call();
    world.finish(result);
    assert_ended(result, Kind::kUnknown, RPC_CANTRECV,
                 world.name() +
                     ": the server has sent a reply of more than 5 fragments (limit "
                     "fragments_max)");
  }

  // With the signal's default action, one SIGPIPE would end this process.
  void raises_no_signal() {
    const auto before = std::signal(SIGPIPE, SIG_DFL);
    ChannelWorld world;
    world.open();
    get_stuck(world);
    world.server.reset(0);
    world.finish_all();
    std::signal(SIGPIPE, before);
  }

 private:
  // Sends 40 MiB to a server that stops reading, which is more than any socket buffers.
  static void get_stuck(ChannelWorld& world) {
    const std::string large(512 * 1024, 'n');
    const std::size_t calls_before = world.server.calls().size();
    world.call(large);
    CPPUNIT_ASSERT(world.run_until([&] { return world.server.calls().size() > calls_before; }));
    world.server.read_input(world.server.accepted() - 1, false);
    for (int i = 0; i < 80; ++i) world.call(large);
    world.run_turns();
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ChannelConnectionTest);

}  // namespace rkv::rpc
