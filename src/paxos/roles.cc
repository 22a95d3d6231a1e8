// The part of Paxos that stops its roles and starts them again.

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "paxos/paxos.h"
#include "paxos/recovery.h"

namespace rkv::paxos {
namespace {

constexpr std::string_view kAcceptor = "acceptor";
constexpr std::string_view kProposer = "proposer";
constexpr std::string_view kLearner = "learner";

}  // namespace

std::vector<std::string_view> Paxos::roles() const { return {kAcceptor, kProposer, kLearner}; }

void Paxos::stop_role(std::string_view role, TimePoint now, protocol::Effects& effects) {
  context_.now = now;
  context_.effects = &effects;
  if (role == kAcceptor) {
    // A candidate needs its own promise; a leader had it, and goes on with the votes of the others.
    if (elector_.is_standing()) elector_.stand_down();
    acceptor_.stop();
    return;
  }
  // Nobody leads who cannot propose, or cannot learn what it is to serve.
  if (leadership_ != nullptr) yield("its proposer, or what it needs, was stopped");
  if (role == kProposer) {
    elector_.stop();
  } else {
    RKV_CHECK(role == kLearner, "it is a role of roles()");
    if (elector_.is_standing()) elector_.stand_down();
    learner_.stop();
  }
}

void Paxos::start_role(std::string_view role, protocol::Recovery&& recovery, TimePoint now,
                       protocol::Effects& effects) {
  context_.now = now;
  context_.effects = &effects;
  if (role == kAcceptor) {
    start_acceptor(std::move(recovery));
  } else if (role == kProposer) {
    elector_.start();
  } else {
    RKV_CHECK(role == kLearner, "it is a role of roles()");
    start_learner(std::move(recovery));
  }
}

void Paxos::start_acceptor(protocol::Recovery recovery) {
  recovery.applied = learner_.learned();
  RecoveredRoles roles = recover_roles(recovery);
  acceptor_.recover(roles.standing.promised, std::move(roles.votes), roles.lost_up_to,
                    context_.now);
  elector_.saw(acceptor_.promised());
  if (leadership_ != nullptr) leadership_->acceptor_is_back();
}

// What it kept is in the log, or waits to be written there: up to where it has handed values over,
// the last record of each slot that was not cut is of the chosen one. The standing on disk may be
// older than that.
void Paxos::start_learner(protocol::Recovery recovery) {
  RKV_CHECK(recovery.applied <= learner_.learned(), "what is applied was learned");
  recovery.applied = learner_.learned();
  std::vector<LogRecord>& records = recovery.log.records;
  records.insert(records.end(), context_.chosen_records.begin(), context_.chosen_records.end());
  Standing standing = decode_standing(recovery.log.standing).value_or(Standing());
  standing.cut = std::max(standing.cut, learner_.cut());
  recovery.log.standing = encode_standing(standing);
  RecoveredRoles roles = recover_roles(recovery);
  learner_.recover(recovery.applied, std::move(roles.kept));
  for (Value& value : roles.to_apply) learner_.learn(std::move(value));
  apply_learned();
}

}  // namespace rkv::paxos
