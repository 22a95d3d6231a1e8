#pragma once

#include "rkv/exit_status.h"
#include "rkv/options.h"

namespace rkv::cli {

// put KEY VALUE|-|@FILE, get KEY, del KEY. The number of arguments has been checked.
ExitStatus run_put(const Options& options);
ExitStatus run_get(const Options& options);
ExitStatus run_del(const Options& options);

}  // namespace rkv::cli
