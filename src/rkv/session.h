#pragma once

#include <memory>
#include <optional>

#include "base/status.h"
#include "client/client.h"
#include "rkv/options.h"

namespace rkv::cli {

// What the commands of one run of rkv share: in the shell many, else one.
class Session {
 public:
  enum class Kind { kOneCommand, kShell };

  // `options`: what the command line of this run says. Connects to nothing.
  explicit Session(Options options, Kind kind = Kind::kOneCommand);

  const Options& options() const { return options_; }
  // Whether the command comes from a line of a shell, and not from the command line.
  bool in_shell() const { return kind_ == Kind::kShell; }

  // The cluster, found when it is first asked for and the same from then on; see find_cluster().
  Result<const Cluster*> cluster();
  // The client of that cluster, which keeps its connections.
  Result<client::Client*> client();

 private:
  const Options options_;
  const Kind kind_;
  std::optional<Cluster> cluster_;
  std::unique_ptr<client::Client> client_;
};

}  // namespace rkv::cli
