#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/replicas_config.h"
#include "base/status.h"
#include "base/time.h"
#include "client/server.h"
#include "rpc/endpoint.h"

namespace rkv::cli {

// kTable: drawn tables where there is a table, else as kSimple.
enum class OutputFormat { kSimple, kTable, kJson };

// What the command line and the environment ask for.
struct Options {
  std::string command;                 // empty: none was given
  std::vector<std::string> arguments;  // of the command
  OutputFormat format = OutputFormat::kSimple;
  Duration timeout = seconds(10);
  rpc::Transport transport = rpc::Transport::kTcp;
  bool state_hash = false;
  bool help = false;     // --help
  bool version = false;  // --version
  // The last argument is a value, or a file's name, whatever it begins with: "-" and "@" mean
  // nothing. Of the shell, where quotes say it.
  bool literal_value = false;

  // Where servers are named: the text of -s or RKV_SERVERS, and the file of -f or RKV_REPLICAS.
  // Either, both or none; an option on the command line hides both variables.
  std::optional<std::string> servers_text;
  std::optional<std::string> replicas_file;
};

// Reads the command line; what is not on it is taken from RKV_SERVERS, RKV_REPLICAS, RKV_TIMEOUT,
// RKV_TRANSPORT and RKV_OUTPUT. kInvalid with a line for the user when it makes no sense. Whether
// the command exists and its arguments are right is not looked at.
Result<Options> parse_options(int argc, const char* const* argv);

// The format of that name; kInvalid with a line for the user, in which `setting` is what was set.
Result<OutputFormat> parse_format(const std::string& setting, const std::string& text);

// Which replicas a command is about.
struct Cluster {
  std::vector<client::Server> servers;   // to ask, in this order; at least one
  std::vector<ReplicaAddress> replicas;  // all there are, when a file says it; else empty
};

// Follows servers_text and replicas_file, which is read here; 127.0.0.1 when there is neither.
// kInvalid with a line for the user.
Result<Cluster> find_cluster(const Options& options);

}  // namespace rkv::cli
