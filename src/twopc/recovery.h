#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/log_record.h"
#include "twopc/records.h"

namespace rkv::twopc {

// What a replica's log says, read from its first record to the last.
struct LogContents {
  // A commit, as coordinator or as participant.
  struct Commit {
    Record::Type type = Record::Type::kDecided;  // or kCommitted
    TxnId id;
    Position position = 0;
    std::uint64_t prepared = 0;  // the record that it was prepared with; 0: none, or cut
    std::uint64_t number = 0;    // of its own record
    TransactionPtr transaction;  // null if it was cut, because the state holds it
    bool is_finished = false;    // of the coordinator's: every participant has it on disk
  };
  struct Prepared {
    TransactionPtr transaction;
    std::uint64_t number = 0;
  };

  Standing standing;
  std::vector<Commit> commits;             // in the order of their positions
  std::map<TxnId, Prepared> in_doubt;      // prepared, with no outcome
  std::map<TxnId, std::uint64_t> refused;  // and by which record
  std::vector<TxnId> aborted;
};

// Crashes on a log that no replica can have written: what it means is not known.
LogContents read_log(const RecoveredLog& log);

}  // namespace rkv::twopc
