#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "paxos/ballot.h"
#include "paxos/message.h"
#include "sim/invariants_votes.h"
#include "sim/network.h"
#include "sim/violation.h"

namespace rkv::sim {

// Looks at every Paxos message when it is given to the network, and checks that
// - what it says of its sender is durable there by then: the ballot of a Prepare and of an Accept
//   is promised, a granted Promise is, with all votes below it told, and a granted Accept is
//   accepted;
// - ballots are used by their own replica only, and in one incarnation only;
// - what it says to be chosen is chosen.
// Hands what is proposed on to Votes.
class Messages final : public MessageWatcher {
 public:
  // In which incarnation a replica runs.
  using IncarnationOf = std::function<Incarnation(ReplicaId replica)>;

  // `votes` and `violation` must outlive the object.
  Messages(Votes& votes, IncarnationOf incarnation_of, Violation& violation)
      : votes_(votes), incarnation_of_(std::move(incarnation_of)), violation_(violation) {}

  void sending(ReplicaId from, ReplicaId to, const protocol::Message& message) override;
  void answering(ReplicaId from, ReplicaId to, const protocol::Message& request,
                 const protocol::Message& answer) override;

  // At how many ballots something was proposed.
  std::uint64_t elections() const { return elections_; }

 private:
  struct BallotUse {
    Incarnation incarnation = 0;
    bool proposed = false;
  };
  BallotUse& use(ReplicaId from, const paxos::Ballot& ballot);
  void check_chosen(ReplicaId from, paxos::Slot chosen);
  void check_values(ReplicaId from, paxos::Slot first, const std::vector<paxos::Value>& values);
  void check_promise(ReplicaId from, const paxos::Prepare& prepare, const paxos::Promise& promise);
  void check_accepted(ReplicaId from, const paxos::Accept& accept, const paxos::Accepted& accepted);
  void propose(ReplicaId from, const paxos::Accept& accept);
  void fail(std::string_view invariant, ReplicaId from, std::string what);

  Votes& votes_;
  const IncarnationOf incarnation_of_;
  Violation& violation_;
  std::map<paxos::Ballot, BallotUse> ballots_;
  std::uint64_t elections_ = 0;
};

}  // namespace rkv::sim
