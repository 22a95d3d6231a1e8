#include "client/status_query.h"

#include <kv.h>

#include <algorithm>
#include <memory>

#include "base/log.h"
#include "client/outcome.h"
#include "client/wire.h"
#include "rpc/channel.h"
#include "rpc/datagram_channel.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"

namespace rkv::client {
namespace {

constexpr rpc::Procedure<kv_status_args, kv_status_result> kStatusProcedure = {
    KV_PROG, KV_V1, STATUS, xdr_kv_status_args, xdr_kv_status_result};

}  // namespace

std::vector<Result<ReplicaStatus>> ask_status(const std::vector<Server>& servers, bool state_hash,
                                              Duration timeout, rpc::Transport transport) {
  std::vector<Result<ReplicaStatus>> results(
      servers.size(), Result<ReplicaStatus>(Status::unavailable("no answer")));
  std::size_t waiting = servers.size();
  NullLogger logger;
  rpc::EventLoop loop;
  rpc::Resolver resolver(loop);
  rpc::ChannelOptions options;
  options.connect_timeout = std::min(options.connect_timeout, timeout);
  const TimePoint deadline = rpc::EventLoop::read_clock() + timeout;
  kv_status_args args{};
  args.state_hash = state_hash ? TRUE : FALSE;

  // Last of all, so that they go first: their callbacks use what stands above.
  std::vector<std::unique_ptr<rpc::CallChannel>> channels;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto& [host, port] = servers[i];
    if (transport == rpc::Transport::kUdp) {
      channels.push_back(std::make_unique<rpc::DatagramChannel>(loop, resolver, host, port,
                                                                rpc::DatagramChannelOptions()));
    } else {
      channels.push_back(
          std::make_unique<rpc::Channel>(loop, resolver, logger, host, port, options));
    }
    channels.back()->call<kv_status_args, kv_status_result>(
        kStatusProcedure, args, deadline,
        [&results, &waiting, i, name = servers[i].name()](const rpc::CallOutcome& outcome,
                                                          kv_status_result& result) {
          --waiting;
          results[i] =
              outcome.answered() ? status_of(result, name) : failure_of(outcome, Effect::kReads);
        });
  }
  // Every call ends by its deadline; none is waited for any other way.
  loop.run_until([&waiting] { return waiting == 0; }, kNever);
  return results;
}

}  // namespace rkv::client
