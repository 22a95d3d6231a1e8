#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "paxos/acceptor.h"
#include "paxos/ballot.h"
#include "paxos/options.h"
#include "paxos/value.h"

namespace rkv::paxos {

// The learner of "Paxos Made Simple": finds out which values are chosen, in the order of the slots,
// without a gap. Keeps what it has learned for replicas that lag, until it is cut.
class Learner {
 public:
  explicit Learner(const Options& options) : options_(options) {}

  // Takes up again after a start, of the process or of this role: everything up to `learned` is in
  // the state or in `kept`, the chosen values of the slots that end with `learned`.
  void recover(Slot learned, std::deque<Value> kept);

  // Ends, until recover(), with everything taken that was learned: it keeps no value, and learns
  // none.
  void stop();
  bool is_running() const { return is_running_; }

  // Somebody who knows says that every slot up to this one is chosen. `ballot`: at which it
  // proposed what is not learned yet. Learns from this replica's own votes where they are of that
  // ballot: a proposer proposes one value at a ballot, so this one is the chosen one. A vote of any
  // other ballot may be for a value that was never chosen. Returns how far it got.
  Slot told_chosen(Slot chosen, const Ballot& ballot, const Acceptor& acceptor);
  // The chosen value of the slot behind the last one learned.
  void learn(Value value);

  Slot learned() const { return learned_; }
  // What is known to be chosen; above learned(), the values must be fetched.
  Slot known_chosen() const { return known_chosen_; }
  // Up to where values are not kept any more; of a stopped one, as it was before.
  Slot cut() const { return is_running_ ? learned_ - kept_.size() : cut_at_stop_; }
  // Up to where the log need not hold what is chosen: those slots are in the state that is saved.
  Slot log_cut() const { return std::min(cut(), saved_); }
  const Value& value(Slot slot) const;
  // Whether this value is, or is not excluded to be, the chosen one of the slot. A stopped one
  // cannot tell of what it has learned, and a running one not of what is cut: no, and yes.
  bool may_be_chosen(Slot slot, const Value& candidate) const;

  // Calls `apply(slot, value)` for what was learned since the last call, in the order of the slots.
  template <typename Apply>
  void take_learned(Apply apply) {
    while (taken_ < learned_) {
      ++taken_;
      apply(taken_, value(taken_));
    }
  }

  // The state on disk stands for everything up to this slot, so the log need not.
  void saved(Slot slot) { saved_ = slot; }
  // Drops values that the state holds and no replica should need. Returns true if cut() has grown.
  bool cut_kept();
  // Bytes of values that are kept.
  std::size_t kept_bytes() const { return kept_bytes_; }

 private:
  const Options& options_;
  std::deque<Value> kept_;  // of the slots up to learned_
  std::size_t kept_bytes_ = 0;
  Slot learned_ = 0;
  Slot known_chosen_ = 0;
  Slot taken_ = 0;
  Slot saved_ = 0;
  bool is_running_ = true;
  Slot cut_at_stop_ = 0;
};

}  // namespace rkv::paxos
