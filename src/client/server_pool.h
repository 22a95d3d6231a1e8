#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "client/results.h"
#include "client/server.h"
#include "rpc/call_channel.h"
#include "rpc/endpoint.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"

struct kv_replicas_result;

namespace rkv::client {

struct ServerPoolOptions {
  rpc::Transport transport = rpc::Transport::kTcp;
  bool discover = true;
  Duration connect_timeout = seconds(5);     // over TCP, for one attempt
  Duration probe_first = milliseconds(500);  // before a server that failed is asked again; doubled
  Duration probe_max = seconds(15);  // up to this; each is shortened at random by up to half
};

// The servers of one client, with a channel to each, in the order in which they are to be used:
// those given, then those learnt from REPLICAS; within that the ones that failed come last, the one
// that failed longest ago first. A server that failed is asked for its replicas from time to time,
// and has not failed any more when it answers. For the loop's thread.
class ServerPool {
 public:
  using Index = std::size_t;                     // of a server; never changes
  static constexpr std::size_t kLearntMax = 64;  // servers beside those given

  ServerPool(rpc::EventLoop& loop, std::vector<Server> servers, const ServerPoolOptions& options);
  // Ends the calls under way, as the channels say.
  ~ServerPool();
  ServerPool(const ServerPool&) = delete;
  ServerPool& operator=(const ServerPool&) = delete;

  std::size_t size() const { return entries_.size(); }
  std::vector<Server> servers() const;
  // The server to use, if it is none of `tried`; nothing when all are.
  std::optional<Index> choose(const std::vector<Index>& tried) const;
  std::optional<Index> find(const std::string& name) const;

  rpc::CallChannel& channel(Index index);
  const std::string& name(Index index) const { return entries_[index]->name; }
  // 0: not known.
  ReplicaId replica(Index index) const { return entries_[index]->replica; }

  // What became of a call there. It answered, whatever it was: it is asked for its replicas, once,
  // a little later: who makes a single call does without.
  void answered(Index index);
  // It did what it was asked for: its next failure is its first.
  void served(Index index);
  // There was no answer; or it said that it cannot now, while others may.
  void failed(Index index);

  // Shortened at random by up to half, so that many clients do not come at once.
  Duration jittered(Duration duration);

 private:
  struct Entry {
    Server server;
    std::string name;
    std::unique_ptr<rpc::CallChannel> channel;  // null until it is first needed
    ReplicaId replica;
    bool is_learning = false;  // its replicas are being asked for, or known
    bool has_failed = false;
    TimePoint failed_at;
    Duration pause;  // before the next probe; 0: it has not failed lately
    rpc::EventLoop::TimerId probe_timer = 0;
    rpc::EventLoop::TimerId learn_timer = 0;
  };

  void add(Server server);
  void ask(Index index);
  void take_replicas(Index index, const kv_replicas_result& result);

  rpc::EventLoop& loop_;
  const ServerPoolOptions options_;
  const std::size_t servers_max_;
  NullLogger logger_;
  rpc::Resolver resolver_;
  Random random_;
  bool is_closing_ = false;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace rkv::client
