#pragma once

#include "rkv/exit_status.h"
#include "rkv/options.h"
#include "rkv/session.h"

namespace rkv::cli {

// Runs options.command with its arguments, or shows the help or the version that the options ask
// for. What is wrong with them, or goes wrong, is on standard error when this returns.
ExitStatus run_command(const Options& options, Session& session);

}  // namespace rkv::cli
