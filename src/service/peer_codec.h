#pragma once

#include <kv.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "protocol/message.h"
#include "service/cluster.h"
#include "service/paxos_codec.h"
#include "service/twopc_codec.h"

namespace rkv::service {

// Puts messages of the protocols into the unions of kv.x and takes them out again.

// A message on its way out. What `wire` refers to belongs to this object and to the message.
class OutgoingMessage {
 public:
  explicit OutgoingMessage(const protocol::Message& message);
  OutgoingMessage(const OutgoingMessage&) = delete;
  OutgoingMessage& operator=(const OutgoingMessage&) = delete;
  const kv_peer_message& wire() const { return wire_; }

 private:
  kv_peer_message wire_{};
  std::vector<kv_command> commands_;
  PaxosWireParts paxos_parts_;
  TwoPcWireParts twopc_parts_;
};

// The same for an answer. `request` is the phase of what it answers: there are answers that serve
// several.
class OutgoingAnswer {
 public:
  OutgoingAnswer(kv_phase request, const protocol::Message& answer);
  OutgoingAnswer(const OutgoingAnswer&) = delete;
  OutgoingAnswer& operator=(const OutgoingAnswer&) = delete;
  const kv_peer_answer& wire() const { return wire_; }

 private:
  kv_peer_answer wire_{};
  PaxosWireParts paxos_parts_;
  TwoPcWireParts twopc_parts_;
};

// A request of replica `sender`, of the protocol of its cluster; validates its commands.
// KV_PHASE_HELLO is not a protocol's message.
Result<protocol::MessagePtr> message_from_wire(Replication replication, ReplicaId sender,
                                               const kv_peer_message& wire);
// The answer to a message that went out as `request`; refuses that to any other.
Result<protocol::MessagePtr> answer_from_wire(kv_phase request, const kv_peer_answer& wire);

// What goes before a message to `recipient`.
kv_envelope envelope_to_wire(const Cluster& cluster, ReplicaId recipient);

// Whether a message is for this replica and from one of its cluster. If not, the kv_status to
// refuse it with, and a reason.
struct EnvelopeCheck {
  kv_status status = KV_OK;
  std::string reason;
};
EnvelopeCheck check_envelope(const Cluster& cluster, const kv_envelope& envelope);

// Whether what RPUT came to is an answer of replica `peer` to this one. If not, kUnavailable when
// the message did nothing there, and kUnknown when it may have; the reason is one printable line.
Status check_answer(const Cluster& cluster, ReplicaId peer, const kv_rput_result& result);

}  // namespace rkv::service
