#include "paxos/elector.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace rkv::paxos {

void Elector::start() {
  is_stopped_ = false;
  highest_ = context_.acceptor.promised();
  leader_ballot_ = Ballot{};
  wait_again();
}

void Elector::stop() {
  stand_down();
  leader_ballot_ = Ballot{};
  highest_ = Ballot{};
  is_behind_ = false;
  is_stopped_ = true;
}

// A random time, so that seldom two stand at once.
void Elector::wait_again() {
  const Options& options = context_.options;
  const auto spread = static_cast<std::uint64_t>((options.election_max - options.election_min).ns);
  const Duration extra{static_cast<std::int64_t>(random_.below(spread + 1))};
  stand_at_ = context_.now + options.election_min + extra;
}

void Elector::heard_from_leader(const Ballot& ballot) {
  saw(ballot);
  if (is_standing()) stand_down();
  leader_ballot_ = ballot;
  wait_again();
}

void Elector::leader_is_gone() {
  leader_ballot_ = Ballot{};
  const Options& options = context_.options;
  const auto spread = static_cast<std::uint64_t>((options.election_max - options.election_min).ns);
  const Duration extra{static_cast<std::int64_t>(random_.below(spread / 2 + 1))};
  const TimePoint free_at = std::max(context_.now, context_.acceptor.bound_until());
  stand_at_ = std::min(stand_at_, free_at + extra);
}

void Elector::has_yielded(bool was_outbid) {
  stand_down();
  leader_ballot_ = Ballot{};
  if (was_outbid) stand_at_ = context_.now;
}

void Elector::saw(const Ballot& ballot) { highest_ = std::max(highest_, ballot); }

void Elector::stand_down() {
  stage_ = Stage::kFollowing;
  proposer_.reset();
  own_promise_sync_.reset();
  wait_again();
}

void Elector::tick() {
  if (context_.now < stand_at_) return;
  stand_down();
  leader_ballot_ = Ballot{};
  if (may_stand()) ask();
}

void Elector::ask() {
  ballot_ = {highest_.round + 1, context_.options.self};
  std::string why;
  if (!context_.acceptor.would_promise(ballot_, context_.now, &why)) return;
  stage_ = Stage::kAsking;
  pre_votes_ = {};
  pre_votes_.add(context_.quorum.index_of(context_.options.self));
  best_chosen_ = context_.learner.learned();
  best_cut_ = 0;
  if (pre_votes_.count() >= context_.quorum.majority()) {
    prepare();
    return;
  }
  const auto message = std::make_shared<PreVote>(PreVoteFields{ballot_});
  context_.for_each_peer([this, &message](ReplicaId peer) {
    context_.send(message, {kPreVote, peer, ballot_, context_.now, 0, 0, {}, {}});
  });
}

void Elector::answered(const Outgoing& outgoing, const PreVoteAnswerFields& answer) {
  saw(answer.promised);
  if (stage_ != Stage::kAsking || outgoing.ballot != ballot_ || !answer.granted) return;
  pre_votes_.add(context_.quorum.index_of(outgoing.to));
  if (answer.chosen > best_chosen_) {
    best_chosen_ = answer.chosen;
    best_cut_ = answer.cut;
  }
  if (pre_votes_.count() < context_.quorum.majority()) return;
  // Who cannot fetch what was chosen must not lead: nobody could tell it what to serve.
  is_behind_ = best_cut_ > context_.learner.learned();
  if (is_behind_) {
    stand_down();
  } else {
    prepare();
  }
}

void Elector::prepare() {
  ballot_ = {highest_.round + 1, context_.options.self};
  if (!context_.acceptor.prepare(ballot_, context_.now)) {
    stand_down();
    return;
  }
  saw(ballot_);
  stage_ = Stage::kPreparing;
  wait_again();
  proposer_ = std::make_unique<Proposer>(context_.options, context_.quorum, ballot_);
  // The ballot is this replica's from when its own promise is durable: after a crash it will not
  // make the same one again. Only then it may be spoken of.
  own_promise_sync_ = context_.acceptor_sync();
  const auto message = std::make_shared<Prepare>(PrepareFields{ballot_});
  context_.for_each_peer([this, &message](ReplicaId peer) {
    context_.send(message, {kPrepare, peer, ballot_, context_.now, 0, 0, {}, {}},
                  *own_promise_sync_);
  });
}

void Elector::answered(const Outgoing& outgoing, const PromiseFields& answer) {
  saw(answer.promised);
  if (stage_ != Stage::kPreparing || outgoing.ballot != ballot_) return;
  if (answer.granted) {
    if (!proposer_->has_majority()) {
      proposer_->add_promise(outgoing.to, answer.chosen, answer.accepted);
    }
  } else if (answer.promised > ballot_) {
    stand_down();
  }
}

void Elector::persisted(protocol::SyncPoint sync) {
  if (stage_ != Stage::kPreparing || !own_promise_sync_ || sync < *own_promise_sync_) return;
  own_promise_sync_.reset();
  if (context_.acceptor.promised() != ballot_ || proposer_->has_majority()) return;
  add_own_promise();
}

void Elector::add_own_promise() {
  std::vector<AcceptedValue> accepted;
  for (const auto& [slot, vote] : context_.acceptor.votes()) {
    accepted.push_back({slot, vote.ballot, vote.value});
  }
  proposer_->add_promise(context_.options.self, context_.learner.learned(), accepted);
}

std::unique_ptr<Proposer> Elector::take_won() {
  if (proposer_ == nullptr || !proposer_->has_majority()) return nullptr;
  std::unique_ptr<Proposer> won = std::move(proposer_);
  own_promise_sync_.reset();
  stage_ = Stage::kFollowing;
  stand_at_ = kNever;
  leader_ballot_ = ballot_;
  return won;
}

}  // namespace rkv::paxos
