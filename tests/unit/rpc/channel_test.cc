#include "rpc/channel.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "channel_world.h"

namespace rkv::rpc {
namespace {

using Kind = CallOutcome::Kind;

const Procedure<ledger_add_args, ledger_add_result> kAdd{
    LEDGER_PROG, LEDGER_V2, ADD, xdr_ledger_add_args, xdr_ledger_add_result};
const Procedure<ledger_entry, ledger_entry> kEcho{LEDGER_PROG, LEDGER_V2, ECHO, xdr_ledger_entry,
                                                  xdr_ledger_entry};

std::string echoed(std::string_view argument) {
  std::string encoded;
  append_opaque(encoded, argument);
  return encoded;
}

}  // namespace

// Calls and answers.
class ChannelTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ChannelTest);
  CPPUNIT_TEST(calls_a_typed_procedure);
  CPPUNIT_TEST(takes_a_mebibyte_each_way);
  CPPUNIT_TEST(pipelines_and_takes_answers_in_any_order);
  CPPUNIT_TEST(assembles_fragments);
  CPPUNIT_TEST(sends_calls_made_between_turns_and_behind_the_flush);
  CPPUNIT_TEST(lets_callbacks_call);
  CPPUNIT_TEST(lets_callbacks_post_its_end);
  CPPUNIT_TEST(ends_calls_when_it_is_destroyed);
  CPPUNIT_TEST(ends_waiting_calls_when_it_is_destroyed);
  CPPUNIT_TEST(tells_refusals);
  CPPUNIT_TEST(tells_a_server_failure);
  CPPUNIT_TEST(does_not_trust_an_undecodable_answer);
  CPPUNIT_TEST(ends_at_the_deadline_and_ignores_a_late_reply);
  CPPUNIT_TEST(ends_calls_by_their_deadlines_not_by_their_order);
  CPPUNIT_TEST(ignores_a_reply_to_nobody);
  CPPUNIT_TEST(limits_calls);
  CPPUNIT_TEST(limits_output);
  CPPUNIT_TEST(limits_the_record);
  CPPUNIT_TEST(refuses_what_cannot_be_encoded);
  CPPUNIT_TEST_SUITE_END();

 public:
  void calls_a_typed_procedure() {
    ChannelWorld world;
    world.server.on_call = [&](const ScriptedServer::Call& call) {
      CPPUNIT_ASSERT_EQUAL(std::uint32_t{LEDGER_PROG}, call.program);
      CPPUNIT_ASSERT_EQUAL(std::uint32_t{2}, call.version);
      CPPUNIT_ASSERT_EQUAL(std::uint32_t{ADD}, call.procedure);
      CPPUNIT_ASSERT_EQUAL(std::uint32_t{0}, call.credential_flavor);
      std::string results;
      append_uint32(results, LEDGER_OK);
      append_uint64(results, 42);
      world.server.answer(call, results);
    };
    Channel& channel = world.open();
    CPPUNIT_ASSERT_EQUAL(world.name(), channel.name());
    CPPUNIT_ASSERT(!channel.connected());
    ledger_entry entry{};
    entry.amount = 42;
    const ledger_add_args args{{1, &entry}};
    int times = 0;
    channel.call<ledger_add_args, ledger_add_result>(
        kAdd, args, EventLoop::read_clock() + seconds(30),
        [&](const CallOutcome& outcome, ledger_add_result& result) {
          ++times;
          CPPUNIT_ASSERT(outcome.answered());
          CPPUNIT_ASSERT_EQUAL(std::string(), outcome.reason);
          CPPUNIT_ASSERT_EQUAL(LEDGER_OK, result.status);
          CPPUNIT_ASSERT_EQUAL(quad_t{42}, result.ledger_add_result_u.balance);
        });
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, channel.calls_outstanding());
    CPPUNIT_ASSERT(world.run_until([&] { return times > 0; }));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, channel.calls_outstanding());
    CPPUNIT_ASSERT(channel.connected());
  }

  void takes_a_mebibyte_each_way() {
    ChannelWorld world;
    world.server.on_call = [&](const ScriptedServer::Call& call) {
      world.server.send(call.connection,
                        record_of(success_reply(call.xid, call.arguments), 60'000));
    };
    world.open();
    std::vector<std::string> notes;
    for (int i = 0; i < 4; ++i) {
      notes.emplace_back(std::size_t{1024 * 1024}, static_cast<char>('a' + i));
      world.call(notes.back());
    }
    world.finish_all();
    for (std::size_t i = 0; i < notes.size(); ++i) {
      CPPUNIT_ASSERT(echoed(notes[i]) == world.ended[i]->results);
    }
  }

  void pipelines_and_takes_answers_in_any_order() {
    constexpr std::size_t kCalls = 1000;
    ChannelWorld world;
    world.open();
    for (std::size_t i = 0; i < kCalls; ++i) world.call("call " + std::to_string(i));
    CPPUNIT_ASSERT(world.run_until([&] { return world.server.calls().size() == kCalls; }));
    std::vector<ScriptedServer::Call> calls = world.server.calls();
    // Every second one from the back, then the rest from the front.
    for (std::size_t i = kCalls; i-- > 0;) {
      if (i % 2 == 0) world.server.answer(calls[i], calls[i].arguments);
    }
    for (std::size_t i = 1; i < kCalls; i += 2) world.server.answer(calls[i], calls[i].arguments);
    world.finish_all();
    for (std::size_t i = 0; i < kCalls; ++i) {
      CPPUNIT_ASSERT_EQUAL(echoed("call " + std::to_string(i)), world.ended[i]->results);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world.server.accepted());
  }

  void assembles_fragments() {
    ChannelWorld world;
    std::size_t fragment_size = 0;
    world.server.on_call = [&](const ScriptedServer::Call& call) {
      const std::string reply = success_reply(call.xid, call.arguments);
      world.server.send(call.connection, record_of(reply, fragment_size));
    };
    world.open();
    for (fragment_size = 1; fragment_size < 40; ++fragment_size) {
      const Ended& result = world.call("in fragments");
      world.finish(result);
      CPPUNIT_ASSERT_EQUAL(echoed("in fragments"), result.results);
    }
  }

  void sends_calls_made_between_turns_and_behind_the_flush() {
    ChannelWorld world;
    world.open();
    world.call_and_be_answered();
    world.server.on_call = [&](const ScriptedServer::Call& call) {
      world.server.answer(call, call.arguments);
    };
    // Nothing else will wake the loop: were the call left behind, this would take 30 seconds.
    const TimePoint start = EventLoop::read_clock();
    world.finish(world.call("between turns"));
    const Ended* behind = nullptr;
    const EventLoop::HookId hook = world.loop.add_turn_hook(EventLoop::TurnPhase::kFlush, [&] {
      if (behind == nullptr) behind = &world.call("behind the flush");
    });
    CPPUNIT_ASSERT(world.run_until([&] { return behind != nullptr && behind->times == 1; }));
    world.loop.remove_turn_hook(hook);
    CPPUNIT_ASSERT(EventLoop::read_clock() - start < seconds(20));
  }

  void lets_callbacks_call() {
    ChannelWorld world;
    world.server.on_call = [&](const ScriptedServer::Call& call) { world.server.answer(call, {}); };
    world.open();
    int left = 100;
    std::function<void()> next = [&] {
      world.call_void([&](const CallOutcome& outcome, std::string_view) {
        CPPUNIT_ASSERT(outcome.answered());
        if (--left > 0) next();
      });
    };
    next();
    CPPUNIT_ASSERT(world.run_until([&] { return left == 0; }));
  }

  void lets_callbacks_post_its_end() {
    ChannelWorld world;
    world.server.on_call = [&](const ScriptedServer::Call& call) { world.server.answer(call, {}); };
    world.open();
    std::vector<Kind> kinds;
    for (int i = 0; i < 3; ++i) {
      world.call_void([&](const CallOutcome& outcome, std::string_view) {
        kinds.push_back(outcome.kind);
        world.loop.post([&] { world.channel.reset(); });
      });
    }
    CPPUNIT_ASSERT(world.run_until([&] { return world.channel == nullptr && kinds.size() == 3; }));
    world.run_turns();
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, kinds.size());
  }

  void ends_calls_when_it_is_destroyed() {
    ChannelWorld world;
    world.open();
    const Ended& sent = world.call();
    CPPUNIT_ASSERT(world.run_until([&] { return world.server.calls().size() == 1; }));
    const Ended& waiting = world.call();
    CallOutcome from_callback;
    int times = 0;
    world.call_void([&](const CallOutcome&, std::string_view) {
      world.call_void([&](const CallOutcome& outcome, std::string_view) {
        ++times;
        from_callback = outcome;
      });
    });
    destroy_channel(world);
    CPPUNIT_ASSERT_EQUAL(1, sent.times);
    CPPUNIT_ASSERT_EQUAL(1, waiting.times);
    CPPUNIT_ASSERT_EQUAL(1, times);
    const std::string reason = world.name() + ": the channel was closed";
    assert_ended(sent, Kind::kUnknown, RPC_CANTRECV, reason);
    assert_ended(waiting, Kind::kNotSent, RPC_CANTSEND, reason);
    CPPUNIT_ASSERT(from_callback.kind == Kind::kNotSent);
    CPPUNIT_ASSERT_EQUAL(reason, from_callback.reason);
    world.run_turns();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world.server.calls().size());
  }

  void ends_waiting_calls_when_it_is_destroyed() {
    ChannelWorld world;
    for (const char* host : {"127.0.0.1", "localhost"}) {
      world.open(host, world.server.port());
      const Ended& connecting = world.call();
      destroy_channel(world);
      CPPUNIT_ASSERT_EQUAL(1, connecting.times);
      CPPUNIT_ASSERT(connecting.kind == Kind::kNotSent);
      world.run_turns();
    }
    // Ended, and its callback not yet run.
    world.server.stop_listening();
    world.open();
    world.finish(world.call());
    const Ended& in_pause = world.call();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world.channel->calls_outstanding());
    destroy_channel(world);
    CPPUNIT_ASSERT_EQUAL(1, in_pause.times);
    world.run_turns();
  }

  void tells_refusals() {
    struct Case {
      std::string reply;
      clnt_stat status;
      std::string reason;
    };
    const std::vector<Case> cases = {
        {accepted_reply(0, 1), RPC_PROGUNAVAIL, "no program 0x20001234 there"},
        {prog_mismatch_reply(0, 3, 5), RPC_PROGVERSMISMATCH,
         "no version 2 of program 0x20001234 there, but 3 to 5"},
        {accepted_reply(0, 3), RPC_PROCUNAVAIL,
         "no procedure 3 in version 2 of program 0x20001234 there"},
        {accepted_reply(0, 4), RPC_CANTDECODEARGS,
         "the arguments of procedure 3 of program 0x20001234 were not understood"},
        {rpc_mismatch_reply(0, 3, 4), RPC_VERSMISMATCH,
         "no version 2 of RPC itself there, but 3 to 4"},
        {auth_error_reply(0, AUTH_TOOWEAK), RPC_AUTHERROR,
         "the credential was refused: it is too weak for this procedure"},
        {auth_error_reply(0, 8), RPC_AUTHERROR, "the credential was refused: auth_stat 8"},
    };
    ChannelWorld world;
    world.open();
    for (const Case& expected : cases) {
      world.server.on_call = [&](const ScriptedServer::Call& call) {
        std::string reply;
        append_uint32(reply, call.xid);
        world.server.send(call.connection, record_of(reply + expected.reply.substr(4)));
      };
      const Ended& result = world.call();
      world.finish(result);
      assert_ended(result, Kind::kRefused, expected.status, world.name() + ": " + expected.reason);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world.server.accepted());
  }

  void tells_a_server_failure() {
    ChannelWorld world;
    world.server.on_call = [&](const ScriptedServer::Call& call) {
      world.server.send(call.connection, record_of(accepted_reply(call.xid, 5)));
    };
    world.open();
    const Ended& result = world.call();
    world.finish(result);
    assert_ended(result, Kind::kUnknown, RPC_SYSTEMERROR,
                 world.name() + ": the server failed while it worked on the call");
  }

  void does_not_trust_an_undecodable_answer() {
    std::string entry;
    append_uint64(entry, 7);
    append_uint32(entry, 1);
    append_opaque(entry, "a note");
    // Too short anywhere, a length over the limit, and four bytes too many.
    std::vector<std::string> bad;
    for (std::size_t size = 0; size < entry.size(); ++size) bad.push_back(entry.substr(0, size));
    bad.push_back(entry.substr(0, 12) + "\xFF\xFF\xFF\xFF");
    bad.push_back(entry + std::string(4, '\0'));
    bad.push_back(entry);
    ChannelWorld world;
    Channel& channel = world.open();
    for (const std::string& results : bad) {
      world.server.on_call = [&](const ScriptedServer::Call& call) {
        world.server.answer(call, results);
      };
      int times = 0;
      channel.call<ledger_entry, ledger_entry>(
          kEcho, {}, kNever, [&](const CallOutcome& outcome, ledger_entry& result) {
            ++times;
            if (results == entry) {
              CPPUNIT_ASSERT(outcome.answered());
              CPPUNIT_ASSERT_EQUAL(std::string("a note"),
                                   std::string(result.note.note_val, result.note.note_len));
              return;
            }
            CPPUNIT_ASSERT(outcome.kind == Kind::kUnknown);
            CPPUNIT_ASSERT_EQUAL(RPC_CANTDECODERES, outcome.error.re_status);
            CPPUNIT_ASSERT_EQUAL(world.name() + ": its answer cannot be decoded", outcome.reason);
            CPPUNIT_ASSERT(result.amount == 0 && result.settled == 0);
            CPPUNIT_ASSERT(result.note.note_len == 0 && result.note.note_val == nullptr);
          });
      CPPUNIT_ASSERT(world.run_until([&] { return times > 0; }));
      CPPUNIT_ASSERT_EQUAL(1, times);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world.server.accepted());
  }

  void ends_at_the_deadline_and_ignores_a_late_reply() {
    ChannelWorld world;
    world.open();
    const TimePoint start = EventLoop::read_clock();
    const Ended& late = world.call("late", milliseconds(50));
    world.finish(late);
    CPPUNIT_ASSERT(EventLoop::read_clock() - start >= milliseconds(50));
    assert_ended(late, Kind::kUnknown, RPC_TIMEDOUT, world.name() + ": no answer within 50 ms");
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world.server.calls().size());
    const ScriptedServer::Call late_call = world.server.calls().front();
    world.server.answer(late_call, late_call.arguments);
    world.call_and_be_answered();
    CPPUNIT_ASSERT_EQUAL(1, late.times);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world.server.accepted());
  }

  void ends_calls_by_their_deadlines_not_by_their_order() {
    ChannelWorld world;
    world.open();
    const Ended& a = world.call("a", milliseconds(90));
    const Ended& b = world.call("b", milliseconds(30));
    const Ended& c = world.call("c", milliseconds(60));
    const Ended& d = world.call("d", milliseconds(-10));
    world.finish_all();
    CPPUNIT_ASSERT((world.ended_order == std::vector<const Ended*>{&d, &b, &c, &a}));
    assert_ended(d, Kind::kNotSent, RPC_TIMEDOUT,
                 world.name() + ": not sent within 0 ms: there is no connection yet");
  }

  void ignores_a_reply_to_nobody() {
    ChannelWorld world;
    world.server.on_call = [&](const ScriptedServer::Call& call) {
      for (const std::uint32_t wrong : {call.xid + 1, call.xid - 1, ~call.xid}) {
        world.server.send(call.connection, record_of(success_reply(wrong, "wrong")));
      }
      world.server.answer(call, call.arguments);
      world.server.answer(call, "once too often");
    };
    world.open();
    for (int i = 0; i < 3; ++i) {
      const Ended& result = world.call("right");
      world.finish(result);
      CPPUNIT_ASSERT_EQUAL(echoed("right"), result.results);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world.server.accepted());
  }

  void limits_calls() {
    ChannelWorld world;
    world.options.calls_max = 3;
    world.open();
    for (int i = 0; i < 3; ++i) world.call();
    const Ended& refused = world.call();
    world.finish(refused);
    assert_ended(refused, Kind::kNotSent, RPC_CANTSEND,
                 world.name() + ": 3 calls are under way already (limit calls_max)");
    CPPUNIT_ASSERT(world.run_until([&] { return world.server.calls().size() == 3; }));
    for (const ScriptedServer::Call& call : world.server.calls()) world.server.answer(call, {});
    world.finish_all();
    for (int i = 0; i < 3; ++i) world.call_and_be_answered();
  }

  void limits_output() {
    ChannelWorld world;
    world.options.output_size_max = 10'000;
    world.server.on_call = [&](const ScriptedServer::Call& call) { world.server.answer(call, {}); };
    world.open();
    const std::string note(2000, 'n');
    std::vector<const Ended*> fitting;
    fitting.reserve(4);
    for (int i = 0; i < 4; ++i) fitting.push_back(&world.call(note));
    const Ended& refused = world.call(note);
    const Ended& small = world.call();
    // Header 40, argument 2004, mark 4: 2048 bytes each.
    world.finish(refused);
    assert_ended(refused, Kind::kNotSent, RPC_CANTSEND,
                 world.name() +
                     ": 8192 bytes wait to be written and 2048 more are over 10000 "
                     "(limit output_size_max)");
    world.finish_all();
    for (const Ended* result : fitting) CPPUNIT_ASSERT(result->kind == Kind::kAnswered);
    CPPUNIT_ASSERT(small.kind == Kind::kAnswered);
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, world.server.calls().size());
  }

  void limits_the_record() {
    ChannelWorld world;
    world.options.record_size_max = 10'000;
    world.server.on_call = [&](const ScriptedServer::Call& call) {
      world.server.answer(call, call.arguments);
    };
    world.open();
    const Ended& largest = world.call(std::string(10'000 - 44, 'n'));
    const Ended& too_large = world.call(std::string(10'000 - 40, 'n'));
    world.finish_all();
    CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, largest.status);
    assert_ended(
        too_large, Kind::kNotSent, RPC_CANTENCODEARGS,
        world.name() + ": the call cannot be encoded in 10000 bytes (limit record_size_max)");
  }

  void refuses_what_cannot_be_encoded() {
    ChannelWorld world;
    Channel& channel = world.open();
    std::string note(LEDGER_NOTE_MAX + 1, 'n');
    ledger_entry entry{};
    entry.note = {static_cast<u_int>(note.size()), note.data()};
    int times = 0;
    channel.call<ledger_entry, ledger_entry>(
        kEcho, entry, kNever, [&](const CallOutcome& outcome, ledger_entry&) {
          ++times;
          CPPUNIT_ASSERT(outcome.kind == Kind::kNotSent);
          CPPUNIT_ASSERT_EQUAL(RPC_CANTENCODEARGS, outcome.error.re_status);
        });
    CPPUNIT_ASSERT_EQUAL(0, times);
    CPPUNIT_ASSERT(world.run_until([&] { return times > 0; }));
    world.call_and_be_answered();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world.server.calls().size());
  }

 private:
  // As unique_ptr's destructor does it: callbacks find the pointer in place.
  static void destroy_channel(ChannelWorld& world) {
    delete world.channel.get();
    static_cast<void>(world.channel.release());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ChannelTest);

}  // namespace rkv::rpc
