#include "storage/log_segments.h"

#include <algorithm>

#include "base/check.h"

namespace rkv::storage {

void LogSegments::add(SegmentNumber segment) {
  RKV_CHECK(segments_.empty() || segments_.rbegin()->first < segment,
            "segments are added in their order");
  segments_.emplace(segment, Segment{});
}

void LogSegments::add_missing(SegmentNumber segment) {
  add(segment);
  segments_.at(segment).has_file = false;
}

void LogSegments::hold(SegmentNumber segment, Position slot) {
  if (slot <= cut_) return;
  const auto [newest, is_new] = newest_.try_emplace(slot, segment);
  if (!is_new) {
    --segments_.at(newest->second).slots_held;
    newest->second = segment;
  }
  ++segments_.at(segment).slots_held;
}

void LogSegments::hold_lost(SegmentNumber segment, Position lost_up_to) {
  Position& lost = segments_.at(segment).lost_up_to;
  lost = std::max(lost, lost_up_to);
}

void LogSegments::cut(Position slot) {
  cut_ = std::max(cut_, slot);
  const auto end = newest_.upper_bound(cut_);
  for (auto each = newest_.begin(); each != end; ++each) --segments_.at(each->second).slots_held;
  newest_.erase(newest_.begin(), end);
}

SegmentNumber LogSegments::first_needed() const {
  for (const auto& [number, segment] : segments_) {
    const bool is_newest = number == segments_.rbegin()->first;
    if (is_newest || segment.slots_held > 0 || segment.lost_up_to > cut_) return number;
  }
  return 0;
}

std::vector<SegmentNumber> LogSegments::drop_before(SegmentNumber segment) {
  std::vector<SegmentNumber> files;
  const auto end = segments_.lower_bound(segment);
  for (auto each = segments_.begin(); each != end; ++each) {
    RKV_CHECK(each->second.slots_held == 0, "a segment that goes holds nothing that is needed");
    if (each->second.has_file) files.push_back(each->first);
  }
  segments_.erase(segments_.begin(), end);
  return files;
}

}  // namespace rkv::storage
