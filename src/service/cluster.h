#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/replicas_config.h"

namespace rkv::service {

// How the replicas of a cluster agree on writes; fixed when the cluster is created.
enum class Replication { kForward = 1, kPaxos = 2, kTwoPc = 3 };

// Whether a replica keeps a log, beside its state.
inline bool keeps_log(Replication replication) { return replication != Replication::kForward; }

// Who this replica is, and who the others are. Does not change while it runs.
struct Cluster {
  ClusterId id;
  ReplicaId self;
  Incarnation incarnation = 0;
  Replication replication = Replication::kForward;
  std::string replication_name;
  std::uint32_t lease_ms = 0;  // of paxos: must be the same at all replicas
  // Of 2pc: who coordinates all writes, the same at all replicas; or nobody: whoever is asked.
  ReplicaId coordinator;
  std::vector<ReplicaAddress> replicas;  // all of them, this one included

  // Null if there is no replica with this id.
  const ReplicaAddress* find(ReplicaId id_wanted) const;
  // Every replica but this one.
  std::vector<ReplicaAddress> peers() const;
};

}  // namespace rkv::service
