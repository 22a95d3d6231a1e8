#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "twopc/transaction.h"

namespace rkv::twopc {

// What a replica says of its transactions.
struct View {
  // A transaction that this replica has voted for, and of which it does not know the outcome
  // although it should: its coordinator is down, or silent. Its keys stay locked until somebody
  // tells.
  struct InDoubt {
    TxnId id;
    std::string key;  // the first one that it locks
    TimePoint since;  // when this replica voted, or started
  };

  ReplicaId coordinator;      // of all writes; nobody: whoever is asked
  std::uint64_t waiting = 0;  // writes of clients that wait for a lock here, or to be tried again
  std::uint64_t voting = 0;   // writes sent to the others and not decided
  std::uint64_t unfinished = 0;  // decided to commit, and not acknowledged by every replica
  std::uint64_t prepared = 0;    // transactions of others that hold locks here, or wait for them
  std::uint64_t in_doubt_count = 0;
  std::vector<InDoubt> in_doubt;  // the first kInDoubtShownMax of them, oldest first
  std::uint64_t conflicts = 0;    // tries given up for an older write, since the start
  std::uint64_t aborted = 0;      // writes given up because a member did not vote, since the start
};
constexpr std::size_t kInDoubtShownMax = 16;

}  // namespace rkv::twopc
