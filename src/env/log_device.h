#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace rkv::env {

// What a protocol writes down of one slot. Two records of one slot: the later one holds.
struct LogRecord {
  static constexpr std::size_t kHeadSizeMax = 64;  // bytes

  std::uint32_t type = 0;  // numbered by the protocol that writes it, from 1
  Position slot = 0;       // whose it is, from 1
  std::string head;        // what is small about it: a ballot, say
  SharedBytes body;        // what is large about it; may be null
};

// The durable memory of a replica: batches of records, each with the replica's standing at that
// time. The standing is a few bytes that hold until the next batch brings another one (what was
// promised, how far all is chosen), so that one good batch is enough to know it.
//
// A segmented log is one implementation. For one thread, on which callbacks are run too.
class LogDevice {
 public:
  static constexpr std::size_t kStandingSizeMax = 64;  // bytes

  struct Batch {
    std::vector<LogRecord> records;  // may be empty: then the standing is all there is to say
    std::string standing;
  };
  // A number for each batch since the start of this process: the first one is 1.
  using BatchNumber = std::uint64_t;

  // What was there at the start.
  struct Recovered {
    std::vector<LogRecord> records;  // in the order of writing
    std::string standing;            // the last one; empty: nothing was ever written
    // Set if records that were durable once are damaged. They may have been of any slot up to this
    // one; the standing is known all the same. (Where it is not, the device does not open.)
    std::optional<Position> lost_up_to;
  };

  virtual ~LogDevice() = default;

  // What was there when the device was opened; may be taken once.
  virtual Recovered take_recovered() = 0;

  // Appends a batch and begins to make it durable; batches become durable in their order, and those
  // that come while one is under way go to disk together. Returns the batch's number.
  virtual BatchNumber append(Batch batch) = 0;
  // The last batch that would survive a crash now, with all before it.
  virtual BatchNumber durable() const = 0;
  // Is told each time durable() has grown. One listener.
  using DurableListener = std::function<void(BatchNumber durable)>;
  virtual void set_durable_listener(DurableListener listener) = 0;

  // Says that records of the slots up to this one are not needed any more. They may go, in time.
  virtual void cut(Position slot) = 0;
  // Is asked for the records that must outlive the older parts of the log, as of the batch that is
  // being appended: every record above the cut that is not known to be of a chosen slot. Called
  // from append() only.
  using LiveRecords = std::function<std::vector<LogRecord>()>;
  virtual void set_live_records(LiveRecords live) = 0;

  // False when the disk is so full that no more should be taken on. There is always room for what
  // must be written in spite of that: batches without records.
  virtual bool has_room() = 0;
  // Bytes on disk.
  virtual std::uint64_t size() const = 0;
};

}  // namespace rkv::env
