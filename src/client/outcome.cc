#include "client/outcome.h"

#include <string>

namespace rkv::client {
namespace {

using Kind = rpc::CallOutcome::Kind;

// Whether the server does not offer the procedure at all, so that another one may.
bool is_not_offered(const rpc::CallOutcome& outcome) {
  switch (outcome.error.re_status) {
    case RPC_PROGUNAVAIL:
    case RPC_PROGVERSMISMATCH:
    case RPC_PROCUNAVAIL:
    case RPC_VERSMISMATCH:
      return true;
    default:
      return false;
  }
}

// Whether it is too long for the transport, whichever server is asked.
bool is_too_long(const rpc::CallOutcome& outcome) {
  return outcome.kind == Kind::kNotSent && outcome.error.re_status == RPC_CANTENCODEARGS;
}

}  // namespace

bool may_try_elsewhere(const rpc::CallOutcome& outcome, Effect effect) {
  switch (outcome.kind) {
    case Kind::kAnswered:
      return false;
    case Kind::kNotSent:
      return !is_too_long(outcome);
    case Kind::kRefused:
      return is_not_offered(outcome);
    case Kind::kUnknown:
      return effect == Effect::kReads;
  }
  RKV_CHECK(false, "kind of outcome out of range");
}

Status failure_of(const rpc::CallOutcome& outcome, Effect effect) {
  RKV_CHECK(!outcome.answered(), "an answered call has not failed");
  if (outcome.kind == Kind::kUnknown) {
    return effect == Effect::kWrites ? Status::unknown(outcome.reason)
                                     : Status::unavailable(outcome.reason);
  }
  if (is_too_long(outcome)) {
    return {StatusCode::kOverLimit, outcome.reason + std::string(kUseTcp)};
  }
  if (outcome.kind == Kind::kRefused && outcome.error.re_status == RPC_AUTHERROR) {
    return {StatusCode::kDenied, outcome.reason};
  }
  if (outcome.kind == Kind::kRefused && outcome.error.re_status == RPC_CANTDECODEARGS) {
    return Status::invalid(outcome.reason);
  }
  return Status::unavailable(outcome.reason);
}

}  // namespace rkv::client
