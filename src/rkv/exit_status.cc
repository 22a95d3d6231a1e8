#include "rkv/exit_status.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace rkv::cli {

ExitStatus exit_status_of(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return kExitOk;
    case StatusCode::kNotFound:
      return kExitNotFound;
    case StatusCode::kInvalid:
      return kExitUsage;
    case StatusCode::kUnavailable:
    case StatusCode::kBusy:
    case StatusCode::kRevisionGone:
      return kExitUnavailable;
    case StatusCode::kUnknown:
    case StatusCode::kExpired:
      return kExitUnknown;
    case StatusCode::kDenied:
      return kExitDenied;
    case StatusCode::kOverLimit:
      return kExitOverLimit;
    case StatusCode::kInternal:
      return kExitError;
    case StatusCode::kPartlyApplied:
      return kExitPartlyApplied;
  }
  RKV_CHECK(false, "status code out of range");
}

ExitStatus worse_of(ExitStatus a, ExitStatus b) {
  // First what may have left replicas different or in doubt, then what went wrong with nothing
  // done.
  constexpr std::array kFromWorst = {kExitPartlyApplied, kExitUnknown,  kExitError,
                                     kExitUnavailable,   kExitDenied,   kExitOverLimit,
                                     kExitUsage,         kExitNotFound, kExitOk};
  return *std::find_if(kFromWorst.begin(), kFromWorst.end(),
                       [&](ExitStatus each) { return each == a || each == b; });
}

}  // namespace rkv::cli
