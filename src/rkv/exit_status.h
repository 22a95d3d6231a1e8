#pragma once

#include "base/status.h"

namespace rkv::cli {

// What the command tells the shell. Part of its interface: scripts depend on the numbers.
enum ExitStatus : int {
  kExitOk = 0,
  kExitNotFound = 1,  // or a condition did not hold; nothing happened
  kExitUsage = 2,
  kExitUnavailable = 3,  // nothing happened
  kExitUnknown = 4,      // it may have happened, or may yet
  kExitDenied = 5,
  kExitOverLimit = 6,
  kExitError = 7,
  kExitPartlyApplied = 8,
};

ExitStatus exit_status_of(StatusCode code);

// Of two failures of parts of one command the one to report: what needs a person's attention most.
ExitStatus worse_of(ExitStatus a, ExitStatus b);

}  // namespace rkv::cli
