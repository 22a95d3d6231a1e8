#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "base/ids.h"
#include "base/time.h"
#include "protocol/message.h"

namespace rkv::protocol {

using ProposalId = std::uint64_t;  // a write that a client asked of this replica; from 1
using ReadId = std::uint64_t;      // a read that a client asked of this replica; from 1
using CallId = std::uint64_t;      // a message sent or received that wants an answer; from 1

// ---- What happens to a replica ----

// A client wants this command (opaque bytes) replicated. Ends with one Finish.
struct Propose {
  ProposalId proposal = 0;
  std::string command;
};

// A client wants to read. Ends with one AllowRead.
struct Read {
  ReadId read = 0;
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

using Event = std::variant<Propose, Read, Request, Answer, SendFailed, PeerUp, PeerDown>;

}  // namespace rkv::protocol
