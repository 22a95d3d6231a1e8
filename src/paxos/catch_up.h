#pragma once

#include "base/time.h"
#include "paxos/context.h"

namespace rkv::paxos {

// Fetches chosen values that this replica has missed: it knows that slots are chosen, and its own
// votes do not tell for which values. One question at a time, to who last seemed to know, and from
// one to the next when that one does not answer or has cut what is wanted.
class CatchUp {
 public:
  explicit CatchUp(Context& context) : context_(context) {}

  // This replica seems to know what is chosen. It is asked next, unless it was asked in vain since
  // something was learned: then it is the others' turn first.
  void ask_from_now_on(ReplicaId replica) {
    if (!asked_in_vain_.has(context_.quorum.index_of(replica))) source_ = replica;
  }

  // Asks if something is missing.
  void flush();
  void answered(const Outgoing& outgoing, const FetchedFields& answer);
  void failed(const Outgoing& outgoing);
  TimePoint next_tick() const;

  // Whether every other replica has cut what this one needs: it cannot catch up by its log.
  bool is_behind_every_log() const {
    return context_.quorum.size() > 1 && refused_.count() == context_.quorum.size() - 1;
  }

  // The answer to a question of another replica.
  FetchedFields values_from(Slot first) const;

 private:
  void try_next();

  Context& context_;
  ReplicaId source_;
  bool in_flight_ = false;
  TimePoint ask_again_at_;
  protocol::Votes asked_in_vain_;  // for what is needed next
  protocol::Votes refused_;        // who of those has cut it
};

}  // namespace rkv::paxos
