#include "sim/invariants_votes.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "base/check.h"
#include "sim/paxos_hash.h"

namespace rkv::sim {

using paxos::Ballot;
using paxos::Slot;
using paxos::SlotRecord;
using paxos::Standing;

bool decode(const LogRecord& record, DurableRecord* out) {
  const std::optional<SlotRecord> decoded = paxos::decode_record(record);
  if (!decoded) return false;
  *out = {decoded->type, decoded->slot, decoded->ballot, hash_of(decoded->value),
          hash_of(decoded->value.command)};
  return true;
}

DurableBatch decode(const LogBatch& batch) {
  DurableBatch summary;
  summary.records.reserve(batch.records.size());
  for (const LogRecord& record : batch.records) {
    RKV_CHECK(decode(record, &summary.records.emplace_back()),
              "a protocol writes what it can read");
  }
  const std::optional<Standing> standing = paxos::decode_standing(batch.standing);
  RKV_CHECK(standing.has_value(), "every batch has a standing");
  summary.standing = *standing;
  return summary;
}

Votes::Votes(std::size_t replicas, IsDamaged is_damaged, std::uint64_t kept_slots,
             Violation& violation)
    : majority_(replicas / 2 + 1),
      is_damaged_(std::move(is_damaged)),
      kept_slots_(kept_slots),
      violation_(violation),
      replicas_(replicas) {}

void Votes::fail(std::string_view invariant, ReplicaId replica, Slot slot, std::string what) {
  violation_.report(invariant, "replica " + std::to_string(replica.value) + ", slot " +
                                   std::to_string(slot) + ": " + std::move(what));
}

Votes::SlotState& Votes::at(Slot slot) {
  RKV_CHECK(slot > 0, "slots count from 1");
  if (slot > slots_.size()) slots_.resize(slot);
  return slots_[slot - 1];
}

const DurableRecord& Votes::record(ReplicaId replica, Slot slot) const {
  static const DurableRecord kNone;
  const ReplicaState& state = of(replica);
  return slot == 0 || slot > state.records.size() ? kNone : state.records[slot - 1];
}

Votes::Round* Votes::round_of(SlotState& slot, const Ballot& ballot) {
  for (Round& round : slot.rounds) {
    if (round.ballot == ballot) return &round;
  }
  return nullptr;
}

// ---- What is proposed and accepted ----

void Votes::proposed(Slot slot_number, const Ballot& ballot, std::uint64_t value) {
  SlotState& slot = at(slot_number);
  Round* const round = round_of(slot, ballot);
  if (round != nullptr) {
    if (round->value != value) {
      fail("one value for a ballot and slot", ballot.replica, slot_number,
           "proposes another value at ballot " + to_string(ballot) + " than before");
    }
    return;
  }
  if (slot.chosen && slot.ballot < ballot && slot.value != value) {
    fail("leader completeness", ballot.replica, slot_number,
         "proposes another value at ballot " + to_string(ballot) + " than the one chosen at " +
             to_string(slot.ballot));
  }
  for (const Round& lower : slot.rounds) {
    if (lower.ballot > ballot || lower.value == value) continue;
    ReplicaSet voters = lower.voters;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (replicas_[i].standing.promised <= lower.ballot) voters |= ReplicaSet{1} << i;
    }
    if (static_cast<std::size_t>(std::popcount(voters)) >= majority_) {
      fail("no lower ballot can choose another value", ballot.replica, slot_number,
           "proposes at ballot " + to_string(ballot) +
               ", but another value can still be chosen at " + to_string(lower.ballot));
    }
  }
  slot.rounds.push_back({ballot, value, 0});
}

void Votes::accepted(ReplicaId replica, const DurableRecord& record) {
  SlotState& slot = at(record.slot);
  Round* round = round_of(slot, record.ballot);
  if (round == nullptr) {
    slot.rounds.push_back({record.ballot, record.value, 0});
    round = &slot.rounds.back();
  } else if (round->value != record.value) {
    fail("one value for a ballot and slot", replica, record.slot,
         "accepted another value at ballot " + to_string(record.ballot) + " than was proposed");
    return;
  }
  round->voters |= ReplicaSet{1} << (replica.value - 1);
  if (static_cast<std::size_t>(std::popcount(round->voters)) >= majority_) {
    choose(record.slot, *round, record.command);
  }
}

void Votes::choose(Slot slot_number, const Round& round, std::uint64_t command) {
  SlotState& slot = at(slot_number);
  if (slot.chosen) {
    if (slot.value != round.value) {
      fail("at most one value is chosen", round.ballot.replica, slot_number,
           "chosen at ballot " + to_string(round.ballot) + ", and another value at " +
               to_string(slot.ballot));
    }
    slot.ballot = std::min(slot.ballot, round.ballot);
    return;
  }
  slot.chosen = true;
  slot.ballot = round.ballot;
  slot.value = round.value;
  slot.command = command;
  ++chosen_count_;
  while (is_chosen(chosen_prefix_ + 1)) ++chosen_prefix_;
}

// What another replica told to be chosen must be so.
void Votes::learned(ReplicaId replica, const DurableRecord& record) {
  if (!is_chosen(record.slot)) {
    fail("what is learned is chosen", replica, record.slot, "learned it, but nothing is chosen");
  } else if (at(record.slot).value != record.value) {
    fail("what is learned is chosen", replica, record.slot, "learned another value than is chosen");
  }
}

void Votes::store(ReplicaId replica, const DurableRecord& record) {
  ReplicaState& state = of(replica);
  if (record.slot > state.records.size()) state.records.resize(record.slot);
  state.records[record.slot - 1] = record;
}

void Votes::durable(ReplicaId replica, const DurableBatch& batch) {
  const Standing before = standing(replica);
  for (const DurableRecord& it : batch.records) {
    if (it.type == SlotRecord::Type::kChosen) {
      learned(replica, it);
      store(replica, it);
      continue;
    }
    const DurableRecord& had = record(replica, it.slot);
    const bool is_new = had.ballot != it.ballot || had.value != it.value;
    if (is_new && it.ballot < before.promised) {
      fail("nothing below the promise is accepted", replica, it.slot,
           "accepted at ballot " + to_string(it.ballot) + " after a promise of " +
               to_string(before.promised));
    }
    if (it.ballot > batch.standing.promised) {
      fail("what is accepted is promised", replica, it.slot,
           "accepted at ballot " + to_string(it.ballot) + ", promised only " +
               to_string(batch.standing.promised));
    }
    accepted(replica, it);
    store(replica, it);
  }
  check_standing(replica, batch.standing);
}

bool Votes::has_voted(ReplicaId replica, Slot slot, const Ballot& ballot,
                      std::uint64_t value) const {
  if (slot > slots_.size()) return false;
  const std::vector<Round>& rounds = at(slot).rounds;
  return std::any_of(rounds.begin(), rounds.end(), [&](const Round& round) {
    const bool voted = (round.voters & (ReplicaSet{1} << (replica.value - 1))) != 0;
    return voted && round.ballot == ballot && round.value == value;
  });
}

// What a replica's log holds of a slot.
std::string Votes::describe(ReplicaId replica, Slot slot) const {
  const DurableRecord& it = record(replica, slot);
  if (it.slot == 0) return "holds nothing";
  if (it.type == SlotRecord::Type::kChosen) return "holds another value, told to be chosen";
  return "holds a vote at ballot " + to_string(it.ballot) +
         " for another value than was chosen at " + to_string(at(slot).ballot);
}

void Votes::check_standing(ReplicaId replica, const Standing& standing) {
  ReplicaState& state = of(replica);
  if (standing.promised < state.standing.promised) {
    fail("promises never fall", replica, 0,
         "promised " + to_string(standing.promised) + " after " +
             to_string(state.standing.promised));
  }
  if (standing.chosen < state.standing.chosen) {
    fail("what is known to be chosen stays so", replica, standing.chosen,
         "knew more before: up to slot " + std::to_string(state.standing.chosen));
  }
  for (Slot slot = state.standing.chosen + 1; slot <= standing.chosen; ++slot) {
    if (!is_chosen(slot)) {
      fail("what is known to be chosen is", replica, slot, "says it is chosen, and it is not");
      break;
    }
    const DurableRecord& it = record(replica, slot);
    const bool is_held = it.slot == slot && it.value == chosen_value(slot);
    if (slot > std::max({state.cut, state.lost, standing.cut}) && !is_held) {
      fail("the log holds what it says to be chosen", replica, slot, describe(replica, slot));
      break;
    }
  }
  if (standing.cut > state.saved) {
    fail("what is cut off the log is in the state", replica, standing.cut,
         "says it is cut, though a crash would leave the state of position " +
             std::to_string(state.saved));
  }
  state.standing = standing;
}

void Votes::saved(ReplicaId replica, Position position) {
  const Position before = std::exchange(of(replica).saved, position);
  check_saved(replica, before + 1, position);
}

// That others can be told what is chosen in these slots, which are in the state on disk.
void Votes::check_saved(ReplicaId replica, Slot first, Slot last) {
  const ReplicaState& state = of(replica);
  for (Slot slot = std::max({first, state.cut + 1, state.lost + 1}); slot <= last; ++slot) {
    const DurableRecord& it = record(replica, slot);
    if (it.slot == slot && is_chosen(slot) && it.value == chosen_value(slot)) continue;
    fail("no state is ahead of its log", replica, slot,
         "is in the state on disk; the log " + describe(replica, slot));
    return;
  }
}

// ---- Restarts and cuts ----

void Votes::cut(ReplicaId replica, Slot slot, Position saved) {
  ReplicaState& state = of(replica);
  if (slot > saved) {
    fail("what is cut off the log is in the state", replica, slot,
         "cut, though a crash would leave the state of position " + std::to_string(saved));
  }
  state.cut = std::max(state.cut, slot);
}

void Votes::applied(ReplicaId replica, Slot slot) {
  Slot& applied_max = of(replica).applied_max;
  applied_max = std::max(applied_max, slot);
}

void Votes::keeps_behind(ReplicaId replica, Slot cut) {
  const Slot applied_max = of(replica).applied_max;
  const bool may_cut = kept_slots_ != 0 && applied_max > kept_slots_;
  if (cut <= (may_cut ? applied_max - kept_slots_ : 0) || is_damaged_(replica)) return;
  fail("what is chosen is kept for others", replica, cut,
       "cannot tell it any more, having applied up to slot " + std::to_string(applied_max));
}

// Everything that was durable is there: the vote of each slot, or a later one.
void Votes::check_kept(ReplicaId replica, const RecoveredLog& log) {
  const ReplicaState& state = of(replica);
  std::vector<DurableRecord> found(state.records.size());
  DurableRecord it;
  for (const LogRecord& each : log.records) {
    if (!decode(each, &it)) {
      fail("the log can be read", replica, each.slot, "a record cannot be understood");
      return;
    }
    if (it.slot <= found.size()) found[it.slot - 1] = it;
  }
  const Slot first = std::max(state.cut, log.lost_up_to.value_or(0)) + 1;
  for (Slot slot = first; slot <= found.size(); ++slot) {
    const DurableRecord& had = state.records[slot - 1];
    const DurableRecord& has = found[slot - 1];
    if (had.slot == 0) continue;
    const bool same = has.slot == slot && has.value == had.value && has.ballot >= had.ballot;
    const bool later =
        has.slot == slot && (has.ballot > had.ballot || has.type == SlotRecord::Type::kChosen);
    if (!same && !later) {
      fail("what was durable is there after a restart", replica, slot, "its record is gone");
      return;
    }
  }
}

// A damaged log holds less than was durable.
void Votes::forget(ReplicaState& state, Slot lost) {
  const Slot last = std::min<Slot>(lost, state.records.size());
  std::fill_n(state.records.begin(), last, DurableRecord());
  state.lost = std::max(state.lost, lost);
}

void Votes::recovered(ReplicaId replica, const RecoveredLog& log, Position saved) {
  if (log.lost_up_to && !is_damaged_(replica)) {
    fail("what was durable is there after a restart", replica, *log.lost_up_to,
         "the log says that it may have lost what is up to there, and was never damaged");
  }
  check_kept(replica, log);
  ReplicaState& state = of(replica);
  state.saved = saved;
  const std::optional<Standing> decoded =
      log.standing.empty() ? Standing() : paxos::decode_standing(log.standing);
  if (!decoded) {
    fail("the log can be read", replica, 0, "the standing cannot be understood");
    return;
  }
  if (log.lost_up_to) forget(state, *log.lost_up_to);
  DurableRecord it;
  for (const LogRecord& each : log.records) {
    if (!decode(each, &it)) return;
    if (it.type == SlotRecord::Type::kChosen) {
      learned(replica, it);
    } else {
      accepted(replica, it);
    }
    store(replica, it);
  }
  check_saved(replica, decoded->cut + 1, saved);
  check_standing(replica, *decoded);
  if (log.lost_up_to) state.standing.chosen = 0;  // it may say less from now on
}

}  // namespace rkv::sim
