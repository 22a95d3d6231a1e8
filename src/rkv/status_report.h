#pragma once

#include <string>
#include <vector>

#include "base/replicas_config.h"
#include "base/status.h"
#include "client/results.h"
#include "rkv/json.h"
#include "rkv/options.h"

namespace rkv::cli {

// One replica and what it says of itself, or why it says nothing.
struct StatusRow {
  ReplicaAddress replica;
  std::string address;
  Result<client::ReplicaStatus> status;
};

// What `rkv status` shows of these replicas, which are in the order of their ids: a table, drawn if
// the format is kTable, and below it a line for each transaction in doubt, for each replica that
// others say is down, and for each that is in trouble. Replicas of paxos have columns of their own,
// and so have those of 2pc.
std::string status_table(const std::vector<StatusRow>& rows, OutputFormat format, bool with_hash);

// The same for programs: a list with an object for each replica.
Json status_json(const std::vector<StatusRow>& rows, bool with_hash);

}  // namespace rkv::cli
