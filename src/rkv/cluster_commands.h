#pragma once

#include "rkv/exit_status.h"
#include "rkv/options.h"
#include "rkv/session.h"

namespace rkv::cli {

// replicas: the replicas of the cluster, as the first server that answers knows them.
ExitStatus run_replicas(const Options& options, Session& session);

// status [--state-hash]: how each replica of the cluster is. kExitUnavailable if not all answer.
ExitStatus run_status(const Options& options, Session& session);

}  // namespace rkv::cli
