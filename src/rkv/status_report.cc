#include "rkv/status_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "rkv/output.h"

namespace rkv::cli {
namespace {

using Cells = std::vector<std::string>;

// "42s", "5m03s", "2h05m" or "3d04h".
std::string short_duration(Duration duration) {
  const std::int64_t s = duration.ns / 1'000'000'000;
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d{:02}h", s / 86400, s / 3600 % 24);
}

// "0KiB", "17KiB", "3.5MiB"; what is not whole KiB is rounded up.
std::string short_size(std::uint64_t bytes) {
  constexpr std::uint64_t kKib = 1024;
  const std::uint64_t kib = bytes / kKib + (bytes % kKib == 0 ? 0 : 1);
  if (kib < kKib) return fmt::format("{}KiB", kib);
  return fmt::format("{:.1f}MiB", static_cast<double>(kib) / static_cast<double>(kKib));
}

std::string id_or_none(ReplicaId id) { return id.value == 0 ? "-" : std::to_string(id.value); }

std::string ballot_or_none(const client::PaxosBallot& ballot) {
  return ballot.round == 0 ? "-" : fmt::format("{}.{}", ballot.round, ballot.replica.value);
}

bool leads(const client::ReplicaStatus& status) { return status.role == "leader"; }

// The highest slot that any replica knows to be chosen; 0 if no replica of paxos has answered.
Position highest_chosen(const std::vector<StatusRow>& rows) {
  Position highest = 0;
  for (const StatusRow& row : rows) {
    if (row.status.ok() && row.status.value().paxos) {
      highest = std::max(highest, row.status.value().paxos->chosen);
    }
  }
  return highest;
}

// How many chosen slots this replica has still to apply, as far as anybody who answered knows.
Position lag_of(const client::ReplicaStatus& status, Position chosen) {
  return chosen - std::min(chosen, status.applied);
}

// ---- the tables ---------------------------------------------------------------------------------

// Of whose columns there is a table. Of several protocols among the replicas the first one here.
enum class Columns { kPaxos, kTwoPc, kPlain };

Columns columns_of(const std::vector<StatusRow>& rows) {
  Columns columns = Columns::kPlain;
  for (const StatusRow& row : rows) {
    if (!row.status.ok()) continue;
    if (row.status.value().paxos) return Columns::kPaxos;
    if (row.status.value().twopc) columns = Columns::kTwoPc;
  }
  return columns;
}

// What a person looks for first is on the left; what is not here is in JSON.
Cells head(Columns columns) {
  switch (columns) {
    case Columns::kPaxos:
      return {"id",     "address", "role",    "leader", "ballot", "lag",     "applied",
              "chosen", "synced",  "flushed", "lease",  "log",    "election"};
    case Columns::kTwoPc:
      return {"id",       "address",    "role",    "waiting", "voting", "prepared",
              "in-doubt", "unfinished", "applied", "flushed", "keys",   "log"};
    case Columns::kPlain:
      break;
  }
  return {"id",      "address", "state", "role",    "leader",
          "applied", "flushed", "keys",  "version", "uptime"};
}

Cells plain_cells(const client::ReplicaStatus& status) {
  return {"up",
          status.role,
          id_or_none(status.leader),
          std::to_string(status.applied),
          std::to_string(status.durable),
          std::to_string(status.keys),
          status.software,
          short_duration(status.uptime)};
}

Cells paxos_cells(const client::ReplicaStatus& status, Position chosen) {
  // One of another protocol does not belong to this cluster, and is shown as far as it can be.
  const client::PaxosStatus paxos = status.paxos.value_or(client::PaxosStatus());
  const std::string election =
      paxos.elections == 0
          ? "-"
          : fmt::format("{} ({})", short_duration(paxos.election_age), paxos.elections);
  return {status.role,
          id_or_none(status.leader),
          ballot_or_none(paxos.ballot),
          std::to_string(lag_of(status, chosen)),
          std::to_string(status.applied),
          std::to_string(paxos.chosen),
          std::to_string(paxos.synced),
          std::to_string(status.durable),
          leads(status) ? fmt::format("{}ms", paxos.lease.ms()) : "-",
          short_size(paxos.log_bytes),
          election};
}

Cells twopc_cells(const client::ReplicaStatus& status) {
  // As for paxos.
  const client::TwoPcStatus twopc = status.twopc.value_or(client::TwoPcStatus());
  return {status.role,
          std::to_string(twopc.waiting),
          std::to_string(twopc.voting),
          std::to_string(twopc.prepared),
          std::to_string(twopc.in_doubt_count),
          std::to_string(twopc.unfinished),
          std::to_string(status.applied),
          std::to_string(status.durable),
          std::to_string(status.keys),
          short_size(twopc.log_bytes)};
}

Cells cells_of(Columns columns, const client::ReplicaStatus& status, Position chosen) {
  switch (columns) {
    case Columns::kPaxos:
      return paxos_cells(status, chosen);
    case Columns::kTwoPc:
      return twopc_cells(status);
    case Columns::kPlain:
      break;
  }
  return plain_cells(status);
}

// For each transaction that replicas say is in doubt: at which of them, for how long, and whose it
// is.
std::string describe_in_doubt(const std::vector<StatusRow>& rows) {
  struct Seen {
    std::string by;
    const client::InDoubt* longest = nullptr;
  };
  std::map<std::tuple<ReplicaId, Incarnation, std::uint64_t>, Seen> all;
  std::string rest;
  for (const StatusRow& row : rows) {
    if (!row.status.ok() || !row.status.value().twopc) continue;
    const client::TwoPcStatus& twopc = *row.status.value().twopc;
    for (const client::InDoubt& each : twopc.in_doubt) {
      Seen& seen = all[{each.coordinator, each.incarnation, each.number}];
      seen.by += fmt::format("{}{}", seen.by.empty() ? "" : ", ", row.replica.id.value);
      if (seen.longest == nullptr || seen.longest->since < each.since) seen.longest = &each;
    }
    if (twopc.in_doubt_count > twopc.in_doubt.size()) {
      rest += fmt::format("replica {} is in doubt about {} more\n", row.replica.id.value,
                          twopc.in_doubt_count - twopc.in_doubt.size());
    }
  }
  std::string text;
  for (const auto& [id, seen] : all) {
    const client::InDoubt& it = *seen.longest;
    text += fmt::format(
        "key {} is in doubt at {}, for {}: replica {} coordinates it (transaction {}.{}.{})\n",
        printable(it.key), seen.by, short_duration(it.since), it.coordinator.value,
        it.coordinator.value, it.incarnation, it.number);
  }
  return text + rest;
}

// For each replica that others cannot reach: who says so, and why.
std::string describe_down_peers(const std::vector<StatusRow>& rows) {
  struct Down {
    std::string seen_by;
    const client::PeerStatus* first = nullptr;
  };
  std::map<ReplicaId, Down> downs;
  for (const StatusRow& row : rows) {
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

std::string describe_trouble(const std::vector<StatusRow>& rows) {
  std::string text;
  for (const StatusRow& row : rows) {
    if (!row.status.ok() || row.status.value().trouble.empty()) continue;
    text += fmt::format("replica {} is in trouble: {}\n", row.replica.id.value,
                        row.status.value().trouble);
  }
  return text;
}

// ---- JSON ---------------------------------------------------------------------------------------

double seconds_of(Duration duration) { return static_cast<double>(duration.ms()) / 1000; }

Json ballot_json(const client::PaxosBallot& ballot) {
  if (ballot.round == 0) return {};
  return {{"round", ballot.round}, {"replica", ballot.replica.value}};
}

void add_paxos(Json& object, const client::ReplicaStatus& status, Position chosen) {
  const client::PaxosStatus& paxos = *status.paxos;
  object["ballot"] = ballot_json(paxos.ballot);
  object["promised"] = ballot_json(paxos.promised);
  object["chosen"] = paxos.chosen;
  object["synced"] = paxos.synced;
  object["cut"] = paxos.cut;
  object["lag"] = lag_of(status, chosen);
  object["lease_ms"] = leads(status) ? Json(paxos.lease.ms()) : Json();
  object["elections"] = paxos.elections;
  object["last_election_age_s"] =
      paxos.elections == 0 ? Json() : Json(seconds_of(paxos.election_age));
  object["log_bytes"] = paxos.log_bytes;
}

void add_twopc(Json& object, const client::TwoPcStatus& twopc) {
  object["coordinator"] = twopc.coordinator.value == 0 ? Json() : Json(twopc.coordinator.value);
  object["waiting"] = twopc.waiting;
  object["voting"] = twopc.voting;
  object["prepared"] = twopc.prepared;
  object["unfinished"] = twopc.unfinished;
  object["in_doubt_count"] = twopc.in_doubt_count;
  object["in_doubt"] = Json::array();
  for (const client::InDoubt& each : twopc.in_doubt) {
    Json one;
    one["coordinator"] = each.coordinator.value;
    one["incarnation"] = each.incarnation;
    one["number"] = each.number;
    add_bytes(one, "key", each.key);
    one["since_s"] = seconds_of(each.since);
    object["in_doubt"].push_back(std::move(one));
  }
  object["conflicts"] = twopc.conflicts;
  object["aborted"] = twopc.aborted;
  object["log_bytes"] = twopc.log_bytes;
}

void add_status(Json& object, const client::ReplicaStatus& status, Position chosen) {
  object["role"] = status.role;
  object["leader"] = status.leader.value == 0 ? Json() : Json(status.leader.value);
  object["applied"] = status.applied;
  object["flushed"] = status.durable;
  object["keys"] = status.keys;
  object["version"] = status.software;
  object["uptime_s"] = seconds_of(status.uptime);
  object["cluster"] = status.cluster.to_string();
  object["incarnation"] = status.incarnation;
  object["replication"] = status.replication;
  object["trouble"] = status.trouble;
  if (status.paxos) add_paxos(object, status, chosen);
  if (status.twopc) add_twopc(object, *status.twopc);
  object["peers"] = Json::array();
  for (const client::PeerStatus& peer : status.peers) {
    Json one;
    one["id"] = peer.id.value;
    one["up"] = peer.up;
    one["reason"] = peer.reason;
    one["since_s"] = seconds_of(peer.since);
    object["peers"].push_back(std::move(one));
  }
  object["counters"] = Json::object();
  for (const auto& [name, value] : status.counters) object["counters"][name] = value;
}

Json row_json(const StatusRow& row, Position chosen, bool with_hash) {
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
  add_status(object, row.status.value(), chosen);
  const std::optional<client::StateHash>& hash = row.status.value().state_hash;
  if (with_hash) object["state_hash"] = hash ? Json(hash->hash) : Json();
  if (with_hash && hash) {
    object["state_hash_position"] = hash->position;
    object["state_hash_keys"] = hash->keys;
  }
  return object;
}

}  // namespace

std::string status_table(const std::vector<StatusRow>& rows, OutputFormat format, bool with_hash) {
  const Columns columns = columns_of(rows);
  const Position chosen = highest_chosen(rows);
  std::vector<Cells> table = {head(columns)};
  table.reserve(rows.size() + 1);
  if (with_hash) table.front().emplace_back("state-hash");
  for (const StatusRow& row : rows) {
    Cells cells = {std::to_string(row.replica.id.value), row.address};
    if (!row.status.ok()) {
      cells.emplace_back("unreachable");
      cells.push_back(row.status.status().reason());
    } else {
      const client::ReplicaStatus& status = row.status.value();
      const Cells more = cells_of(columns, status, chosen);
      cells.insert(cells.end(), more.begin(), more.end());
      if (with_hash) cells.push_back(status.state_hash ? status.state_hash->hash : "-");
    }
    table.push_back(std::move(cells));
  }
  return render_table(table, format) + describe_in_doubt(rows) + describe_down_peers(rows) +
         describe_trouble(rows);
}

Json status_json(const std::vector<StatusRow>& rows, bool with_hash) {
  const Position chosen = highest_chosen(rows);
  Json list = Json::array();
  for (const StatusRow& row : rows) list.push_back(row_json(row, chosen, with_hash));
  return list;
}

}  // namespace rkv::cli
