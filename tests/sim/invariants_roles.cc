#include "sim/invariants_roles.h"

#include <variant>

#include "base/check.h"
#include "paxos/message.h"

namespace rkv::sim {
namespace {

// Whether an answer is an acceptor's: a promise, a vote, its word, or what it has promised.
bool is_of_acceptor(const protocol::Message& answer) {
  const paxos::Ballot none;
  switch (answer.tag()) {
    case paxos::kPreVoteAnswer: {
      const auto& it = paxos::as<paxos::PreVoteAnswer>(answer);
      return it.granted || it.promised != none;
    }
    case paxos::kPromise: {
      const auto& it = paxos::as<paxos::Promise>(answer);
      return it.granted || it.promised != none || !it.accepted.empty();
    }
    case paxos::kAccepted: {
      const auto& it = paxos::as<paxos::Accepted>(answer);
      return it.taken > 0 || it.promised != none;
    }
    default:
      return false;
  }
}

bool is_of_proposer(const protocol::Message& message) {
  return message.tag() == paxos::kPreVote || message.tag() == paxos::kPrepare ||
         message.tag() == paxos::kAccept;
}

}  // namespace

void Roles::started(ReplicaId replica, std::string_view role) {
  Names& names = stopped_[replica];
  const auto found = names.find(role);
  RKV_CHECK(found != names.end(), "a role that starts was stopped");
  names.erase(found);
}

void Roles::fail(ReplicaId replica, std::string_view role, const std::string& what) {
  violation_.report("a stopped role does nothing", "replica " + std::to_string(replica.value) +
                                                       ": the " + std::string(role) +
                                                       " is stopped, but " + what);
}

void Roles::decides(ReplicaId replica, const protocol::Effect& effect) {
  const Names& names = stopped_[replica];
  if (names.empty()) return;
  const auto* const respond = std::get_if<protocol::Respond>(&effect);
  const auto* const send = std::get_if<protocol::Send>(&effect);
  if (names.contains("acceptor")) {
    if (std::holds_alternative<protocol::Persist>(effect)) {
      fail(replica, "acceptor", "its log is written");
    }
    if (respond != nullptr && is_of_acceptor(*respond->message)) {
      fail(replica, "acceptor", "it promises or votes");
    }
  }
  if (names.contains("proposer") && send != nullptr && is_of_proposer(*send->message)) {
    fail(replica, "proposer", "it asks for promises or votes");
  }
  if (names.contains("learner")) {
    if (std::holds_alternative<protocol::Apply>(effect)) {
      fail(replica, "learner", "something is applied");
    }
    if (respond != nullptr && respond->message->tag() == paxos::kFetched &&
        !paxos::as<paxos::Fetched>(*respond->message).values.empty()) {
      fail(replica, "learner", "it tells what is chosen");
    }
  }
}

}  // namespace rkv::sim
