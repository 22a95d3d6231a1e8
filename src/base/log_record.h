#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace rkv {

// What a replication protocol writes down of one slot. Two records of one slot: the later one
// holds.
struct LogRecord {
  static constexpr std::size_t kHeadSizeMax = 64;  // bytes

  std::uint32_t type = 0;  // numbered by the protocol that writes it, from 1
  Position slot = 0;       // whose it is, from 1
  std::string head;        // what is small about it: a ballot, say
  SharedBytes body;        // what is large about it; may be null
};

// Records that become durable together, with the replica's standing at that time: a few bytes that
// hold until the next batch brings others (what was promised, how far all is chosen), so that one
// good batch is enough to know what may not be forgotten.
struct LogBatch {
  static constexpr std::size_t kStandingSizeMax = 64;  // bytes

  std::vector<LogRecord> records;  // may be empty: then the standing is all there is to say
  std::string standing;            // empty: as it was before
};

// What a log held at the start of a replica.
struct RecoveredLog {
  // In the order of writing, each batch's all or none of them. Live records come again where they
  // were carried on, and records that were cut may still be there.
  std::vector<LogRecord> records;
  std::string standing;  // the last one; empty: nothing was ever written
  // Set if records that were durable once are damaged. They may have been of any slot up to this
  // one; the standing is known all the same. (Where it is not, the log does not open.) Every start
  // finds the same damage again until the cut has reached this slot.
  std::optional<Position> lost_up_to;
};

}  // namespace rkv
