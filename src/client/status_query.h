#pragma once

#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "client/results.h"
#include "client/server.h"
#include "rpc/endpoint.h"

namespace rkv::client {

// Asks each of these servers how it is, all at once; returns when each has answered or `timeout` is
// over. The results are in the order of the servers. `state_hash`: also hash the whole state, which
// reads everything there. Over kUdp a replica with much to say is kOverLimit.
std::vector<Result<ReplicaStatus>> ask_status(const std::vector<Server>& servers, bool state_hash,
                                              Duration timeout,
                                              rpc::Transport transport = rpc::Transport::kTcp);

}  // namespace rkv::client
