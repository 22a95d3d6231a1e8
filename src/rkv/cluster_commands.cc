#include "rkv/cluster_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "client/client.h"
#include "client/status_query.h"
#include "rkv/json.h"
#include "rkv/output.h"
#include "rkv/status_report.h"

namespace rkv::cli {
namespace {

Result<std::vector<ReplicaAddress>> all_replicas(const Options& options, Session& session) {
  const Result<const Cluster*> cluster = session.cluster();
  if (!cluster.ok()) return cluster.status();
  if (!cluster.value()->replicas.empty()) return cluster.value()->replicas;
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return client.status();
  Result<client::ReplicaList> list = client.value()->replicas(options.call());
  if (!list.ok()) return list.status();
  return std::move(list.value().replicas);
}

std::vector<StatusRow> ask_all(const std::vector<ReplicaAddress>& replicas,
                               const Options& options) {
  const std::vector<client::Server> servers = client::servers_of(replicas);
  std::vector<Result<client::ReplicaStatus>> answers =
      client::ask_status(servers, options.state_hash, options.timeout, options.transport);
  std::vector<StatusRow> rows;
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    StatusRow row{replicas[i], servers[i].name(), std::move(answers[i])};
    if (row.status.ok() && row.status.value().replica != row.replica.id) {
      row.status =
          Status::unavailable(fmt::format("replica {} answers there, not replica {}",
                                          row.status.value().replica.value, row.replica.id.value));
    }
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(),
            [](const StatusRow& a, const StatusRow& b) { return a.replica.id < b.replica.id; });
  return rows;
}

}  // namespace

ExitStatus run_replicas(const Options& options, Session& session) {
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report("replicas", client.status());
  const Result<client::ReplicaList> list = client.value()->replicas(options.call());
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
  write_output(render_table(table, options.format));
  return kExitOk;
}

ExitStatus run_status(const Options& options, Session& session) {
  const Result<std::vector<ReplicaAddress>> replicas = all_replicas(options, session);
  if (!replicas.ok()) return report("status", replicas.status());
  const std::vector<StatusRow> rows = ask_all(replicas.value(), options);
  write_output(options.format == OutputFormat::kJson
                   ? to_text(status_json(rows, options.state_hash))
                   : status_table(rows, options.format, options.state_hash));
  const auto failed = std::count_if(rows.begin(), rows.end(),
                                    [](const StatusRow& row) { return !row.status.ok(); });
  if (failed == 0) return kExitOk;
  write_error(fmt::format("status: {} of {} replicas did not answer", failed, rows.size()));
  return kExitUnavailable;
}

}  // namespace rkv::cli
