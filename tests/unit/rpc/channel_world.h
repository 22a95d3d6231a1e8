#pragma once

#include <cppunit/extensions/HelperMacros.h>
#include <ledger.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "rpc/channel.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"
#include "scripted_server.h"

namespace rkv::rpc {

// How one call ended. `times` counts the runs of its callback.
struct Ended {
  bool is_made = false;  // call() has returned
  int times = 0;
  CallOutcome::Kind kind = CallOutcome::Kind::kUnknown;
  clnt_stat status = RPC_SUCCESS;
  std::string reason;
  std::string results;
};

// A channel and a scripted server on one loop.
struct ChannelWorld {
  EventLoop loop;
  Resolver resolver{loop};
  NullLogger logger;
  ScriptedServer server{loop};
  ChannelOptions options;
  std::unique_ptr<Channel> channel;
  std::vector<std::unique_ptr<Ended>> ended;  // in the order of calling
  std::vector<const Ended*> ended_order;      // in the order of ending

  Channel& open() { return open("127.0.0.1", server.port()); }
  Channel& open(const std::string& host, std::uint16_t port) {
    channel = std::make_unique<Channel>(loop, resolver, logger, host, port, options);
    return *channel;
  }

  // Calls with an opaque argument; the outcome is in the Ended, which stays where it is.
  Ended& call(std::string_view argument = "x", Duration timeout = seconds(30)) {
    Ended& result = *ended.emplace_back(std::make_unique<Ended>());
    std::string encoded;
    append_opaque(encoded, argument);
    channel->call_raw(LEDGER_PROG, LEDGER_V2, ECHO, nullptr, encode_bytes(), &encoded,
                      EventLoop::read_clock() + timeout,
                      [this, &result](const CallOutcome& outcome, std::string_view results) {
                        CPPUNIT_ASSERT_MESSAGE("ended from within call()", result.is_made);
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

  // A call without argument, result and deadline.
  void call_void(Channel::RawDone done) const {
    const auto nothing = untyped<char>([](XDR*, char*) -> bool_t { return TRUE; });
    channel->call_raw(LEDGER_PROG, LEDGER_V2, FORGET, nullptr, nothing, nullptr, kNever,
                      std::move(done));
  }

  bool run_until(const std::function<bool()>& done) {
    return loop.run_until(done, EventLoop::read_clock() + seconds(30));
  }
  void finish(const Ended& result) {
    CPPUNIT_ASSERT(run_until([&] { return result.times > 0; }));
    run_turns();
    CPPUNIT_ASSERT_EQUAL(1, result.times);
  }
  void finish_all() {
    for (const auto& result : ended) finish(*result);
  }
  // A few turns, so that a callback that is run once too often shows.
  void run_turns() {
    int turns = 0;
    run_until([&] {
      loop.request_turn();
      return ++turns > 3;
    });
  }
  // A call that is answered: the connection is then known to be good.
  void call_and_be_answered() {
    const auto on_call = std::exchange(
        server.on_call, [this](const ScriptedServer::Call& call) { server.answer(call, {}); });
    const Ended& result = call();
    finish(result);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(result.reason, RPC_SUCCESS, result.status);
    server.on_call = on_call;
  }
  std::string name() const { return "127.0.0.1:" + std::to_string(server.port()); }

 private:
  // The bytes of a std::string as they are.
  static xdrproc_t encode_bytes() {
    return untyped<std::string>([](XDR* xdr, std::string* bytes) -> bool_t {
      return xdr_opaque(xdr, bytes->data(), static_cast<u_int>(bytes->size()));
    });
  }
};

inline void assert_ended(const Ended& result, CallOutcome::Kind kind, clnt_stat status,
                         const std::string& reason) {
  CPPUNIT_ASSERT_EQUAL(reason, result.reason);
  CPPUNIT_ASSERT(result.kind == kind);
  CPPUNIT_ASSERT_EQUAL(status, result.status);
  CPPUNIT_ASSERT(result.results.empty());
}

}  // namespace rkv::rpc
