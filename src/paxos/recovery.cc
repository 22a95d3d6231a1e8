#include "paxos/recovery.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace rkv::paxos {
namespace {

// The last record of each slot: that one holds.
std::map<Slot, SlotRecord> last_records(const RecoveredLog& log) {
  std::map<Slot, SlotRecord> records;
  for (const LogRecord& encoded : log.records) {
    std::optional<SlotRecord> record = decode_record(encoded);
    RKV_CHECK(record.has_value(), "the log holds records of this protocol");
    records[record->slot] = std::move(*record);
  }
  return records;
}

}  // namespace

RecoveredRoles recover_roles(const protocol::Recovery& recovery) {
  RecoveredRoles roles;
  const RecoveredLog& log = recovery.log;
  if (!log.standing.empty()) {
    const std::optional<Standing> standing = decode_standing(log.standing);
    RKV_CHECK(standing.has_value(), "the log holds a standing of this protocol");
    roles.standing = *standing;
  }
  std::map<Slot, SlotRecord> records = last_records(log);
  // Up to the standing's watermark and up to what the state has, which was saved when the log had
  // it, and above what the standing says was cut, the last record of a slot holds the chosen value;
  // but not if a later one may be among what is damaged.
  const bool is_whole = !log.lost_up_to;
  const Slot known = std::max(roles.standing.chosen, recovery.applied);
  const auto is_chosen = [&](const SlotRecord& record) {
    return record.type == SlotRecord::Type::kChosen ||
           (is_whole && record.slot > roles.standing.cut && record.slot <= known);
  };

  // What is in the state already, kept for others: backwards from there as far as it is known.
  for (Slot slot = recovery.applied; slot > 0; --slot) {
    const auto found = records.find(slot);
    if (found == records.end() || !is_chosen(found->second)) break;
    roles.kept.push_front(found->second.value);
  }
  Slot learned = recovery.applied;
  for (auto it = records.find(learned + 1); it != records.end() && it->first == learned + 1; ++it) {
    if (!is_chosen(it->second)) break;
    roles.to_apply.push_back(it->second.value);
    ++learned;
  }
  RKV_CHECK(!is_whole || learned >= roles.standing.chosen,
            "an undamaged log holds every chosen value that the state lacks");

  for (auto& [slot, record] : records) {
    if (slot <= learned || record.type != SlotRecord::Type::kAccepted) continue;
    roles.votes[slot] = {record.ballot, std::move(record.value)};
  }
  // Until it has learned up to there, this replica cannot know how it has voted. It may have found
  // the damage at an earlier start, and have known more to be chosen before that.
  Slot suspect = roles.standing.suspect;
  if (log.lost_up_to) suspect = std::max({suspect, *log.lost_up_to, roles.standing.chosen});
  if (suspect > learned) roles.lost_up_to = suspect;
  return roles;
}

}  // namespace rkv::paxos
