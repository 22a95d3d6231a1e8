#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/ids.h"
#include "base/time.h"
#include "protocol/effect.h"
#include "twopc/ledger.h"
#include "twopc/lock_table.h"
#include "twopc/message.h"
#include "twopc/options.h"

namespace rkv::twopc {

// A message that was sent and is not answered yet: what its sender wants to remember.
struct Outgoing {
  int tag = 0;  // of the message
  ReplicaId to;
  std::vector<TxnId> ids;                         // of a TxnPrepare or TxnQuery
  std::vector<OutcomeOf> outcomes;                // of a TxnDecide
  std::vector<protocol::ProposalId> proposals{};  // of a TxnSubmit
  std::uint64_t number = 0;                       // the same
};

// Another replica, as seen from here.
struct Member {
  ReplicaId id;
  bool up = false;
  std::string reason;  // why it is not, naming it
};

// What the parts of one replica's 2PC share: the log, the locks, the time of the event that is
// being stepped, and the way out.
class Context {
 public:
  explicit Context(const Options& options_given) : options(options_given) {
    for (const ReplicaId replica : options.replicas) {
      if (replica == options.self) continue;
      members.push_back({replica, false, name(replica) + " has not been reached since the start"});
    }
  }

  const Options& options;
  TimePoint now;
  protocol::Effects* effects = nullptr;
  Incarnation incarnation = 0;
  std::vector<Member> members;  // the others
  Ledger ledger;
  LockTable locks;
  bool log_has_room = true;
  bool participant_is_running = true;

  static std::string name(ReplicaId replica) { return "replica " + std::to_string(replica.value); }
  std::string own_name() const { return name(options.self); }

  Member& member(ReplicaId id) {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [id](const Member& each) { return each.id == id; });
    RKV_CHECK(found != members.end(), "who is spoken of is another member");
    return *found;
  }
  // Why not all the others can vote; empty: they may.
  std::string who_is_down() const {
    for (const Member& each : members) {
      if (!each.up) return each.reason;
    }
    return {};
  }
  std::string why_full() const {
    return log_has_room ? std::string() : "the disk of " + own_name() + " is nearly full";
  }

  // Lamport's clock: later than everything that was heard of.
  std::uint64_t clock() const { return clock_; }
  std::uint64_t tick_clock() { return ++clock_; }
  void saw_clock(std::uint64_t clock) { clock_ = std::max(clock_, clock); }

  void send(protocol::MessagePtr message, Outgoing outgoing, protocol::SyncPoint after = 0) {
    const protocol::CallId call = next_call_++;
    effects->emplace_back(protocol::Send{outgoing.to, call, std::move(message), after});
    outgoing_.emplace(call, std::move(outgoing));
  }
  void respond(protocol::CallId call, protocol::MessagePtr message, protocol::SyncPoint after = 0) {
    effects->emplace_back(protocol::Respond{call, std::move(message), after});
  }
  void finish(protocol::ProposalId proposal, Status status) {
    effects->emplace_back(protocol::Finish{proposal, std::move(status), {}, 0});
  }
  // What was remembered of a message that has ended, with an answer or without.
  Outgoing take_outgoing(protocol::CallId call) {
    const auto found = outgoing_.find(call);
    RKV_CHECK(found != outgoing_.end(), "a message ends once");
    Outgoing outgoing = std::move(found->second);
    outgoing_.erase(found);
    return outgoing;
  }
  protocol::CallId next_check() { return next_call_++; }

 private:
  std::uint64_t clock_ = 0;
  protocol::CallId next_call_ = 1;
  std::map<protocol::CallId, Outgoing> outgoing_;
};

}  // namespace rkv::twopc
