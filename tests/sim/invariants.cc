#include "sim/invariants.h"

#include <utility>

#include "base/check.h"
#include "sim/invariants_forward.h"
#include "sim/invariants_paxos.h"
#include "sim/invariants_txn.h"

namespace rkv::sim {

std::unique_ptr<Invariants> make_invariants(Replication replication, std::size_t replicas,
                                            Facts facts, Violation& violation) {
  switch (replication) {
    case Replication::kPaxos:
      return std::make_unique<PaxosInvariants>(replicas, std::move(facts), violation);
    case Replication::kTwoPc:
      return std::make_unique<TxnInvariants>(replicas, facts, violation);
    case Replication::kForward:
      return std::make_unique<ForwardInvariants>(replicas, std::move(facts.saved_of), violation);
  }
  RKV_CHECK(false, "every protocol has its invariants");
}

}  // namespace rkv::sim
