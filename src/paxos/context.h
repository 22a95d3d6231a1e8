#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "paxos/acceptor.h"
#include "paxos/ballot.h"
#include "paxos/learner.h"
#include "paxos/message.h"
#include "paxos/options.h"
#include "protocol/effect.h"
#include "protocol/quorum.h"

namespace rkv::paxos {

// A message that was sent and is not answered yet: what its sender wants to remember.
struct Outgoing {
  int tag = 0;  // of the message
  ReplicaId to;
  Ballot ballot;
  TimePoint sent_at;
  Slot first = 0;  // of an Accept: the slots of its values
  std::size_t count = 0;
  std::vector<protocol::ProposalId> proposals;                // of a Submit: what it carries
  std::vector<std::pair<protocol::ReadId, TimePoint>> reads;  // of a ReadIndex: who waits for it
};

// What the parts of one replica's Paxos share: its roles, the time of the event that is being
// stepped, and the way out.
class Context {
 public:
  Context(const Options& options_given, Acceptor& acceptor_given, Learner& learner_given)
      : options(options_given),
        quorum(options_given.replicas),
        acceptor(acceptor_given),
        learner(learner_given) {}

  const Options& options;
  const protocol::Quorum quorum;
  Acceptor& acceptor;
  Learner& learner;
  TimePoint now;
  protocol::Effects* effects = nullptr;
  bool log_has_room = true;
  // Chosen values that this replica has no vote of its own for, to be written down in this turn, or
  // when acceptor and learner run again: until then the log stays as the acceptor has left it, and
  // the learner, which may have read the log already, finds here what it has learned.
  std::vector<LogRecord> chosen_records;

  // The Persist that ends this turn, if anything is to be made durable.
  protocol::SyncPoint this_sync() const { return syncs_ + 1; }
  // The last Persist that was made; 0: none.
  protocol::SyncPoint last_sync() const { return syncs_; }
  // What must be durable before anything may be said that depends on the acceptor's promises and
  // votes as they are now.
  protocol::SyncPoint acceptor_sync() const {
    return acceptor.has_changed() ? this_sync() : acceptor_synced_by_;
  }
  // The same for its promises alone.
  protocol::SyncPoint promise_sync() const {
    return acceptor.promise_has_changed() ? this_sync() : promise_synced_by_;
  }
  // Why no more writes should be taken on here; empty: they may.
  std::string why_full() const {
    const std::string self = "replica " + std::to_string(options.self.value);
    if (!log_has_room) return "the disk of " + self + " is nearly full";
    if (is_unsaved_full()) {
      return self + " has too much that is not saved in its state yet";
    }
    if (is_unwritten_full()) return self + " cannot write down what is chosen";
    return {};
  }
  // Whether so much is kept because the state has not been saved that no more should come.
  bool is_unsaved_full() const {
    return learner.kept_bytes() > options.kept_bytes + options.unsaved_bytes_max;
  }
  // Whether so much waits in chosen_records that no more should come.
  bool is_unwritten_full() const {
    return chosen_records.size() >= options.unwritten_slots_max ||
           unwritten_bytes_ >= options.unwritten_bytes_max;
  }

  // Learns the chosen value of the next slot, which did not come of this acceptor's own vote: the
  // log must hold it.
  void learn_and_record(Value value) {
    unwritten_bytes_ += value.size();
    chosen_records.push_back(
        encode_record({SlotRecord::Type::kChosen, learner.learned() + 1, Ballot{}, value}));
    learner.learn(std::move(value));
  }

  std::vector<LogRecord> take_chosen_records() {
    unwritten_bytes_ = 0;
    return std::exchange(chosen_records, {});
  }

  // The turn's Persist has been made.
  void persisted(bool acceptor_changed, bool promise_changed) {
    ++syncs_;
    if (acceptor_changed) acceptor_synced_by_ = syncs_;
    if (promise_changed) promise_synced_by_ = syncs_;
  }

  void send(protocol::MessagePtr message, Outgoing outgoing, protocol::SyncPoint after = 0) {
    const protocol::CallId call = next_call_++;
    effects->emplace_back(protocol::Send{outgoing.to, call, std::move(message), after});
    outgoing_.emplace(call, std::move(outgoing));
  }
  void respond(protocol::CallId call, protocol::MessagePtr message, protocol::SyncPoint after = 0) {
    effects->emplace_back(protocol::Respond{call, std::move(message), after});
  }
  // What was remembered of a message that has ended, with an answer or without.
  Outgoing take_outgoing(protocol::CallId call) {
    const auto found = outgoing_.find(call);
    RKV_CHECK(found != outgoing_.end(), "a message ends once");
    Outgoing outgoing = std::move(found->second);
    outgoing_.erase(found);
    return outgoing;
  }

  // Every member but this replica.
  template <typename Each>
  void for_each_peer(Each each) const {
    for (const ReplicaId member : quorum.members()) {
      if (member != options.self) each(member);
    }
  }

 private:
  protocol::SyncPoint syncs_ = 0;
  std::size_t unwritten_bytes_ = 0;  // of chosen_records
  protocol::SyncPoint acceptor_synced_by_ = 0;
  protocol::SyncPoint promise_synced_by_ = 0;
  protocol::CallId next_call_ = 1;
  std::map<protocol::CallId, Outgoing> outgoing_;
};

}  // namespace rkv::paxos
