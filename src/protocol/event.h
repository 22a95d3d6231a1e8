#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "protocol/message.h"

namespace rkv::protocol {

using ProposalId = std::uint64_t;  // a write that a client asked of this replica; from 1
using ReadId = std::uint64_t;      // a read that a client asked of this replica; from 1
using CallId = std::uint64_t;      // a message sent or received that wants an answer; from 1

// What may have to be durable before something is said. Of a protocol that keeps a log: the number
// of a Persist, counted from 1 since the start of the process. Of one that does not: the position
// of an Apply. 0: nothing.
using SyncPoint = std::uint64_t;

// ---- What happens to a replica ----

// A client wants this command (opaque bytes) replicated. Ends with one Finish.
struct Propose {
  ProposalId proposal = 0;
  SharedBytes command;
  // For a protocol that locks keys: those that the command is about, and the operation that it is.
  // Its client is 0 where it came without one.
  std::vector<std::string> keys = {};
  OperationId operation = {};
};

// A client wants to read. Ends with one AllowRead or RefuseRead.
struct Read {
  ReadId read = 0;
  std::string_view key = {};  // valid until the end of the read
};

// The answer to a Check of this replica.
struct Checked {
  CallId check = 0;
  // The state holds the reply to that operation, or knows that it is too old or of an epoch to
  // come.
  bool is_known = false;
  bool is_full =
      false;  // it is not known, and there is no room to remember it: it must not be done
};

// Another replica sent a message. Must be answered with one Respond.
struct Request {
  ReplicaId from;
  CallId call = 0;
  MessagePtr message;
};

// The answer to a Send of this replica.
struct Answer {
  ReplicaId from;
  CallId call = 0;
  MessagePtr message;
};

// There will be no answer to a Send of this replica. It may have been acted on all the same, unless
// `delivered_possible` is false.
struct SendFailed {
  ReplicaId to;
  CallId call = 0;
  bool delivered_possible = true;
  std::string reason;
};

// Another replica can be reached, or not (with a reason that names it). At the start each is down.
// A hint: what is said to be up may be gone already.
struct PeerUp {
  ReplicaId peer;
};
struct PeerDown {
  ReplicaId peer;
  std::string reason;
};

// This Persist, and every one before it, would survive a crash now.
struct Persisted {
  SyncPoint sync = 0;
};

// The state on disk stands for every position up to this one: the log is not needed for them.
struct StateSaved {
  Position position = 0;
};

// Whether the log's disk has room for more than what must be written in any case. At the start it
// has.
struct LogRoom {
  bool has_room = true;
};

using Event = std::variant<Propose, Read, Checked, Request, Answer, SendFailed, PeerUp, PeerDown,
                           Persisted, StateSaved, LogRoom>;

}  // namespace rkv::protocol
