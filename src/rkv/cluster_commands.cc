#include "rkv/cluster_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "client/client.h"
#include "client/status_query.h"
#include "rkv/json.h"
#include "rkv/output.h"

namespace rkv::cli {
namespace {

// One replica and what it says of itself.
struct Row {
  ReplicaAddress replica;
  std::string address;
  Result<client::ReplicaStatus> status;
};

std::string hex_or_none(const client::ReplicaStatus& status) {
  return status.state_hash ? status.state_hash->hash : "-";
}

// "42s", "5m03s", "2h05m" or "3d04h".
std::string short_duration(Duration duration) {
  const std::int64_t s = duration.ns / 1'000'000'000;
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d{:02}h", s / 86400, s / 3600 % 24);
}

Result<std::vector<ReplicaAddress>> all_replicas(Session& session) {
  const Result<const Cluster*> cluster = session.cluster();
  if (!cluster.ok()) return cluster.status();
  if (!cluster.value()->replicas.empty()) return cluster.value()->replicas;
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return client.status();
  Result<client::ReplicaList> list = client.value()->replicas();
  if (!list.ok()) return list.status();
  return std::move(list.value().replicas);
}

std::vector<Row> ask_all(const std::vector<ReplicaAddress>& replicas, const Options& options) {
  const std::vector<client::Server> servers = client::servers_of(replicas);
  std::vector<Result<client::ReplicaStatus>> answers =
      client::ask_status(servers, options.state_hash, options.timeout, options.transport);
  std::vector<Row> rows;
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    Row row{replicas[i], servers[i].name(), std::move(answers[i])};
    if (row.status.ok() && row.status.value().replica != row.replica.id) {
      row.status =
          Status::unavailable(fmt::format("replica {} answers there, not replica {}",
                                          row.status.value().replica.value, row.replica.id.value));
    }
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return a.replica.id < b.replica.id; });
  return rows;
}

std::vector<std::string> table_row(const Row& row, bool with_hash) {
  std::vector<std::string> cells = {std::to_string(row.replica.id.value), row.address};
  if (!row.status.ok()) {
    cells.push_back("unreachable");
    cells.push_back(row.status.status().reason());
    return cells;
  }
  const client::ReplicaStatus& status = row.status.value();
  const std::string leader = status.leader.value == 0 ? "-" : std::to_string(status.leader.value);
  const std::vector<std::string> rest = {"up",
                                         status.role,
                                         leader,
                                         std::to_string(status.applied),
                                         std::to_string(status.durable),
                                         std::to_string(status.keys),
                                         status.software,
                                         short_duration(status.uptime)};
  cells.insert(cells.end(), rest.begin(), rest.end());
  if (with_hash) cells.push_back(hex_or_none(status));
  return cells;
}

std::string to_table(const std::vector<std::vector<std::string>>& rows, OutputFormat format) {
  return format == OutputFormat::kTable ? draw_table(rows) : format_table(rows);
}

// For each replica that others cannot reach: who says so, and why.
std::string describe_down_peers(const std::vector<Row>& rows) {
  struct Down {
    std::string seen_by;
    const client::PeerStatus* first = nullptr;
  };
  std::map<ReplicaId, Down> downs;
  for (const Row& row : rows) {
    if (!row.status.ok()) continue;
    for (const client::PeerStatus& peer : row.status.value().peers) {
      if (peer.up) continue;
      Down& down = downs[peer.id];
      down.seen_by += fmt::format("{}{}", down.seen_by.empty() ? "" : ", ", row.replica.id.value);
      if (down.first == nullptr) down.first = &peer;
    }
  }
  std::string text;
  for (const auto& [id, down] : downs) {
    text += fmt::format("replica {} is down as seen by {}, for {}: {}\n", id.value, down.seen_by,
                        short_duration(down.first->since), down.first->reason);
  }
  return text;
}

std::string status_table(const std::vector<Row>& rows, const Options& options) {
  std::vector<std::vector<std::string>> table = {{"id", "address", "state", "role", "leader",
                                                  "applied", "durable", "keys", "version",
                                                  "uptime"}};
  if (options.state_hash) table.front().push_back("state-hash");
  for (const Row& row : rows) table.push_back(table_row(row, options.state_hash));
  return to_table(table, options.format) + describe_down_peers(rows);
}

void add_status(Json& object, const client::ReplicaStatus& status) {
  object["role"] = status.role;
  object["leader"] = status.leader.value == 0 ? Json() : Json(status.leader.value);
  object["applied"] = status.applied;
  object["durable"] = status.durable;
  object["keys"] = status.keys;
  object["version"] = status.software;
  object["uptime_s"] = static_cast<double>(status.uptime.ms()) / 1000;
  object["cluster"] = status.cluster.to_string();
  object["incarnation"] = status.incarnation;
  object["replication"] = status.replication;
  object["peers"] = Json::array();
  for (const client::PeerStatus& peer : status.peers) {
    Json one;
    one["id"] = peer.id.value;
    one["up"] = peer.up;
    one["reason"] = peer.reason;
    one["since_s"] = static_cast<double>(peer.since.ms()) / 1000;
    object["peers"].push_back(std::move(one));
  }
  object["counters"] = Json::object();
  for (const auto& [name, value] : status.counters) object["counters"][name] = value;
}

Json status_json(const Row& row, bool with_hash) {
  Json object;
  object["id"] = row.replica.id.value;
  object["address"] = row.address;
  object["reachable"] = row.status.ok();
  if (!row.status.ok()) {
    object["reason"] = row.status.status().reason();
    // What scripts look for in each object is there, and is null.
    for (const char* name : {"role", "leader", "applied", "uptime_s", "version"}) {
      object[name] = nullptr;
    }
    if (with_hash) object["state_hash"] = nullptr;
    return object;
  }
  add_status(object, row.status.value());
  const std::optional<client::StateHash>& hash = row.status.value().state_hash;
  if (with_hash) object["state_hash"] = hash ? Json(hash->hash) : Json();
  if (with_hash && hash) {
    object["state_hash_position"] = hash->position;
    object["state_hash_keys"] = hash->keys;
  }
  return object;
}

}  // namespace

ExitStatus run_replicas(const Options& options, Session& session) {
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report("replicas", client.status());
  const Result<client::ReplicaList> list = client.value()->replicas();
  if (!list.ok()) return report("replicas", list.status());
  if (options.format == OutputFormat::kJson) {
    Json json = Json::array();
    for (const ReplicaAddress& replica : list.value().replicas) {
      Json one;
      one["id"] = replica.id.value;
      one["host"] = replica.host;
      one["client_port"] = replica.client_port;
      one["peer_port"] = replica.peer_port;
      json.push_back(std::move(one));
    }
    write_output(to_text(json));
    return kExitOk;
  }
  std::vector<std::vector<std::string>> table = {{"id", "host", "client-port", "peer-port"}};
  // As a comment of the replicas file that the lines are.
  if (options.format == OutputFormat::kSimple) table[0][0] = "#id";
  for (const ReplicaAddress& replica : list.value().replicas) {
    table.push_back({std::to_string(replica.id.value), replica.host,
                     std::to_string(replica.client_port), std::to_string(replica.peer_port)});
  }
  write_output(to_table(table, options.format));
  return kExitOk;
}

ExitStatus run_status(const Options& options, Session& session) {
  const Result<std::vector<ReplicaAddress>> replicas = all_replicas(session);
  if (!replicas.ok()) return report("status", replicas.status());
  const std::vector<Row> rows = ask_all(replicas.value(), options);
  if (options.format == OutputFormat::kJson) {
    Json json = Json::array();
    for (const Row& row : rows) json.push_back(status_json(row, options.state_hash));
    write_output(to_text(json));
  } else {
    write_output(status_table(rows, options));
  }
  const auto failed =
      std::count_if(rows.begin(), rows.end(), [](const Row& row) { return !row.status.ok(); });
  if (failed == 0) return kExitOk;
  write_error(fmt::format("status: {} of {} replicas did not answer", failed, rows.size()));
  return kExitUnavailable;
}

}  // namespace rkv::cli
