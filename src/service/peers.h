#pragma once

#include <kv.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/log.h"
#include "base/time.h"
#include "env/transport.h"
#include "protocol/message.h"
#include "rpc/channel.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"
#include "service/cluster.h"

namespace rkv::service {

// Bytes of a message between replicas, and of its answer: a promise with every vote that an
// acceptor may hold is the longest.
constexpr std::size_t kPeerRecordSizeMax = std::size_t{16} << 20;

// Another replica as seen from here.
struct PeerState {
  ReplicaId id;
  bool up = false;
  std::string reason;  // why it is down
  TimePoint since;     // since when it is as it is
};

// The way to the other replicas: a connection to each, over which KV_PEER_PROG is called. Watches
// them: a peer is up when it has answered a hello, and down when the connection is lost, a hello is
// not answered in time, or the two do not belong together. For the loop's thread.
class Peers final : public env::Transport<protocol::Message> {
 public:
  struct Options {
    Duration hello_interval = milliseconds(500);
    Duration hello_timeout = milliseconds(1000);  // unanswered for so long: down
    Duration call_timeout = seconds(10);          // the longest that a message waits for its answer
  };
  // Told of each change. `reason` is a line that names the replica.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void peer_up(ReplicaId peer) = 0;
    virtual void peer_down(ReplicaId peer, const std::string& reason) = 0;
  };

  // What is passed by reference must outlive the object.
  Peers(const Cluster& cluster, rpc::EventLoop& loop, rpc::Resolver& resolver, Logger& logger,
        const Options& options);
  // Messages under way fail before this returns.
  ~Peers() override;
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  // Begins to connect. `listener` must outlive the object, or be taken back with null.
  void start(Listener* listener);
  void stop_listening() { listener_ = nullptr; }

  void send(ReplicaId to, std::shared_ptr<const protocol::Message> message, Done done) override;

  // A peer has said hello to us, so it runs: if it is not connected to, that is tried at once.
  void heard_from(ReplicaId peer);

  std::vector<PeerState> states() const;

 private:
  struct Peer {
    PeerState state;
    std::unique_ptr<rpc::Channel> channel;
    rpc::EventLoop::TimerId hello_timer = 0;
    bool hello_waiting = false;
  };

  void connection_changed(Peer& peer, bool connected, const std::string& reason);
  void send_hello(Peer& peer);
  void hello_ended(Peer& peer, const rpc::CallOutcome& outcome, const kv_rput_result& result);
  void set_up(Peer& peer);
  void set_down(Peer& peer, const std::string& reason);

  const Cluster& cluster_;
  rpc::EventLoop& loop_;
  rpc::Resolver& resolver_;
  Logger& logger_;
  const Options options_;
  Listener* listener_ = nullptr;
  std::map<ReplicaId, Peer> peers_;
};

}  // namespace rkv::service
