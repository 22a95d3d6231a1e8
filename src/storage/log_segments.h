#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/ids.h"
#include "storage/log_format.h"

namespace rkv::storage {

// The segments that hold durable batches, and what each is needed for. The oldest one may go when
// the slot of every record in it is cut, or has a later record in a later segment, and when nothing
// above the cut can have been lost in it: as long as it can, every start must find the damage.
class LogSegments {
 public:
  // A segment that is there, later than all others.
  void add(SegmentNumber segment);
  // Stands for a segment that should be there and is not.
  void add_missing(SegmentNumber segment);
  bool contains(SegmentNumber segment) const { return segments_.contains(segment); }

  // A record of this slot is durable in this segment, behind all others of the slot.
  void hold(SegmentNumber segment, Position slot);
  // Damage in this segment cost records of slots up to this one.
  void hold_lost(SegmentNumber segment, Position lost_up_to);

  // Records of the slots up to this one are not needed.
  void cut(Position slot);
  // The oldest segment that must stay; the newest one always must. 0: there is none.
  SegmentNumber first_needed() const;
  // Forgets all segments before this one; returns those that have a file, the oldest first.
  std::vector<SegmentNumber> drop_before(SegmentNumber segment);

 private:
  struct Segment {
    bool has_file = true;
    std::uint64_t slots_held = 0;  // above the cut, with no record in a later segment
    Position lost_up_to = 0;
  };

  std::map<SegmentNumber, Segment> segments_;
  std::map<Position, SegmentNumber> newest_;  // for each slot above the cut: its last record
  Position cut_ = 0;
};

}  // namespace rkv::storage
