#pragma once

#include "rkv/exit_status.h"
#include "rkv/options.h"
#include "rkv/session.h"

namespace rkv::cli {

// load DIR|FILE|-: many puts, pipelined. The status of the worst failure. Shows a
// progress line where a person sees it.
ExitStatus run_load(const Options& options, Session& session);

}  // namespace rkv::cli
