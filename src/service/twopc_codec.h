#pragma once

#include <kv.h>

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "protocol/message.h"

namespace rkv::service {

// Puts the messages of two-phase commit (twopc/message.h) into the unions of kv.x and takes them
// out again.

// Memory for what the wire type of one message refers to, beside the message itself.
struct TwoPcWireParts {
  std::vector<kv_txn> transactions;
  std::vector<kv_txn_submission> submissions;
  std::vector<kv_key> keys;  // of all of them, one after the other
  std::vector<kv_txn_vote> votes;
  std::vector<kv_txn_late_vote> late_votes;
  std::vector<kv_txn_outcome_of> decisions;
  std::vector<kv_txn_id> ids;
  std::vector<kv_txn_knowledge> knowledge;
  std::vector<kv_txn_submission_end> ends;
  std::vector<std::string> reasons;
};

// What is put into `wire` refers to `message` and `parts`; nothing of it may be xdr_free()d.
void twopc_message_to_wire(const protocol::Message& message, TwoPcWireParts& parts,
                           kv_peer_message& wire);
// `request` is the phase of what is answered.
void twopc_answer_to_wire(kv_phase request, const protocol::Message& answer, TwoPcWireParts& parts,
                          kv_peer_answer& wire);

// A request of replica `sender`, or an answer, whose phase is one of two-phase commit. Refuses
// (kInvalid, with a reason) what no replica sends: commands that are none, keys that are not those
// of their command, transactions of somebody else, numbers that are 0 or beyond every bound. What
// was asked is not known here: whether an answer fits its question is for who gets it to see.
Result<protocol::MessagePtr> twopc_message_from_wire(const kv_peer_message& wire, ReplicaId sender);
Result<protocol::MessagePtr> twopc_answer_from_wire(const kv_peer_answer& wire);

}  // namespace rkv::service
