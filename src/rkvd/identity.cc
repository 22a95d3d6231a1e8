#include "rkvd/identity.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "posix/system.h"

namespace rkv::daemon {
namespace {

constexpr std::uint32_t kIdentityFormat = 1;
constexpr std::uint32_t kSingleReplicaId = 1;

Status wrong_directory(const Options& options, const std::string& what) {
  return Status::invalid("data directory " + options.data_dir + " " + what);
}

Result<service::Replication> wanted_replication(const Options& options) {
  if (options.replication.empty()) return service::Replication::kPaxos;
  const std::optional<service::Replication> replication = replication_named(options.replication);
  if (replication) return *replication;
  return Status::invalid("--replication " + options.replication +
                         ": there is no such protocol; this version has: paxos, 2pc, forward");
}

// Whether --coordinator fits; that of a cluster is looked for in its replicas file elsewhere.
Status check_coordinator(const Identity& identity, const Options& options) {
  if (!options.coordinator) return {};
  const std::string given = "--coordinator " + std::to_string(*options.coordinator);
  if (identity.replication != service::Replication::kTwoPc) {
    return Status::invalid(given + " is for replication 2pc; this replica has replication " +
                           std::string(name_of(identity.replication)));
  }
  if (identity.single && *options.coordinator != identity.replica.value) {
    return Status::invalid(given + ": the only replica here is replica " +
                           std::to_string(identity.replica.value));
  }
  return {};
}

}  // namespace

std::string Identity::encode() const {
  std::string bytes;
  append_uint32(bytes, kIdentityFormat);
  append_opaque(bytes, {reinterpret_cast<const char*>(cluster.bytes.data()), cluster.bytes.size()});
  append_uint32(bytes, replica.value);
  append_uint32(bytes, static_cast<std::uint32_t>(replication));
  append_uint32(bytes, single ? 1 : 0);
  return bytes;
}

Result<Identity> Identity::decode(std::string_view bytes) {
  XdrReader reader(bytes);
  const std::uint32_t format = reader.read_uint32();
  Identity identity;
  const std::string_view cluster = reader.read_opaque(identity.cluster.bytes.size());
  identity.replica.value = reader.read_uint32();
  const std::uint32_t replication = reader.read_uint32();
  identity.single = reader.read_uint32() == 1;
  if (!reader.done() || format != kIdentityFormat ||
      cluster.size() != identity.cluster.bytes.size() ||
      replication < static_cast<std::uint32_t>(service::Replication::kForward) ||
      replication > static_cast<std::uint32_t>(service::Replication::kTwoPc)) {
    return Status::internal("the record of its identity cannot be read by this version");
  }
  identity.replication = static_cast<service::Replication>(replication);
  std::copy(cluster.begin(), cluster.end(), identity.cluster.bytes.begin());
  return identity;
}

Result<Identity> new_identity(const Options& options) {
  Identity identity;
  const Result<service::Replication> replication = wanted_replication(options);
  if (!replication.ok()) return replication.status();
  identity.replication = replication.value();
  identity.single = options.replicas_file.empty();
  identity.replica.value = options.id.value_or(kSingleReplicaId);
  const Status status = check_coordinator(identity, options);
  if (!status.ok()) return status;
  if (!options.cluster_id.empty()) {
    const std::optional<ClusterId> id = ClusterId::parse(options.cluster_id);
    if (!id) {
      return Status::invalid("--cluster-id " + options.cluster_id + ": not 32 hexadecimal digits");
    }
    identity.cluster = *id;
    return identity;
  }
  posix::fill_random(identity.cluster.bytes.data(), identity.cluster.bytes.size());
  if (!identity.single) {
    return Status::invalid("--create needs --cluster-id, the same for all replicas, such as " +
                           identity.cluster.to_string());
  }
  return identity;
}

Status check_identity(const Identity& identity, const Options& options) {
  const std::string replica = "replica " + std::to_string(identity.replica.value);
  if (identity.single && !options.replicas_file.empty()) {
    return wrong_directory(options,
                           "holds a single replica, not one of a cluster: start it "
                           "without --replicas");
  }
  if (!identity.single && options.replicas_file.empty()) {
    return wrong_directory(options, "holds " + replica + " of cluster " +
                                        identity.cluster.to_string() +
                                        ": start it with --replicas FILE");
  }
  if (options.id && *options.id != identity.replica.value) {
    return wrong_directory(
        options, "holds " + replica + ", not replica " + std::to_string(*options.id) + " (--id)");
  }
  if (!options.cluster_id.empty() &&
      ClusterId::parse(options.cluster_id) != std::optional(identity.cluster)) {
    return wrong_directory(options, "belongs to cluster " + identity.cluster.to_string() +
                                        ", not to " + options.cluster_id + " (--cluster-id)");
  }
  const Result<service::Replication> replication = wanted_replication(options);
  if (!replication.ok()) return replication.status();
  if (!options.replication.empty() && replication.value() != identity.replication) {
    return wrong_directory(options, "was made with replication " +
                                        std::string(name_of(identity.replication)) + ", not " +
                                        options.replication + " (--replication)");
  }
  return check_coordinator(identity, options);
}

std::string_view name_of(service::Replication replication) {
  switch (replication) {
    case service::Replication::kForward:
      return "forward";
    case service::Replication::kPaxos:
      return "paxos";
    case service::Replication::kTwoPc:
      return "2pc";
  }
  RKV_CHECK(false, "replication out of range");
}

std::optional<service::Replication> replication_named(std::string_view name) {
  if (name == "forward") return service::Replication::kForward;
  if (name == "paxos") return service::Replication::kPaxos;
  if (name == "2pc") return service::Replication::kTwoPc;
  return std::nullopt;
}

}  // namespace rkv::daemon
