#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/log_record.h"
#include "paxos/ballot.h"
#include "paxos/value.h"

namespace rkv::paxos {

// ---- What a replica has on disk ----

// A replica's standing: in every batch of the log.
struct Standing {
  Ballot promised;
  // The log holds the chosen values of the slots above `cut`, up to `chosen`: the last record of
  // each is of that value. Those up to `cut` are in the state; what the log has of them may be
  // votes for values that lost.
  Slot chosen = 0;
  Slot cut = 0;
  // The log was damaged, and votes up to this slot may be missing from it: what was chosen there
  // has not been learned anew yet. 0: nothing is missing.
  Slot suspect = 0;
};
std::string encode_standing(const Standing& standing);
// Nothing if it is not one.
std::optional<Standing> decode_standing(std::string_view bytes);

// A record of a slot: a vote for a value, or the chosen value as another replica told it.
struct SlotRecord {
  enum class Type : std::uint32_t { kAccepted = 1, kChosen = 2 };
  Type type = Type::kAccepted;
  Slot slot = 0;
  Ballot ballot;  // of kAccepted
  Value value;
};
LogRecord encode_record(const SlotRecord& record);
// Nothing if it is not one.
std::optional<SlotRecord> decode_record(const LogRecord& record);

}  // namespace rkv::paxos
