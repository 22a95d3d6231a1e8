#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "paxos/acceptor.h"
#include "paxos/records.h"
#include "paxos/value.h"
#include "protocol/protocol.h"

namespace rkv::paxos {

// What the roles of a replica begin with after a start.
struct RecoveredRoles {
  Standing standing;
  std::deque<Value> kept;       // chosen values of slots that end with what the state stands for
  std::vector<Value> to_apply;  // chosen values of the slots behind that
  std::map<Slot, Acceptor::Vote> votes;
  std::optional<Slot> lost_up_to;  // see Acceptor::recover()
};

// Reads what a replica's log and state tell: which values are chosen, and how it has voted.
RecoveredRoles recover_roles(const protocol::Recovery& recovery);

}  // namespace rkv::paxos
