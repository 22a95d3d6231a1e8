#include "storage/log_reader.h"

#include <cstring>

namespace rkv::storage {
namespace {

// All bytes are equal to the one before them, and the first is zero: one pass of a library that
// does it many bytes at a time.
bool all_zero(std::string_view bytes) {
  return bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

SegmentReader::SegmentReader(std::string_view bytes, const SectorSeal& seal)
    : bytes_(bytes), sectors_(bytes.size() / kSectorSize) {
  for (std::size_t i = 0; i < sectors_.size(); ++i) {
    const std::string_view sector = bytes.substr(i * kSectorSize, kSectorSize);
    if (all_zero(sector)) continue;
    const std::optional<SectorStamp> stamp =
        i < kFirstBatchSector ? std::nullopt : read_stamp(seal, i, sector);
    sectors_[i].state = stamp ? State::kGood : State::kDamaged;
    if (stamp) sectors_[i].stamp = *stamp;
  }
}

std::size_t SegmentReader::used_end() const {
  std::size_t end = sectors_.size();
  while (end > 0 && sectors_[end - 1].state == State::kZero) --end;
  return end;
}

std::optional<std::size_t> SegmentReader::extent(std::size_t index) const {
  const Sector first = at(index);
  if (first.state != State::kGood || first.stamp.ordinal != 0) return std::nullopt;
  return announced_sectors(bytes_.substr(index * kSectorSize, kSectorSize));
}

std::optional<LogBatch> SegmentReader::batch_at(std::size_t index) const {
  const std::optional<std::size_t> count = extent(index);
  if (!count || *count > sectors_.size() - index) return std::nullopt;
  const BatchSequence sequence = sectors_[index].stamp.sequence;
  for (std::size_t i = 0; i < *count; ++i) {
    const Sector& sector = sectors_[index + i];
    if (sector.state != State::kGood || sector.stamp.sequence != sequence ||
        sector.stamp.ordinal != i) {
      return std::nullopt;
    }
  }
  return decode_batch(sequence, bytes_.substr(index * kSectorSize, *count * kSectorSize));
}

}  // namespace rkv::storage
