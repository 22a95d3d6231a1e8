// A whole rpc::Server on a stream that plays the input, with the dispatchers of the ledger program:
// whatever comes, at whatever places reads and writes are cut, and whenever deferred answers are
// given, every call that was whole is answered exactly once, by a reply that can be understood; and
// when the connection has gone, nothing of it is held.
//
// Input: a byte that picks the server and its stream, the number of decisions, the decisions, and
// what the client sends.

#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "fuzz.h"
#include "reference_records.h"
#include "rpc/address.h"
#include "rpc/byte_stream.h"
#include "rpc/event_loop.h"
#include "rpc/message.h"
#include "rpc/reply.h"
#include "rpc/server.h"
// Last: rpcgen makes macros of the procedures' names.
#include <ledger.h>

// The dispatchers, which rpcgen's header does not declare.
extern "C" void ledger_prog_2(svc_req* request, SVCXPRT* transport);
extern "C" void ledger_prog_3(svc_req* request, SVCXPRT* transport);

namespace {

// What the procedures work on: the context of the server.
struct Ledger {
  std::list<rkv::rpc::Reply<ledger_add_result>> waiting;
};

// ECHO of this amount gives what XDR refuses.
constexpr quad_t kUnencodable = -1;

}  // namespace

// rpcgen's dispatcher does not clear the result, and frees it whatever the procedure returns.

extern "C" bool_t add_2_svc(ledger_add_args* args, ledger_add_result* result,
                            svc_req* /*request*/) {
  std::memset(result, 0, sizeof *result);
  result->ledger_add_result_u.balance = args->entries.entries_len;
  return TRUE;
}

extern "C" bool_t add_later_2_svc(ledger_add_args* /*args*/, ledger_add_result* result,
                                  svc_req* request) {
  std::memset(result, 0, sizeof *result);
  rkv::rpc::context_of<Ledger>(request).waiting.emplace_back(request, xdr_ledger_add_result);
  return FALSE;
}

extern "C" bool_t echo_2_svc(ledger_entry* entry, ledger_entry* result, svc_req* /*request*/) {
  *result = *entry;
  entry->note = {};  // moved out: the dispatcher frees it with the result
  if (result->amount == kUnencodable) {
    std::free(result->note.note_val);
    result->note = {LEDGER_NOTE_MAX + 1, nullptr};
  }
  return TRUE;
}

extern "C" bool_t forget_2_svc(void* /*nothing*/, void* /*result*/, svc_req* request) {
  const rkv::rpc::ReplyToken dropped(request);
  return FALSE;
}

extern "C" int ledger_prog_2_freeresult(SVCXPRT* /*transport*/, xdrproc_t routine, caddr_t result) {
  xdr_free(routine, result);
  return TRUE;
}

extern "C" bool_t balance_3_svc(void* /*nothing*/, quad_t* result, svc_req* /*request*/) {
  *result = 1;
  return TRUE;
}

extern "C" int ledger_prog_3_freeresult(SVCXPRT* /*transport*/, xdrproc_t routine, caddr_t result) {
  xdr_free(routine, result);
  return TRUE;
}

namespace rkv::fuzz {
namespace {

using rpc::CallParse;
using rpc::IoResult;

// What one input does, beside what it sends.
struct Script {
  std::string_view unread;  // not yet read by the server
  Taker decisions{{}};
  bool is_buffered = false;  // the stream says what TLS may say: more can be read at once
  std::string sent;          // what the server has read
  std::string written;       // what the server has written
  bool broken = false;       // a write has failed
  bool made_room = false;    // the server has closed it: memory for output was almost full
};

// Plays a script. What it does in a turn is decided by the next byte; without one, all at once.
class PlayedStream final : public rpc::ByteStream {
 public:
  // The descriptor is always ready, and stays the caller's.
  PlayedStream(Script& script, int descriptor) : script_(script), descriptor_(descriptor) {}

  IoResult read(char* buffer, std::size_t size) override {
    constexpr std::array<std::size_t, 8> kPieces = {SIZE_MAX, 1, 2, 3, 5, 40, 44, 500};
    if (script_.unread.empty()) return {IoResult::Kind::kEnd, 0, 0};
    const unsigned decision = script_.decisions.take_byte();
    if (decision >> 3 == 1) return {IoResult::Kind::kWouldBlock, 0, 0};
    if (decision == 0xFF) return {IoResult::Kind::kError, 0, ECONNRESET};
    const std::size_t count = std::min({kPieces[decision & 7], script_.unread.size(), size});
    std::copy_n(script_.unread.begin(), count, buffer);
    script_.sent += script_.unread.substr(0, count);
    script_.unread.remove_prefix(count);
    return {IoResult::Kind::kBytes, count, 0};
  }

  IoResult write(const char* data, std::size_t size) override {
    constexpr std::array<std::size_t, 4> kPieces = {SIZE_MAX, 1, 27, 400};
    RKV_CHECK(!script_.broken, "nothing is written to a broken stream");
    const unsigned decision = script_.decisions.take_byte();
    if (decision >> 3 == 1) return {IoResult::Kind::kWouldBlock, 0, 0};
    if (decision == 0xFF) {
      script_.broken = true;
      return {IoResult::Kind::kError, 0, EPIPE};
    }
    const std::size_t count = std::min(kPieces[decision & 3], size);
    script_.written.append(data, count);
    return {IoResult::Kind::kBytes, count, 0};
  }

  void finish_output() override {}
  int descriptor() const override { return descriptor_; }
  bool has_buffered_input() const override {
    return script_.is_buffered && !script_.unread.empty();
  }

 private:
  Script& script_;
  const int descriptor_;
};

// Those of a real server, but for the room that is tried for a result that cannot be encoded.
rpc::ServerLimits wide_limits() {
  rpc::ServerLimits limits;
  limits.record_size_max = 16 * 1024;
  return limits;
}

// Limits so narrow that inputs reach them.
rpc::ServerLimits narrow_limits() {
  rpc::ServerLimits limits;
  limits.record_size_max = 600;
  limits.fragments_max = 3;
  limits.calls_per_connection_max = 3;
  limits.output_per_connection_max = 300;
  limits.records_per_turn_max = 2;
  return limits;
}

// The same for what is answered with the overload reply.
rpc::ServerLimits overload_limits() {
  rpc::ServerLimits limits;
  limits.record_size_max = 4096;
  limits.calls_max = 2;
  limits.call_bytes_max = 400;
  limits.output_bytes_max = 500;
  limits.input_bytes_max = 64 * 1024;
  return limits;
}

// Made once: an input costs a connection, not a server.
class World {
 public:
  World() {
    for (const rpc::ServerLimits& limits : {wide_limits(), narrow_limits(), overload_limits()}) {
      limits_.push_back(limits);
      servers_.push_back(std::make_unique<rpc::Server>(loop_, logger_, "ledger", limits));
      rpc::Server& server = *servers_.back();
      server.add_program(LEDGER_PROG, LEDGER_V2, ledger_prog_2, &ledger_);
      server.add_program(LEDGER_PROG, LEDGER_V3, ledger_prog_3, &ledger_);
      ledger_add_result busy{};
      busy.status = LEDGER_BUSY;
      server.set_overload_reply(LEDGER_PROG, LEDGER_V2, ADD, rpc::untyped(xdr_ledger_add_result),
                                &busy);
    }
  }

  std::size_t count() const { return servers_.size(); }
  const rpc::ServerLimits& limits(std::size_t index) const { return limits_[index]; }

  void play(std::size_t index, Script& script) {
    rpc::Server& server = *servers_[index];
    const std::uint64_t refused_before = server.counters().refused;
    server.take_connection(std::make_unique<PlayedStream>(script, ready_), from_);
    std::size_t turns = 0;
    loop_.run_until(
        [&] {
          RKV_CHECK(++turns < kTurnsMax, "a connection ends when its client does");
          answer_some(script);
          loop_.request_turn();
          return server.counters().connections == 0;
        },
        kNever);
    ledger_.waiting.clear();  // of a connection that is gone: the answers go nowhere
    const rpc::ServerCounters& counters = server.counters();
    script.made_room = counters.refused > refused_before;
    RKV_CHECK(
        counters.calls_waiting == 0 && counters.output_bytes == 0 && counters.input_bytes == 0,
        "nothing is held for a connection that is gone");
  }

 private:
  static constexpr std::size_t kTurnsMax = 20000;

  // Answers one deferred call, or drops its token; without decisions, all of them.
  void answer_some(Script& script) {
    const bool all = script.decisions.empty();
    while (!ledger_.waiting.empty()) {
      const unsigned decision = script.decisions.take_byte();
      if (decision % 4 == 3) return;
      std::list<rpc::Reply<ledger_add_result>> chosen;
      chosen.splice(
          chosen.begin(), ledger_.waiting,
          std::next(ledger_.waiting.begin(),
                    static_cast<std::ptrdiff_t>((decision >> 2) % ledger_.waiting.size())));
      if (decision % 4 != 2) chosen.front().send(ledger_add_result{});
      if (!all) return;
    }
  }

  rpc::EventLoop loop_;
  NullLogger logger_;
  Ledger ledger_;
  const int ready_ = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  const rpc::Address from_ = rpc::Address::parse("127.0.0.1", 1).value();
  std::vector<rpc::ServerLimits> limits_;
  std::vector<std::unique_ptr<rpc::Server>> servers_;
};

// The answers that are owed, by xid.
struct Owed {
  std::multimap<std::uint32_t, CallParse> calls;
  bool malformed = false;  // the stream ends in what closes the connection
};

Owed owed_for(const Script& script, const rpc::ServerLimits& limits) {
  const ReferenceRecords read =
      reference_records(script.sent, {limits.record_size_max, limits.fragments_max});
  Owed owed;
  owed.malformed = read.end != rpc::RecordReader::Next::kIncomplete;
  for (const std::string& record : read.records) {
    rpc::CallHeader header;
    const CallParse parsed = rpc::parse_call(record, &header);
    if (parsed == CallParse::kNotACall) {
      owed.malformed = true;
      break;
    }
    owed.calls.emplace(header.xid, parsed);
  }
  return owed;
}

void check_replies(const Script& script, const rpc::ServerLimits& limits) {
  const Owed owed = owed_for(script, limits);
  std::multimap<std::uint32_t, CallParse> unanswered = owed.calls;
  const ReferenceRecords replies = reference_records(script.written, {limits.record_size_max, 1});
  const bool is_whole =
      !owed.malformed && !script.broken && !script.made_room && script.unread.empty();
  RKV_CHECK(replies.end == rpc::RecordReader::Next::kIncomplete, "replies are within the limits");
  RKV_CHECK(!is_whole || !replies.in_record, "the last reply is written to its end");
  for (const std::string& record : replies.records) {
    rpc::ReplyHeader reply;
    RKV_CHECK(rpc::parse_reply(record, &reply), "every reply can be understood");
    const auto call = unanswered.find(reply.xid);
    RKV_CHECK(call != unanswered.end(), "every reply answers a call, and no call has two");
    if (owed.calls.count(reply.xid) == 1) {
      RKV_CHECK(
          (call->second == CallParse::kRpcMismatch) == (reply.error.re_status == RPC_VERSMISMATCH),
          "another RPC version is answered as one");
      RKV_CHECK(call->second != CallParse::kBadCredential || reply.error.re_status == RPC_AUTHERROR,
                "a bad credential is answered as one");
    }
    unanswered.erase(call);
  }
  RKV_CHECK(!is_whole || unanswered.empty(), "every call is answered");
}

void run(std::string_view input) {
  static World& world = *new World;  // lives as long as the process
  Taker taker(input);
  const unsigned kind = taker.take_byte();
  const std::size_t index = kind % world.count();
  Script script;
  script.is_buffered = kind >> 7 != 0;
  script.decisions = Taker(taker.take(taker.take_byte()));
  script.unread = taker.rest();
  world.play(index, script);
  check_replies(script, world.limits(index));
}

}  // namespace
}  // namespace rkv::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rkv::fuzz::run(rkv::fuzz::view_of(data, size));
  return 0;
}
