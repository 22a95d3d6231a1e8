#pragma once

#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log_record.h"
#include "base/status.h"
#include "protocol/event.h"
#include "protocol/message.h"

namespace rkv::protocol {

// ---- What a replica is to do, as decided by its protocol ----
//
// Persist, then speak: an effect that tells someone something names, as `after`, what must be
// durable at this replica before it may happen; 0 is "at once". Whoever carries the effects out
// holds it back until then, so that no protocol and no option can speak too early.

// Append this batch to the log. The first one since the start of the process is number 1.
struct Persist {
  LogBatch batch;
};

// Apply a command to the state at this position, which is the last one plus 1.
struct Apply {
  Position position = 0;
  SharedBytes command;      // null: nothing is to be done at this position
  ProposalId proposal = 0;  // whose result this is; 0: nobody here waits for it
};

// Ask the state, as left by every Apply before this, whether it knows an operation (whose client is
// not 0). One Checked comes back. If it does, and a client waits here for the proposal, the reply
// that the state holds is what a Finish without a failure tells it.
struct Check {
  CallId check = 0;
  OperationId operation;
  ProposalId proposal = 0;  // 0: nobody here waits for it
};

// Send a message that wants an answer: one Answer or SendFailed with this call comes back.
struct Send {
  ReplicaId to;
  CallId call = 0;
  MessagePtr message;
  SyncPoint after = 0;
};

// Answer the Request with this call.
struct Respond {
  CallId call = 0;
  MessagePtr message;
  SyncPoint after = 0;
};

// Tell the client how its proposal ended. On success the client gets the result of the proposal's
// Apply. With kPartlyApplied, `missing` are the replicas that may not have applied it.
struct Finish {
  ProposalId proposal = 0;
  Status status;
  std::vector<ReplicaId> missing;
  SyncPoint after = 0;
};

// Read this replica's own state now and answer the client.
struct AllowRead {
  ReadId read = 0;
};

// Tell the client that it cannot be answered, and why.
struct RefuseRead {
  ReadId read = 0;
  Status status;
};

// The log is not needed any more up to this slot.
struct CutLog {
  Position slot = 0;
};

using Effect =
    std::variant<Persist, Apply, Check, Send, Respond, Finish, AllowRead, RefuseRead, CutLog>;
using Effects = std::vector<Effect>;

}  // namespace rkv::protocol
