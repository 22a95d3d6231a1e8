#pragma once

#include "base/status.h"
#include "rpc/channel.h"

namespace rkv::client {

// Whether a call may change something. The outcome of a read that got no answer is never in doubt:
// nothing happened.
enum class Effect { kReads, kWrites };

// Whether a call that ended so may be made again at another server: nothing came of it, and another
// server may do better. False when it was answered.
bool may_try_elsewhere(const rpc::CallOutcome& outcome, Effect effect);

// Why there is no answer: kUnavailable, kDenied or kInvalid when nothing happened, else kUnknown.
// For outcomes that are not kAnswered.
Status failure_of(const rpc::CallOutcome& outcome, Effect effect);

}  // namespace rkv::client
