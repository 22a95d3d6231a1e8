#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/log_format.h"

namespace rkv::storage {

// The sectors of one segment, each judged for itself. A sector is written once and was zero
// before, so a crash leaves it zero or good; anything else is damage.
class SegmentReader {
 public:
  enum class State { kZero, kGood, kDamaged };
  struct Sector {
    State state = State::kZero;
    SectorStamp stamp;  // of a good one
  };

  // `bytes` must outlive the reader; what is more than whole sectors is left out. The header's
  // sector is never good here.
  SegmentReader(std::string_view bytes, const SectorSeal& seal);

  std::size_t sectors() const { return sectors_.size(); }
  // Zero behind the end.
  Sector at(std::size_t index) const {
    return index < sectors_.size() ? sectors_[index] : Sector();
  }
  // Behind the last sector that is not zero.
  std::size_t used_end() const;

  // How many sectors the batch takes that begins here. Nothing if its first sector is not good.
  std::optional<std::size_t> extent(std::size_t index) const;
  // The batch that begins here, if it is there to its last sector.
  std::optional<LogBatch> batch_at(std::size_t index) const;

 private:
  std::string_view bytes_;
  std::vector<Sector> sectors_;
};

}  // namespace rkv::storage
