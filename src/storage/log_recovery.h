#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "env/disk.h"
#include "env/log_device.h"
#include "storage/log_format.h"
#include "storage/log_segments.h"

namespace rkv::storage {

// What the files of a log hold, and what is to be done before it goes on.
struct LogRecovery {
  env::LogDevice::Recovered recovered;
  LogSegments segments;

  // Of the last batch; zero where there is none.
  BatchSequence sequence = 0;
  Position highest_slot = 0;  // of any record ever written
  SegmentNumber first_segment = 0;

  // Where the next batch goes: this segment (0: there is none yet), which has `last_sectors`
  // sectors, and the sector in it.
  SegmentNumber last_segment = 0;
  std::size_t last_sectors = 0;
  std::size_t end_sector = 0;
  // From end_sector up to this one sectors may not be zero, and must be made so first.
  std::size_t unclean_end = 0;

  // Files behind the last segment, which hold nothing; in the order in which they must go.
  std::vector<SegmentNumber> unused;
  // Files before first_segment, which are not needed.
  std::vector<SegmentNumber> outdated;
  std::map<SegmentNumber, std::uint64_t> file_sizes;  // of all files, in bytes

  // A line for a person about each thing that is damaged.
  std::vector<std::string> damage;
};

// Reads the log in these files. Fails if they are another's, of an unknown format, or so damaged
// that the last batch, and with it the standing, is not known; the reason says where, and what to
// do.
//
// A batch is written when the one before is durable. So the last one alone can be torn: some of its
// sectors are zero still. It is as if it had never been written. A batch that is damaged otherwise,
// or that has a trace of a later one behind it, was durable and is lost.
Result<LogRecovery> recover_log(env::Disk& disk, const LogIdentity& identity);

}  // namespace rkv::storage
