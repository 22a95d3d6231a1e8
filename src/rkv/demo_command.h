#pragma once

#include "rkv/exit_status.h"
#include "rkv/options.h"
#include "rkv/session.h"

namespace rkv::cli {

// demo: five puts, five gets and five deletes, each shown, of keys that nobody uses. Ends at the
// first failure, with its status. Removes what it has put, also then and when a signal ends it.
ExitStatus run_demo(const Options& options, Session& session);

}  // namespace rkv::cli
