#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/log_record.h"
#include "paxos/ballot.h"
#include "paxos/records.h"
#include "sim/violation.h"

namespace rkv::sim {

// What a batch of a log says, without the commands' bytes.
struct DurableRecord {
  paxos::SlotRecord::Type type = paxos::SlotRecord::Type::kAccepted;
  paxos::Slot slot = 0;
  paxos::Ballot ballot;
  std::uint64_t value = 0;    // hash of it
  std::uint64_t command = 0;  // hash of its command
};
struct DurableBatch {
  std::vector<DurableRecord> records;
  paxos::Standing standing;
};
// A record of a log; false if it cannot be understood.
bool decode(const LogRecord& record, DurableRecord* out);
// A batch that a protocol wrote.
DurableBatch decode(const LogBatch& batch);

// What was durably voted by whom, over all crashes, and so what is chosen, which no replica needs
// to know. Checks that
// - of a slot at most one value is chosen: durably accepted by a majority at one ballot;
// - of a slot and a ballot there is only one value, in votes and in proposals;
// - a proposal leaves no way for another value to be chosen at a lower ballot, and proposes what is
//   chosen where something is;
// - a replica's promise never falls, also over a restart, and nothing below it is accepted;
// - a log holds the chosen value of every slot that it says to be chosen and that the state did not
//   hold at the start, and another value of none; after a restart it holds all that was durable;
//   what is cut off is durable in the state;
// - a log holds the chosen value of every slot that the state on disk has, but for what was cut;
// - only a log that was damaged says that it has lost something;
// - a replica whose log was never damaged can tell others as many of the last chosen values as it
// is
//   told to keep, also after a restart.
class Votes {
 public:
  using IsDamaged = std::function<bool(ReplicaId replica)>;
  // `kept_slots`: as in Facts. `violation` must outlive the object.
  Votes(std::size_t replicas, IsDamaged is_damaged, std::uint64_t kept_slots, Violation& violation);

  // A replica has started with this in its log, and with the state of position `saved`.
  void recovered(ReplicaId replica, const RecoveredLog& log, Position saved);
  // A running replica has read this from its log.
  void read_again(ReplicaId replica, const RecoveredLog& log) { check_kept(replica, log); }
  // Its state of this position would survive a crash now.
  void saved(ReplicaId replica, Position position);
  // A batch of its log would survive a crash now.
  void durable(ReplicaId replica, const DurableBatch& batch);
  // It applies what is chosen in this slot.
  void applied(ReplicaId replica, paxos::Slot slot);
  // It can tell others what is chosen in the slots behind this one.
  void keeps_behind(ReplicaId replica, paxos::Slot cut);
  // A replica's log may forget the slots up to this one; `saved` is the state's durable position.
  void cut(ReplicaId replica, paxos::Slot slot, Position saved);
  // A replica proposes a value.
  void proposed(paxos::Slot slot, const paxos::Ballot& ballot, std::uint64_t value);

  // What a replica has durably.
  const paxos::Standing& standing(ReplicaId replica) const { return of(replica).standing; }
  // Its record of a slot: of ballot 0 if there is none or it was cut; type kChosen if it is one.
  const DurableRecord& record(ReplicaId replica, paxos::Slot slot) const;
  paxos::Slot last_slot(ReplicaId replica) const { return of(replica).records.size(); }
  paxos::Slot cut_of(ReplicaId replica) const { return of(replica).cut; }
  // Whether it has ever accepted this value at that ballot, durably.
  bool has_voted(ReplicaId replica, paxos::Slot slot, const paxos::Ballot& ballot,
                 std::uint64_t value) const;

  // Every slot up to this one is chosen.
  paxos::Slot chosen_prefix() const { return chosen_prefix_; }
  bool is_chosen(paxos::Slot slot) const { return slot <= slots_.size() && at(slot).chosen; }
  // Hashes of a chosen value and its command.
  std::uint64_t chosen_value(paxos::Slot slot) const { return at(slot).value; }
  std::uint64_t chosen_command(paxos::Slot slot) const { return at(slot).command; }
  std::uint64_t chosen_count() const { return chosen_count_; }

 private:
  using ReplicaSet = std::uint32_t;  // a bit for each
  // What happened at one ballot of a slot.
  struct Round {
    paxos::Ballot ballot;
    std::uint64_t value = 0;
    ReplicaSet voters = 0;
  };
  struct SlotState {
    bool chosen = false;
    paxos::Ballot ballot;  // the lowest one that is known to have chosen it
    std::uint64_t value = 0;
    std::uint64_t command = 0;
    std::vector<Round> rounds;  // in the order of their first sight
  };
  struct ReplicaState {
    paxos::Standing standing;
    std::vector<DurableRecord> records;  // of slot i + 1
    paxos::Slot cut = 0;
    paxos::Slot lost = 0;         // records up to this one were damaged once
    Position saved = 0;           // what a crash would leave of the state
    paxos::Slot applied_max = 0;  // over all its starts
  };

  ReplicaState& of(ReplicaId replica) { return replicas_[replica.value - 1]; }
  const ReplicaState& of(ReplicaId replica) const { return replicas_[replica.value - 1]; }
  SlotState& at(paxos::Slot slot);
  const SlotState& at(paxos::Slot slot) const { return slots_[slot - 1]; }
  Round* round_of(SlotState& slot, const paxos::Ballot& ballot);
  void check_saved(ReplicaId replica, paxos::Slot first, paxos::Slot last);
  void accepted(ReplicaId replica, const DurableRecord& record);
  void learned(ReplicaId replica, const DurableRecord& record);
  void choose(paxos::Slot slot, const Round& round, std::uint64_t command);
  void store(ReplicaId replica, const DurableRecord& record);
  void check_standing(ReplicaId replica, const paxos::Standing& standing);
  static void forget(ReplicaState& state, paxos::Slot lost);
  void check_kept(ReplicaId replica, const RecoveredLog& log);
  std::string describe(ReplicaId replica, paxos::Slot slot) const;
  void fail(std::string_view invariant, ReplicaId replica, paxos::Slot slot, std::string what);

  const std::size_t majority_;
  const IsDamaged is_damaged_;
  const std::uint64_t kept_slots_;
  Violation& violation_;
  std::vector<ReplicaState> replicas_;
  std::vector<SlotState> slots_;  // of slot i + 1
  paxos::Slot chosen_prefix_ = 0;
  std::uint64_t chosen_count_ = 0;
};

}  // namespace rkv::sim
