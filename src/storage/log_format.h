#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "env/disk.h"
#include "env/log_device.h"

namespace rkv::storage {

// The bytes of a log on disk, as FORMAT.txt lays them out.

// A log's files, its segments, are numbered from 1 on and never numbered anew.
using SegmentNumber = std::uint64_t;
// A batch's number within the whole log, from 1, over all restarts.
using BatchSequence = std::uint64_t;

// Whose log it is.
struct LogIdentity {
  ClusterId cluster;
  ReplicaId replica;
  bool operator==(const LogIdentity&) const = default;
};

constexpr std::size_t kSectorSize = env::Disk::kSectorSize;
constexpr std::size_t kStampSize = 16;  // at the beginning of each sector of a batch
constexpr std::size_t kSectorPayloadSize = kSectorSize - kStampSize;
constexpr std::size_t kFirstBatchSector = 1;  // sector 0 is the segment's header
constexpr std::size_t kBatchHeadSize = 96;    // of a batch's payload

// The name of a segment's file; such names sort as their numbers do.
std::string segment_name(SegmentNumber segment);
// Nothing if this is not a segment's name.
std::optional<SegmentNumber> parse_segment_name(std::string_view name);

struct SegmentHeader {
  LogIdentity identity;
  SegmentNumber segment = 0;
  std::uint64_t size = 0;  // of the file, in bytes
};
// One sector.
std::string encode_segment_header(const SegmentHeader& header);
// kInternal: damaged. kUnavailable: of a format that is not known here. The reason does not name
// the file.
Result<SegmentHeader> decode_segment_header(std::string_view sector);

// What all the checksums of one segment are bound to: whose it is, and its number.
class SectorSeal {
 public:
  SectorSeal(const LogIdentity& identity, SegmentNumber segment);

  // The checksum of a sector at its place in the segment; its own field, the first, left out.
  std::uint32_t checksum(std::size_t sector_index, std::string_view sector) const;

 private:
  std::uint32_t seed_;
};

// The beginning of each sector of a batch.
struct SectorStamp {
  std::uint32_t ordinal = 0;  // which sector of its batch, from 0
  BatchSequence sequence = 0;
};
// Nothing if the checksum is not that of this sector at this place.
std::optional<SectorStamp> read_stamp(const SectorSeal& seal, std::size_t sector_index,
                                      std::string_view sector);

struct BatchHead {
  BatchSequence sequence = 0;
  // What was handed over at once and does not fit one segment is several batches: only when the one
  // that ends it is there do any of their records count.
  bool begins = true;
  bool ends = true;
  Position highest_slot_before = 0;  // of any record in any batch before this one
  SegmentNumber first_segment = 0;   // the older ones are not needed any more
  std::string standing;
};
struct LogBatch {
  BatchHead head;
  std::vector<env::LogRecord> records;
};

// Bytes of payload that a record takes.
std::size_t encoded_size(const env::LogRecord& record);
// Sectors of a batch whose records take `records_size` bytes.
std::size_t batch_sectors(std::size_t records_size);

// Whole sectors, from `sector_index` of the segment on.
std::string encode_batch(const BatchHead& head, const std::vector<env::LogRecord>& records,
                         const SectorSeal& seal, std::size_t sector_index);
// How many sectors a batch says it takes in its first one, which has a good stamp.
std::size_t announced_sectors(std::string_view first_sector);
// The batch whose sectors these are, all with good stamps and in order. Nothing if they hold
// something else.
std::optional<LogBatch> decode_batch(BatchSequence sequence, std::string_view sectors);

}  // namespace rkv::storage
