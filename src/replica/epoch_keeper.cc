#include "replica/epoch_keeper.h"

namespace rkv::replica {
namespace {

constexpr Duration kLookInterval = seconds(1);

}  // namespace

bool EpochKeeper::is_due(TimePoint now, bool in_office, const kv::SessionTable& sessions) {
  const bool is_look = now >= next_look_;
  if (!is_look && !is_pressed(sessions)) return false;
  if (sessions.epoch() != epoch_) in_office_for_ = {};
  if (was_in_office_ && in_office && sessions.epoch() == epoch_) {
    in_office_for_ = in_office_for_ + (now - looked_at_);
  }
  epoch_ = sessions.epoch();
  looked_at_ = now;
  was_in_office_ = in_office;
  if (is_look) {
    next_look_ = now + kLookInterval;
    proposed_ = 0;
  }
  const bool is_old = sessions.sessions() > 0 && in_office_for_ >= age_max_;
  if (is_proposing_ || !in_office || !(is_old || sessions.wants_epoch())) return false;
  is_proposing_ = true;
  proposed_ = epoch_ + 1;
  return true;
}

}  // namespace rkv::replica
