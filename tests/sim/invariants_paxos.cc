#include "sim/invariants_paxos.h"

#include <variant>

namespace rkv::sim {

void PaxosInvariants::durable(ReplicaId replica, const LogBatch& batch) {
  votes.durable(replica, decode(batch));
}

void PaxosInvariants::decides(ReplicaId replica, const protocol::Effect& effect,
                              TimePoint /*now*/) {
  roles.decides(replica, effect);
  const auto* const apply = std::get_if<protocol::Apply>(&effect);
  if (apply == nullptr) return;
  states.applies(replica, apply->position, apply->command);
  votes.applied(replica, apply->position);
}

std::string PaxosInvariants::lacks(ReplicaId /*replica*/, Position applied) const {
  const paxos::Slot chosen = votes.chosen_prefix();
  return applied < chosen ? "has not applied slot " + std::to_string(chosen) : std::string();
}

void PaxosInvariants::count(Counters& counters) const {
  counters.elections += messages.elections();
  counters.slots_chosen += votes.chosen_count();
}

}  // namespace rkv::sim
