#pragma once

#include <memory>
#include <optional>

#include "base/status.h"
#include "client/client.h"
#include "client/history_recorder.h"
#include "rkv/line_source.h"
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

  // Where the shell's lines come from, for commands that have more than one; not owned. None
  // outside of a shell.
  LineSource* lines() const { return lines_; }
  void set_lines(LineSource* lines) { lines_ = lines; }

  // The cluster, found when it is first asked for and the same from then on; see find_cluster().
  Result<const Cluster*> cluster();
  // The client of that cluster, which keeps its connections. It asks the servers that are named,
  // and no others.
  Result<client::Client*> client();
  // Where calls are recorded, opened when it is first asked for; none if nobody wants that.
  Result<client::HistoryRecorder*> recorder();
  // Success, or why not all calls could be recorded.
  Status history_status() const;

 private:
  const Options options_;
  const Kind kind_;
  LineSource* lines_ = nullptr;
  std::optional<Cluster> cluster_;
  std::unique_ptr<client::HistoryRecorder> recorder_;
  std::unique_ptr<client::Client> client_;
};

}  // namespace rkv::cli
