#pragma once

#include "rkv/exit_status.h"
#include "rkv/options.h"
#include "rkv/session.h"

namespace rkv::cli {

// txn [FILE|-]: a transaction from a file, from standard input, typed at a terminal, or from the
// next lines of a shell. kExitOk when every condition held, kExitNotFound when one did not.
ExitStatus run_txn(const Options& options, Session& session);

}  // namespace rkv::cli
