#pragma once

#include "rkv/exit_status.h"
#include "rkv/options.h"
#include "rkv/session.h"

namespace rkv::cli {

// shell: the commands that are typed, or that standard input has line by line, with one client for
// all of them. From a terminal kExitOk; else the status of the worst failure.
ExitStatus run_shell(const Options& options, Session& session);

}  // namespace rkv::cli
