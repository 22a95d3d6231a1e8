#pragma once

#include "rkv/exit_status.h"
#include "rkv/options.h"

namespace rkv::cli {

// load DIR|FILE|-: many puts, pipelined. The status of the worst failure.
ExitStatus run_load(const Options& options);

}  // namespace rkv::cli
