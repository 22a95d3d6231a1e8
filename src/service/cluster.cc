#include "service/cluster.h"

namespace rkv::service {

const ReplicaAddress* Cluster::find(ReplicaId id_wanted) const {
  for (const ReplicaAddress& replica : replicas) {
    if (replica.id == id_wanted) return &replica;
  }
  return nullptr;
}

std::vector<ReplicaAddress> Cluster::peers() const {
  std::vector<ReplicaAddress> others;
  for (const ReplicaAddress& replica : replicas) {
    if (replica.id != self) others.push_back(replica);
  }
  return others;
}

}  // namespace rkv::service
