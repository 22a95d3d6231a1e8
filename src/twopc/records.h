#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/log_record.h"
#include "twopc/transaction.h"

namespace rkv::twopc {

// ---- What a replica has on disk ----
//
// A record's slot is its number in this replica's log, from 1: of no meaning to others.

struct Record {
  enum class Type : std::uint32_t {
    kPrepared = 1,  // a participant's: it votes yes, and holds the locks until it knows the outcome
    kDecided = 2,   // the coordinator's: commit. What it has not written down it has not decided
    kCommitted = 3,  // a participant's: it knows that a prepared transaction was committed
    kAborted = 4,    // the same, aborted
    kRefused = 5,    // a participant's: it has not voted for this transaction, and never will
    kFinished = 6,   // the coordinator's: every participant has its commit on disk
  };
  Type type = Type::kPrepared;
  std::uint64_t number = 0;  // of the record
  TxnId id;
  // Of kDecided and kCommitted: the transaction is the write that this replica applies as this one.
  Position position = 0;
  TransactionPtr transaction;  // of kPrepared and kDecided, else null
};
LogRecord encode_record(const Record& record);
// Nothing if it is not one.
std::optional<Record> decode_record(const LogRecord& record);

// A replica's standing: in every batch of the log.
struct Standing {
  std::uint64_t cut = 0;    // records up to this one are not needed; the log may still have them
  std::uint64_t last = 0;   // the number of the last record
  std::uint64_t clock = 0;  // Lamport's
};
std::string encode_standing(const Standing& standing);
// Nothing if it is not one.
std::optional<Standing> decode_standing(std::string_view bytes);

}  // namespace rkv::twopc
