#include "rpc/stub_client.h"

#include <optional>
#include <string_view>

#include "rpc/call_outcome.h"
#include "rpc/datagram_channel.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"

namespace rkv::rpc {
namespace {

constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000;

// Nothing for a time that clnt_control() should not take: it is not normalised, or negative.
std::optional<Duration> duration_of(const timeval& time) {
  if (time.tv_sec < 0 || time.tv_usec < 0 || time.tv_usec >= kMicrosecondsPerSecond) return {};
  // A longer time would not fit nanoseconds, and is for ever anyway.
  constexpr std::int64_t kSecondsMax = 1'000'000'000;
  if (time.tv_sec > kSecondsMax) return seconds(kSecondsMax);
  return seconds(time.tv_sec) + microseconds(time.tv_usec);
}

timeval timeval_of(Duration duration) {
  const std::int64_t us = duration.ns / 1'000;
  return {us / kMicrosecondsPerSecond, us % kMicrosecondsPerSecond};
}

// Decodes a whole result. What a failed decode left is freed: xdr_free() also clears the pointers,
// so that freeing it again is harmless.
bool decode_results(std::string_view bytes, xdrproc_t decode, void* results) {
  XDR xdr;
  // xdrmem takes a pointer to char that it only reads when it decodes.
  xdrmem_create(&xdr, const_cast<char*>(bytes.data()), static_cast<u_int>(bytes.size()),
                XDR_DECODE);
  if (decode(&xdr, results) != FALSE && XDR_GETPOS(&xdr) == bytes.size()) return true;
  xdr_free(decode, results);
  return false;
}

std::unique_ptr<CallChannel> open_channel(Transport transport, EventLoop& loop, Resolver& resolver,
                                          Logger& logger, const std::string& host,
                                          std::uint16_t port, const ChannelOptions& options) {
  if (transport == Transport::kUdp) {
    return std::make_unique<DatagramChannel>(loop, resolver, host, port, DatagramChannelOptions());
  }
  return std::make_unique<Channel>(loop, resolver, logger, host, port, options);
}

}  // namespace

struct StubClient::State {
  State(Logger& logger, const std::string& host, std::uint16_t port, std::uint32_t program_number,
        std::uint32_t version_number, const ChannelOptions& options, Transport transport);

  clnt_stat call(rpcproc_t procedure, xdrproc_t encode, void* args, xdrproc_t decode, void* results,
                 timeval stub_timeout);
  bool_t control(u_int request, void* info);

  const std::uint32_t program;
  const std::uint32_t version;
  EventLoop loop;
  Resolver resolver;
  const std::unique_ptr<CallChannel> channel;
  CLIENT client{};
  std::optional<Duration> timeout;
  CallOutcome last_outcome;
};

namespace {

// What is behind the pointers of a CLIENT. A class of its own, because State is private.
template <typename State>
struct Operations {
  static State& state_of(CLIENT* client) { return *static_cast<State*>(client->cl_private); }

  static clnt_stat call(CLIENT* client, rpcproc_t procedure, xdrproc_t encode, void* args,
                        xdrproc_t decode, void* results, timeval timeout) {
    return state_of(client).call(procedure, encode, args, decode, results, timeout);
  }
  static void abort(CLIENT*) {}
  static void get_error(CLIENT* client, rpc_err* error) {
    *error = state_of(client).last_outcome.error;
  }
  static bool_t free_results(CLIENT*, xdrproc_t decode, void* results) {
    xdr_free(decode, results);
    return TRUE;
  }
  static void destroy(CLIENT*) {}
  static bool_t control(CLIENT* client, u_int request, void* info) {
    return state_of(client).control(request, info);
  }

  // libtirpc's CLIENT wants them writable; nobody writes.
  static inline CLIENT::clnt_ops table{call, abort, get_error, free_results, destroy, control};
};

}  // namespace

StubClient::State::State(Logger& logger, const std::string& host, std::uint16_t port,
                         std::uint32_t program_number, std::uint32_t version_number,
                         const ChannelOptions& options, Transport transport)
    : program(program_number),
      version(version_number),
      resolver(loop),
      channel(open_channel(transport, loop, resolver, logger, host, port, options)) {
  client.cl_auth = authnone_create();
  client.cl_ops = &Operations<State>::table;
  client.cl_private = this;
}

clnt_stat StubClient::State::call(rpcproc_t procedure, xdrproc_t encode, void* args,
                                  xdrproc_t decode, void* results, timeval stub_timeout) {
  const Duration limit = timeout.value_or(duration_of(stub_timeout).value_or(Duration{}));
  bool is_done = false;
  channel->call_raw(program, version, procedure, client.cl_auth, encode, args,
                    EventLoop::read_clock() + limit,
                    [&](const CallOutcome& outcome, std::string_view bytes) {
                      is_done = true;
                      last_outcome = outcome;
                      if (outcome.answered() && !decode_results(bytes, decode, results)) {
                        last_outcome = undecodable_results(channel->name());
                      }
                    });
  // The channel ends every call at its deadline.
  loop.run_until([&] { return is_done; }, kNever);
  return last_outcome.error.re_status;
}

bool_t StubClient::State::control(u_int request, void* info) {
  if (info == nullptr) return FALSE;
  if (request == CLSET_TIMEOUT) {
    const std::optional<Duration> wanted = duration_of(*static_cast<timeval*>(info));
    if (!wanted.has_value()) return FALSE;
    timeout = wanted;
    return TRUE;
  }
  if (request == CLGET_TIMEOUT && timeout.has_value()) {
    *static_cast<timeval*>(info) = timeval_of(*timeout);
    return TRUE;
  }
  return FALSE;
}

StubClient::StubClient(Logger& logger, const std::string& host, std::uint16_t port,
                       std::uint32_t program, std::uint32_t version, const ChannelOptions& options,
                       Transport transport)
    : state_(std::make_unique<State>(logger, host, port, program, version, options, transport)) {}

StubClient::~StubClient() = default;

CLIENT* StubClient::handle() { return &state_->client; }

const CallOutcome& StubClient::last_outcome() const { return state_->last_outcome; }

void StubClient::set_timeout(Duration timeout) { state_->timeout = timeout; }

}  // namespace rkv::rpc
