#pragma once

#include "base/ids.h"
#include "base/status.h"
#include "base/unique_function.h"
#include "env/transport.h"
#include "protocol/message.h"
#include "sim/scheduler.h"

namespace rkv::sim {

// The machine a replica runs on, as its disk and the network see it.
class Host {
 public:
  // True while the process is paused: then the event happens again when it goes on, after those
  // that were put off before.
  virtual bool put_off(EventHandler& handler, EventKind kind, std::uint64_t argument) = 0;
  // The disk has failed: the process ends.
  virtual void fatal(const Status& status) = 0;

 protected:
  ~Host() = default;
};

// What the network brings to a replica.
class Endpoint {
 public:
  using Answer = UniqueFunction<void(protocol::MessagePtr answer)>;

  virtual void peer_request(ReplicaId from, protocol::MessagePtr message, Answer answer) = 0;
  virtual void peer_up(ReplicaId peer) = 0;
  virtual void peer_down(ReplicaId peer, const std::string& reason) = 0;

 protected:
  ~Endpoint() = default;
};

}  // namespace rkv::sim
