#pragma once

#include "rkv/exit_status.h"
#include "rkv/options.h"
#include "rkv/session.h"

namespace rkv::cli {

// put KEY VALUE|-|@FILE, del KEY or a range, incr KEY [N], append KEY VALUE|-|@FILE. The number of
// arguments and which options there are has been checked. kExitNotFound when a condition does not
// hold.
ExitStatus run_put(const Options& options, Session& session);
ExitStatus run_del(const Options& options, Session& session);
ExitStatus run_incr(const Options& options, Session& session);
ExitStatus run_append(const Options& options, Session& session);

}  // namespace rkv::cli
