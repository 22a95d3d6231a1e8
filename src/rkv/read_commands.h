#pragma once

#include "rkv/exit_status.h"
#include "rkv/options.h"
#include "rkv/session.h"

namespace rkv::cli {

// get KEY..., or a range. Which options there are has been checked. kExitNotFound when one of the
// keys is not there; a range may be empty. In a shell, the value of a single key has a newline
// behind it.
ExitStatus run_get(const Options& options, Session& session);

}  // namespace rkv::cli
