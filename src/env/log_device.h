#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/ids.h"
#include "base/log_record.h"

namespace rkv::env {

using rkv::LogRecord;

// The durable memory of a replica: batches of records, written one after the other.
// A segmented log is one implementation. For one thread, on which callbacks are run too.
class LogDevice {
 public:
  using Batch = LogBatch;
  // A number for each batch since the start of this process: the first one is 1.
  using BatchNumber = std::uint64_t;

  using Recovered = RecoveredLog;

  virtual ~LogDevice() = default;

  // What was there when the device was opened; may be taken once.
  virtual Recovered take_recovered() = 0;
  // Reads again what is there, as a start would: at least every batch that was appended before this
  // call, and none of which a part is still to come. `done` gets it, once all those are durable,
  // from within the call or later; it does not append. What was appended since waits for the
  // reading, which blocks the caller's thread: it is for trials. A log that cannot be read is like
  // a write that failed: then `done` is not called.
  using ReadDone = std::function<void(Recovered recovered)>;
  virtual void read_again(ReadDone done) = 0;

  // Appends a batch and begins to make it durable; batches become durable in their order, and those
  // that come while one is under way go to disk together. A crash leaves a batch whole or not at
  // all. Returns the batch's number.
  virtual BatchNumber append(Batch batch) = 0;
  // The last batch that would survive a crash now, with all before it.
  virtual BatchNumber durable() const = 0;
  // Is told each time durable() has grown. One listener.
  using DurableListener = std::function<void(BatchNumber durable)>;
  virtual void set_durable_listener(DurableListener listener) = 0;

  // Says that records of the slots up to this one are not needed any more. They may go, in time.
  virtual void cut(Position slot) = 0;
  // Is asked for the records that must outlive the older parts of the log, as of the batch that is
  // being appended: every record above the cut that is not known to be of a chosen slot. Records of
  // that batch may be among them. Called from append() only.
  using LiveRecords = std::function<std::vector<LogRecord>()>;
  virtual void set_live_records(LiveRecords live) = 0;

  // False when the disk is so full that no more should be taken on. There is always room for what
  // must be written in spite of that: batches without records.
  virtual bool has_room() = 0;
  // Bytes on disk.
  virtual std::uint64_t size() const = 0;
};

}  // namespace rkv::env
