#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "client/results.h"
#include "client/server.h"
#include "rpc/endpoint.h"

namespace rkv::client {

struct ClientOptions {
  Duration timeout = seconds(10);  // for one operation, over all servers and retries
  // With kUdp a write may be done more than once, when an answer is lost or late; what is too long
  // for a datagram, there or back, is kOverLimit.
  rpc::Transport transport = rpc::Transport::kTcp;
};

// Calls a cluster, one operation at a time: each returns when it has ended, within the timeout. For
// one thread at a time. Connects when it has something to say, and keeps the connections.
//
// The servers are tried in their order, beginning with the one that answered last. The next one is
// tried only when nothing can have come of the call at this one: it was not sent, or the server
// does not offer the service; for what only reads, also when there was no answer. What a server
// answers is the result, whatever its status; only after kBusy the same server is asked again,
// until the timeout. A write without an answer is kUnknown: it may have been done, or may yet be.
//
// Statuses of the client's own: kInvalid for an empty key, kOverLimit for a key or value over its
// limit, both without a call; kUnavailable when no server could be reached.
class Client {
 public:
  // `servers`: at least one.
  explicit Client(std::vector<Server> servers, const ClientOptions& options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  WriteOutcome put(std::string_view key, std::string_view value);
  // kNotFound: there was nothing to remove.
  WriteOutcome del(std::string_view key);
  ReadOutcome get(std::string_view key);
  // The replicas of the cluster, as the first server that answers knows them.
  Result<ReplicaList> replicas();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace rkv::client
