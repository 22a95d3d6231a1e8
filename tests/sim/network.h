#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "base/time.h"
#include "env/transport.h"
#include "protocol/message.h"
#include "sim/counters.h"
#include "sim/host.h"
#include "sim/partition.h"
#include "sim/scheduler.h"
#include "sim/slab.h"

namespace rkv::sim {

// Sees every message at the moment it is given to the network.
class MessageWatcher {
 public:
  virtual void sending(ReplicaId from, ReplicaId to, const protocol::Message& message) = 0;
  virtual void answering(ReplicaId from, ReplicaId to, const protocol::Message& request,
                         const protocol::Message& answer) = 0;

 protected:
  ~MessageWatcher() = default;
};

// The network between the replicas: messages that want an answer go over a connection of each to
// each, as service::Peers has them. What is lost is not sent again, and the one who sent it hears
// of it late; a connection that is seen to be broken ends all that is under way on it; a message
// and its answer survive the one who sent them.
class Network final : public EventHandler {
 public:
  using Transport = env::Transport<protocol::Message>;

  struct Options {
    Duration delay_min = microseconds(100);    // one way
    Duration call_timeout = seconds(10);       // the longest that a message waits for its answer
    Duration notice_max = milliseconds(1500);  // until a broken connection is seen to be so
    Duration connect_max = milliseconds(500);  // until a healed one is
  };
  // What goes wrong on every link; probabilities are of each message and each answer.
  struct Weather {
    double loss = 0;
    double duplicates = 0;
    double reordering = 0;
    Duration delay_mean = microseconds(100);  // above delay_min
  };

  // What is passed by reference must outlive the object. `watcher` may be null.
  Network(Scheduler& scheduler, std::uint64_t seed, Counters& counters, MessageWatcher* watcher,
          const Options& options);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Adds a replica; ids are given from 1. Returns its transport, which lives as long as this.
  Transport& add(Host& host, Endpoint& endpoint);
  // The replica's process runs from now on, or does so no more. Both are for the process, not for
  // pauses, which the network does not see.
  void started(ReplicaId replica);
  void stopped(ReplicaId replica);

  void set_weather(const Weather& weather) { weather_ = weather; }
  // Cuts and heals links until they are as said.
  void set_blocked(const LinkMatrix& blocked);
  // Everything from one replica to the other takes so much longer, until a moment of true time.
  void clog(ReplicaId from, ReplicaId to, Duration delay, TimePoint until);
  // Tells a replica of a change of a peer that has not happened; it is told the truth later.
  void tell_wrongly(ReplicaId replica, ReplicaId peer);

  void handle(EventKind kind, std::uint64_t argument) override;

 private:
  class Port;
  struct Call {
    std::size_t from = 0;
    std::size_t to = 0;
    env::SendFailure failure = env::SendFailure::kUnknown;  // once it is ended by one
    bool ending = false;
    Transport::Done done;
  };
  using CallId = Slab<Call>::Id;
  struct Packet {
    std::size_t from = 0;
    std::size_t to = 0;
    CallId call = 0;
    bool is_answer = false;
    protocol::MessagePtr message;
  };
  struct Waiting {
    TimePoint deadline;
    CallId call = 0;
  };
  // From one replica to another.
  struct Link {
    bool blocked = false;
    bool up = false;  // as the one at this end was told
    TimePoint last_arrival;
    TimePoint clogged_until;
    Duration clog_delay;
    std::deque<Waiting> waiting;  // calls, in the order of sending; ended ones too
    bool timer_set = false;
  };
  struct Replica {
    Host* host = nullptr;
    Endpoint* endpoint = nullptr;
    bool running = false;
    std::unique_ptr<Port> port;
    std::vector<Link> links;  // to each other one
  };

  void send(std::size_t from, std::size_t to, protocol::MessagePtr message, Transport::Done done);
  void answer(std::size_t from, std::size_t to, CallId call, const protocol::Message& request,
              protocol::MessagePtr answer);
  void transmit(Packet packet);
  void schedule_arrival(Packet packet);
  void deliver(std::uint64_t packet);
  void end_call(CallId call, env::SendFailure failure, Duration delay);
  void tell_end(CallId call);
  void end_all_calls(Link& link);
  void expire_calls(std::size_t from, std::size_t to);
  void check_hint(std::size_t replica, std::size_t peer);
  void look_again(std::size_t replica, std::size_t peer);
  void look_again_everywhere(std::size_t changed);
  bool reachable(std::size_t from, std::size_t to) const;
  Link& link(std::size_t from, std::size_t to) { return replicas_[from].links[to]; }
  static std::uint64_t pair(std::size_t a, std::size_t b) { return a << 8 | b; }

  Scheduler& scheduler_;
  Random random_;
  Counters& counters_;
  MessageWatcher* const watcher_;
  const Options options_;
  Weather weather_;
  std::vector<Replica> replicas_;
  Slab<Call> calls_;
  Slab<Packet> packets_;
};

}  // namespace rkv::sim
