#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "kv/transaction.h"

namespace rkv::kv {

// One write, as the replicated state machine applies it.
struct Command {
  enum class Kind : std::uint32_t {
    kPut = 1,
    kDel = 2,
    kTransaction = 3,
    kEpoch = 4,  // the cluster's own: begins an epoch of operations, see SessionTable
  };

  Kind kind = Kind::kPut;
  OperationId operation;
  std::string key;                                           // kPut and kDel
  std::string value;                                         // kPut
  std::shared_ptr<const Transaction> transaction = nullptr;  // kTransaction
  std::uint64_t epoch = 0;                                   // kEpoch
};

// What a command did.
struct Applied {
  enum class Outcome : std::uint32_t {
    kApplied = 1,
    kNotFound = 2,  // a kDel of a key that was not there; nothing was changed
    // Nothing was changed: the operation is older than what is remembered of its client, so that
    // nobody knows whether an earlier command with its id was applied.
    kExpired = 3,
    kInvalid = 4,    // nothing was changed: a step of the transaction makes no sense
    kOverLimit = 5,  // nothing was changed: a value or the result would become too long
    kFull = 6,       // nothing was changed: there is no room to remember it; never remembered
  };

  Outcome outcome = Outcome::kApplied;
  std::uint64_t version = 0;  // kPut: the key's new version; kDel: the version it had; or 0
  Position position = 0;      // of the command; of a retry: of the command that it repeats
  // Of a kTransaction: its StepsResult, encoded; of kInvalid, kOverLimit and kFull: the reason.
  // Otherwise null.
  SharedBytes told = nullptr;

  // Compares what is told, not where it lies.
  bool operator==(const Applied& other) const;
};

// The command as bytes, for messages and for disk: the XDR encoding of kv_command_body in kv.x, at
// most kCommandSizeMax bytes. Key, value and transaction must be within their limits, and a
// transaction small enough: see fits_command().
std::string encode_command(const Command& command);

// Whether a command of this transaction has at most kCommandSizeMax bytes; kOverLimit if not.
Status fits_command(const Transaction& transaction);

// Whether the bytes are one command with nothing behind it and everything within its limits; if
// not, the reason. Copies neither keys nor values of a kPut or kDel: for what comes from outside
// and will be decoded later.
Status validate_command(std::string_view bytes);

// What a replication protocol that locks keys locks for a command: every key that it is about, each
// once, in bytewise order. A kEpoch locks kEpochKey.
std::vector<std::string> keys_of(const Command& command);
// The same of the command that the bytes encode; fails where validate_command() does.
Result<std::vector<std::string>> keys_of_command(std::string_view bytes);

// No more than a name for the lock: nothing is stored under it by a kEpoch.
inline constexpr std::string_view kEpochKey("\0", 1);

// The command that the bytes encode; fails where validate_command() does.
Result<Command> decode_command(std::string_view bytes);

// Whether a key may be stored: kInvalid if it is empty, kOverLimit if it is too long.
Status validate_key(std::string_view key);
// Whether a value may be stored: kOverLimit if it is too long.
Status validate_value(std::string_view value);

}  // namespace rkv::kv
