#pragma once

#include "base/bytes.h"
#include "base/ids.h"
#include "protocol/event.h"

namespace rkv::paxos {

// What is chosen for a slot: a command, and whose client waits for it. Without a command it is a
// no-op, which fills a gap.
struct Value {
  ReplicaId origin;  // the replica that the client asked
  Incarnation incarnation = 0;
  protocol::ProposalId proposal = 0;  // its number there
  SharedBytes command;                // null: a no-op

  bool is_no_op() const { return command == nullptr; }
  std::size_t size() const { return command == nullptr ? 0 : command->size(); }
};

// Whether two values are the same one.
inline bool operator==(const Value& a, const Value& b) {
  if (a.is_no_op() || b.is_no_op()) return a.is_no_op() && b.is_no_op();
  return a.origin == b.origin && a.incarnation == b.incarnation && a.proposal == b.proposal &&
         *a.command == *b.command;
}

}  // namespace rkv::paxos
