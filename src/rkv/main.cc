#include <fmt/format.h>

#include "rkv/commands.h"
#include "rkv/exit_status.h"
#include "rkv/options.h"
#include "rkv/output.h"
#include "rkv/session.h"

namespace rkv::cli {
namespace {

ExitStatus run(int argc, const char* const* argv) {
  const Result<Options> options = parse_options(argc, argv);
  if (!options.ok()) {
    write_error(fmt::format("{}; see 'rkv help'", options.status().reason()));
    return kExitUsage;
  }
  Session session(options.value());
  const ExitStatus status = run_command(options.value(), session);
  if (const Status recorded = session.history_status(); !recorded.ok()) {
    return worse_of(status, report("history", recorded));
  }
  return status;
}

}  // namespace
}  // namespace rkv::cli

// SIGPIPE keeps its meaning: a reader that goes away ends the command quietly, as with any other
// tool. Where it is ignored, the failed write is reported instead. Sockets never raise it.
int main(int argc, char** argv) { return rkv::cli::close_output(rkv::cli::run(argc, argv)); }
