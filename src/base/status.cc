#include "base/status.h"

namespace rkv {

std::string_view to_string(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kNotFound:
      return "not found";
    case StatusCode::kInvalid:
      return "invalid";
    case StatusCode::kUnavailable:
      return "not available";
    case StatusCode::kUnknown:
      return "outcome unknown";
    case StatusCode::kDenied:
      return "denied";
    case StatusCode::kOverLimit:
      return "over a limit";
    case StatusCode::kInternal:
      return "error";
    case StatusCode::kPartlyApplied:
      return "partly applied";
    case StatusCode::kBusy:
      return "busy";
    case StatusCode::kExpired:
      return "expired, outcome unknown";
    case StatusCode::kRevisionGone:
      return "revision gone";
  }
  RKV_CHECK(false, "status code out of range");
}

Certainty certainty_of(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return Certainty::kDone;
    case StatusCode::kNotFound:
    case StatusCode::kInvalid:
    case StatusCode::kUnavailable:
    case StatusCode::kDenied:
    case StatusCode::kOverLimit:
    case StatusCode::kBusy:
    case StatusCode::kRevisionGone:
      return Certainty::kNothingHappened;
    case StatusCode::kUnknown:
    case StatusCode::kInternal:
    case StatusCode::kPartlyApplied:
    case StatusCode::kExpired:
      return Certainty::kUnknown;
  }
  RKV_CHECK(false, "status code out of range");
}

std::string Status::to_string() const {
  if (ok()) return "ok";
  return std::string(rkv::to_string(code_)) + ": " + reason_;
}

}  // namespace rkv
