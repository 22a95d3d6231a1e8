#pragma once

#include "rkv/exit_status.h"
#include "rkv/options.h"
#include "rkv/session.h"

namespace rkv::cli {

// dump [FILE|-]: all keys, or those of a range, in the form that load takes. Under paxos they are
// of one revision. Shows a progress line where a person sees it.
ExitStatus run_dump(const Options& options, Session& session);

}  // namespace rkv::cli
