#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/replicas_config.h"
#include "base/status.h"
#include "base/time.h"
#include "client/options.h"
#include "client/server.h"
#include "rkv/option_table.h"
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
  // As the command line, the environment or the shell say it, for whichever command it concerns;
  // what is in force call() tells. max_staleness: of kEventual; 0: no bound.
  client::Consistency consistency = client::Consistency::kLinearizable;
  Duration max_staleness;
  std::optional<std::string> history_file;  // to which every call is recorded
  bool help = false;                        // --help
  bool version = false;                     // --version
  // The last argument is a value, or a file's name, whatever it begins with: "-" and "@" mean
  // nothing. Of the shell, where quotes say it.
  bool literal_value = false;

  // Of one command or a few; see option_table.cc.
  bool state_hash = false;
  bool if_absent = false;
  std::optional<std::uint64_t> if_version;
  std::optional<std::string> if_value;
  bool prev = false;
  std::optional<std::string> prefix;
  std::optional<std::string> from;
  std::optional<std::string> to;
  std::optional<std::uint64_t> limit;  // at least 1
  bool keys_only = false;
  bool count_only = false;
  bool reverse = false;
  bool resume = false;
  std::vector<GivenOption> given;  // those that stand there, for who checks them

  // Where servers are named: the text of -s or RKV_SERVERS, and the file of -f or RKV_REPLICAS.
  // Either, both or none; an option on the command line hides both variables.
  std::optional<std::string> servers_text;
  std::optional<std::string> replicas_file;

  // How an operation of the command is to be done: linearizable if it is none that takes a
  // consistency, and with a bound if it is eventual only.
  client::CallOptions call() const;
};

// Reads the command line; what is not on it is taken from the variables of option_table(). kInvalid
// with a line for the user when it makes no sense. Whether the command exists, has these options,
// and its arguments are right is not looked at.
Result<Options> parse_options(int argc, const char* const* argv);

// Takes what is given into `options`, on top of what they say already. kInvalid with a line for the
// user when a value makes no sense.
Status apply_options(std::vector<GivenOption> given, Options* options);

// kInvalid with a line for the user if one of the options that are given is none of the command's.
Status check_options(const Options& options);

// Which replicas a command is about.
struct Cluster {
  std::vector<client::Server> servers;   // to ask, in this order; at least one
  std::vector<ReplicaAddress> replicas;  // all there are, when a file says it; else empty
};

// Follows servers_text and replicas_file, which is read here; 127.0.0.1 when there is neither.
// kInvalid with a line for the user.
Result<Cluster> find_cluster(const Options& options);

}  // namespace rkv::cli
