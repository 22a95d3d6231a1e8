#pragma once

#include <cstddef>
#include <utility>

#include "sim/invariants_leases.h"
#include "sim/invariants_messages.h"
#include "sim/invariants_roles.h"
#include "sim/invariants_state.h"
#include "sim/invariants_votes.h"
#include "sim/violation.h"

namespace rkv::sim {

// Everything that must hold of paxos, looked at as it happens.
struct Invariants {
  Invariants(std::size_t replicas, Messages::IncarnationOf incarnation_of, Violation& violation)
      : votes(replicas, violation),
        messages(votes, std::move(incarnation_of), violation),
        states(replicas, votes, violation),
        leases(replicas, violation),
        roles(violation) {}

  Votes votes;
  Messages messages;
  States states;
  Leases leases;
  Roles roles;
};

}  // namespace rkv::sim
