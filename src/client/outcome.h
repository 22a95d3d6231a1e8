#pragma once

#include <string_view>

#include "base/status.h"
#include "rpc/call_channel.h"

namespace rkv::client {

// Whether a call may change something. The outcome of a read that got no answer is never in doubt:
// nothing happened.
enum class Effect { kReads, kWrites };

// The end of a reason why something is not possible over UDP.
constexpr std::string_view kUseTcp = "; use TCP (rkv -t tcp)";

// Whether a call that ended so may be made again at another server: nothing came of it, and another
// server may do better. False when it was answered.
bool may_try_elsewhere(const rpc::CallOutcome& outcome, Effect effect);

// Why there is no answer: kUnavailable, kDenied, kInvalid or kOverLimit when nothing happened, else
// kUnknown.
// For outcomes that are not kAnswered.
Status failure_of(const rpc::CallOutcome& outcome, Effect effect);

}  // namespace rkv::client
