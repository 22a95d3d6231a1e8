#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "rkvd/options.h"
#include "service/cluster.h"

namespace rkv::daemon {

// What a data directory was made as. Written once, when it is created.
struct Identity {
  ClusterId cluster;
  ReplicaId replica;
  service::Replication replication = service::Replication::kForward;
  bool single = false;  // made without a replicas file: the only replica of its cluster

  std::string encode() const;
  static Result<Identity> decode(std::string_view bytes);
};

// The identity of a replica to be made with these options; draws a cluster id where none is needed
// from outside. Fails if something is missing or does not fit.
Result<Identity> new_identity(const Options& options);

// Whether a replica that was made as `identity` may be started with these options: a reason if not,
// which names the directory.
Status check_identity(const Identity& identity, const Options& options);

// The name of a protocol as --replication has it, and back.
std::string_view name_of(service::Replication replication);
std::optional<service::Replication> replication_named(std::string_view name);

}  // namespace rkv::daemon
