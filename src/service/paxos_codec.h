#pragma once

#include <kv.h>

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "protocol/message.h"

namespace rkv::service {

// Puts the messages of Paxos (paxos/message.h) into the unions of kv.x and takes them out again.

// Memory for what the wire type of one message refers to, beside the message itself.
struct PaxosWireParts {
  std::vector<kv_paxos_value> values;
  std::vector<kv_paxos_vote> votes;
  std::string reason;
};

// What is put into `wire` refers to `message` and `parts`; nothing of it may be xdr_free()d.
void paxos_message_to_wire(const protocol::Message& message, PaxosWireParts& parts,
                           kv_peer_message& wire);
void paxos_answer_to_wire(const protocol::Message& answer, PaxosWireParts& parts,
                          kv_peer_answer& wire);

// A request of replica `sender`, or an answer, whose phase is one of Paxos. Refuses (kInvalid, with
// a reason) what no replica sends: commands that are none, ballots of somebody else, slots beyond
// every bound.
Result<protocol::MessagePtr> paxos_message_from_wire(const kv_peer_message& wire, ReplicaId sender);
Result<protocol::MessagePtr> paxos_answer_from_wire(const kv_peer_answer& wire);

}  // namespace rkv::service
