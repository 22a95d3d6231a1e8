#include "sim/invariants_txn_messages.h"

#include <cstddef>

#include "sim/txn_text.h"

namespace rkv::sim {

using twopc::Decision;
using twopc::Knowledge;
using twopc::TxnId;
using twopc::Vote;
using Has = Transactions::Has;

void TxnMessages::fail(std::string_view invariant, ReplicaId from, const TxnId& id,
                       const std::string& what) {
  violation_.report(invariant, "replica " + std::to_string(from.value) + ", transaction " +
                                   to_string(id) + ": " + what);
}

void TxnMessages::sending(ReplicaId from, ReplicaId to, const protocol::Message& message) {
  switch (message.tag()) {
    case twopc::kTxnPrepare: {
      const auto& prepare = twopc::as<twopc::TxnPrepare>(message);
      for (const twopc::TransactionPtr& it : prepare.transactions) transactions_.begun(from, *it);
      return transactions_.finished_below(from, prepare.finished_below);
    }
    case twopc::kTxnVotes:
      for (const twopc::LateVote& it : twopc::as<twopc::TxnVotes>(message).votes) {
        if (it.vote == Vote::kYes) check_yes(from, it.id);
        if (it.id.coordinator != to) fail("votes go to the coordinator", from, it.id, "votes");
      }
      return;
    case twopc::kTxnDecide:
      return check_decide(from, twopc::as<twopc::TxnDecide>(message));
    case twopc::kTxnEnded:
      return check_ended(from, to, twopc::as<twopc::TxnEnded>(message));
    default:
      return;
  }
}

void TxnMessages::answering(ReplicaId from, ReplicaId /*to*/, const protocol::Message& request,
                            const protocol::Message& answer) {
  switch (answer.tag()) {
    case twopc::kTxnPrepared:
      return check_prepared(from, twopc::as<twopc::TxnPrepare>(request),
                            twopc::as<twopc::TxnPrepared>(answer));
    case twopc::kTxnDecided:
      return check_decided(from, twopc::as<twopc::TxnDecide>(request),
                           twopc::as<twopc::TxnDecided>(answer));
    case twopc::kTxnOutcome: {
      const auto& ids = twopc::as<twopc::TxnQuery>(request).ids;
      const auto& outcomes = twopc::as<twopc::TxnOutcome>(answer).outcomes;
      if (ids.size() != outcomes.size()) {
        return fail("what is asked is answered", from, {}, "answers another number of questions");
      }
      for (std::size_t i = 0; i < ids.size(); ++i) check_outcome(from, ids[i], outcomes[i]);
      return;
    }
    default:
      return;
  }
}

// ---- Votes ----

void TxnMessages::check_prepared(ReplicaId from, const twopc::TxnPrepare& request,
                                 const twopc::TxnPrepared& answer) {
  if (answer.votes.size() != request.transactions.size()) {
    return fail("what is asked is answered", from, {}, "votes for another number of transactions");
  }
  for (std::size_t i = 0; i < answer.votes.size(); ++i) {
    if (answer.votes[i] == Vote::kYes) check_yes(from, request.transactions[i]->id);
  }
}

// Its coordinator may have ended it by now, for the vote of another one.
void TxnMessages::check_yes(ReplicaId from, const TxnId& id) {
  const Has has = transactions_.has(from, id);
  if (has != Has::kNothing && has != Has::kRefused) return;
  fail("persist before you speak", from, id,
       "votes yes, but durably has it " + std::string(to_string(has)));
}

// ---- Decisions ----

void TxnMessages::check_decide(ReplicaId from, const twopc::TxnDecide& message) {
  for (const twopc::OutcomeOf& it : message.outcomes) {
    if (it.id.coordinator != from) fail("only the coordinator decides", from, it.id, "decides");
    if (it.decision == Decision::kAbort) {
      transactions_.aborted(from, it.id);
    } else if (!transactions_.is_committed(it.id)) {
      fail("persist before you speak", from, it.id,
           "says that it is committed, but that is not durable");
    }
  }
  transactions_.finished_below(from, message.finished_below);
}

void TxnMessages::check_decided(ReplicaId from, const twopc::TxnDecide& request,
                                const twopc::TxnDecided& answer) {
  if (!answer.refused.empty()) return;
  for (const twopc::OutcomeOf& it : request.outcomes) {
    const Has has = transactions_.has(from, it.id);
    if (it.decision == Decision::kAbort || has == Has::kCommitted) continue;
    fail("persist before you speak", from, it.id,
         "acknowledges what became of it, but durably has it " + std::string(to_string(has)));
  }
}

void TxnMessages::check_outcome(ReplicaId from, const TxnId& id, Knowledge knowledge) {
  const Has has = transactions_.has(from, id);
  if (knowledge == Knowledge::kCommitted && has != Has::kCommitted) {
    fail("persist before you speak", from, id,
         "says that it is committed, but durably has it " + std::string(to_string(has)));
  }
  // Who asked about a finished one knows how by now.
  if (knowledge != Knowledge::kAborted || transactions_.is_finished(id)) return;
  transactions_.aborted(from, id);
  const bool may_know = from == id.coordinator || has == Has::kRefused || has == Has::kAborted ||
                        transactions_.was_told_aborted(from, id);
  if (!may_know) {
    fail("who may say \"aborted\"", from, id,
         "says that it was aborted, but durably has it " + std::string(to_string(has)));
  }
}

void TxnMessages::check_ended(ReplicaId from, ReplicaId to, const twopc::TxnEnded& message) {
  for (const twopc::SubmissionEnd& it : message.ends) {
    if (it.what == twopc::SubmissionEnd::What::kRepeated) continue;
    transactions_.nothing_happened(from, {to, message.incarnation, it.proposal});
  }
}

}  // namespace rkv::sim
