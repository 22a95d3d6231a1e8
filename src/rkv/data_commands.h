#pragma once

#include "rkv/exit_status.h"
#include "rkv/options.h"
#include "rkv/session.h"

namespace rkv::cli {

// put KEY VALUE|-|@FILE, get KEY, del KEY. The number of arguments has been checked.
// In a shell, get adds a newline to what it prints as it is.
ExitStatus run_put(const Options& options, Session& session);
ExitStatus run_get(const Options& options, Session& session);
ExitStatus run_del(const Options& options, Session& session);

}  // namespace rkv::cli
