#pragma once

#include <cstdint>

#include "base/time.h"
#include "kv/session_table.h"

namespace rkv::replica {

// Says when this replica should propose the next epoch of operations: when the session table has
// little room left, or when this replica has been in office for long enough since the last one
// began. So the time by which replies are forgotten only moves while somebody is in office, whose
// writes and retries others can have answered. For one thread.
class EpochKeeper {
 public:
  explicit EpochKeeper(Duration age_max) : age_max_(age_max) {}

  // Looks at the table; true if an epoch is to be proposed now: then proposal_ended() must come.
  // `in_office`: a leader, or whoever may begin writes where there is none.
  bool is_due(TimePoint now, bool in_office, const kv::SessionTable& sessions);
  void proposal_ended() { is_proposing_ = false; }

  // Whether is_due() wants to be called before next_look(), for want of room.
  bool is_pressed(const kv::SessionTable& sessions) const {
    return sessions.wants_epoch() && !is_proposing_ && proposed_ != sessions.epoch() + 1;
  }
  // When is_due() wants to be called; kNever if there is nothing to forget.
  TimePoint next_look(const kv::SessionTable& sessions) const {
    return sessions.sessions() == 0 ? kNever : next_look_;
  }

 private:
  const Duration age_max_;
  std::uint64_t epoch_ = 0;  // that the table had at the last look
  Duration in_office_for_;   // since it began
  TimePoint looked_at_ = kLongAgo;
  bool was_in_office_ = false;  // then
  TimePoint next_look_ = kLongAgo;
  bool is_proposing_ = false;
  std::uint64_t proposed_ = 0;  // the epoch that was proposed since the last look; 0: none
};

}  // namespace rkv::replica
