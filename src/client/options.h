#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "rpc/endpoint.h"

namespace rkv::client {

class HistoryRecorder;

// Names of replication protocols, as STATUS says them.

// How much a read sees; kv_consistency in kv.x says it in full.
enum class Consistency {
  kLinearizable,  // every write that was acknowledged before the call
  // At least what this client has seen so far, in any answer of any server, and never less again.
  // Needs replication paxos.
  kSequential,
  kEventual,  // whatever the replica has
};

// How one operation is to be done. What does not concern it is not looked at.
struct CallOptions {
  // For all of it, over all servers and retries. 0: the client's.
  Duration timeout{};
  Consistency consistency = Consistency::kLinearizable;  // of what only reads
  // kEventual: every write that was acknowledged so long ago is seen. 0: no bound. In whole ms.
  Duration max_staleness{};
  // get: the revisions too. A transaction and a range tell them always.
  bool wants_revisions = false;
};

struct ClientOptions {
  Duration timeout = seconds(10);  // of an operation that does not say its own
  // kUdp: what is too long for a datagram, there or back, is kOverLimit.
  rpc::Transport transport = rpc::Transport::kTcp;
  // Whether an operation of which nothing can have come yet goes on until its time is over. If not,
  // it ends when each server has been tried: who is down is told of at once.
  bool patient = true;
  // Learn the other replicas from the first server that answers, and use them too.
  bool discover = true;
  std::size_t operations_max = 16'384;       // under way at once; one more is kBusy
  std::size_t bytes_max = 64 * 1024 * 1024;  // of their keys and values together; the same
  // Gets a line of every operation; not owned. None: nothing is recorded.
  HistoryRecorder* recorder = nullptr;
  std::uint64_t process = 0;  // who this client is in the history
};

}  // namespace rkv::client
