#include "sim/invariants_txn.h"

#include <optional>

#include "sim/txn_text.h"

namespace rkv::sim {

std::string TxnInvariants::lacks(ReplicaId replica, Position applied) const {
  const std::optional<twopc::TxnId> undecided = transactions.undecided(replica);
  if (undecided) return "does not know what became of transaction " + to_string(*undecided);
  if (applied < transactions.committed_count()) {
    return "has not applied all of " + std::to_string(transactions.committed_count()) +
           " transactions";
  }
  return {};
}

void TxnInvariants::count(Counters& counters) const {
  counters.transactions += transactions.begun_count();
  counters.commits += transactions.committed_count();
  counters.aborts += transactions.aborted_count();
  conduct.count(counters);
}

}  // namespace rkv::sim
