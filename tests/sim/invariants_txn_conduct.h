#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "protocol/effect.h"
#include "protocol/event.h"
#include "sim/counters.h"
#include "sim/invariants_txn_records.h"
#include "sim/invariants_txn_state.h"
#include "sim/violation.h"
#include "twopc/message.h"

namespace rkv::sim {

// What each process of a replica was told, and what it does. Checks that
// - a coordinator has a cause for an abort: a vote, a message that failed, a replica that is down,
//   a role that was stopped, a full disk, or that it took too long (AC4);
// - who has voted yes ends the transaction only as it was told to;
// - a write waits for no older one that has a vote, so that no two wait for one another;
// - a read waits for what was in doubt of its key when it came, and is refused for nothing else;
// - a client is told "ok" when its write is durably decided, or was made before, and nothing comes
//   of a write that is refused;
// - a stopped coordinator asks for no votes and decides nothing, and a stopped participant votes
//   for nothing and ends nothing.
// Hands what is written on to Transactions, and what is applied to TxnStates.
class TxnConduct {
 public:
  using IncarnationOf = Transactions::IncarnationOf;

  // What is passed by reference must outlive the object.
  TxnConduct(std::size_t replicas, Transactions& transactions, TxnStates& states,
             IncarnationOf incarnation_of, Violation& violation)
      : replicas_(replicas),
        transactions_(transactions),
        states_(states),
        incarnation_of_(std::move(incarnation_of)),
        violation_(violation) {}

  void process_started(ReplicaId replica) { processes_[replica] = {}; }
  void happens(ReplicaId replica, const protocol::Event& event, TimePoint now);
  void decides(ReplicaId replica, const protocol::Effect& effect, TimePoint now);
  void role_stopped(ReplicaId replica, std::string_view role);
  void role_started(ReplicaId replica, std::string_view role);

  void count(Counters& counters) const;

 private:
  enum class Source { kDecision, kCoordinator, kPeer };  // told by, or asked
  struct Told {
    twopc::Decision decision = twopc::Decision::kAbort;
    Source source = Source::kDecision;
  };
  struct Voting {
    TimePoint asked;  // when its client did
    OperationId operation;
    bool excused = false;  // something has happened that may abort it
  };
  struct Checking {
    protocol::ProposalId proposal = 0;
    OperationId operation;
  };
  struct Reading {
    std::string key;
    std::vector<twopc::TxnId> in_doubt;  // when it came
  };
  struct Process {
    std::map<protocol::CallId, protocol::MessagePtr> calls;     // sent, and not answered
    std::map<protocol::CallId, protocol::MessagePtr> requests;  // the same, received
    std::map<protocol::ReadId, Reading> reads;
    std::map<std::pair<ReplicaId, protocol::ProposalId>, TimePoint> writes;  // when asked for
    std::map<protocol::ProposalId, OperationId> proposals;                   // not ended
    std::map<protocol::CallId, Checking> checks;
    std::set<protocol::ProposalId> known;  // that the state has said to have been made before
    std::map<twopc::TxnId, Voting> voting;
    std::map<twopc::TxnId, Told> told;
    std::set<ReplicaId> up;
    std::set<std::string, std::less<>> stopped;  // roles
    bool has_room = true;
  };

  bool is_troubled(const Process& process) const;
  static void excuse(Process& process, const twopc::TxnId& id);
  static void excuse(Process& process, const OperationId& operation);
  static void excuse_all(Process& process);
  void answered(ReplicaId replica, const protocol::Answer& answer);
  void asked(ReplicaId replica, const protocol::Request& request);
  void told(ReplicaId replica, const twopc::TxnId& id, const Told& told);
  void voted(Process& process, const twopc::TxnId& id, twopc::Vote vote);
  void sends(ReplicaId replica, const protocol::Send& send, TimePoint now);
  void persists(ReplicaId replica, const protocol::Persist& persist);
  void check_end(ReplicaId replica, const twopc::Record& record);
  void check_waits(ReplicaId replica, const protocol::Respond& respond);
  void check_read(ReplicaId replica, protocol::ReadId read, bool is_refused);
  void check_cause(ReplicaId replica, const twopc::TxnId& id, TimePoint now);
  void finishes(ReplicaId replica, const protocol::Finish& finish);
  void check_coordinator(ReplicaId replica, const protocol::Effect& effect);
  void check_participant(ReplicaId replica, const protocol::Effect& effect);
  void check_knowledge(ReplicaId replica, const protocol::Respond& respond, bool is_own);
  void fail(std::string_view invariant, ReplicaId replica, const std::string& what);

  const std::size_t replicas_;
  Transactions& transactions_;
  TxnStates& states_;
  const IncarnationOf incarnation_of_;
  Violation& violation_;
  std::map<ReplicaId, Process> processes_;
  std::uint64_t conflicts_ = 0;
  std::uint64_t ended_by_coordinator_ = 0;
  std::uint64_t ended_by_peers_ = 0;
};

}  // namespace rkv::sim
