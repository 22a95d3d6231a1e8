#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/message.h"
#include "twopc/transaction.h"

namespace rkv::twopc {

// What replicas say to one another, each with its answer. Every message and answer carries the
// Lamport clock of who sent it.
enum Tag : int {
  kTxnPrepare = 201,
  kTxnPrepared,
  kTxnVotes,
  kTxnDecide,
  kTxnDecided,
  kTxnQuery,
  kTxnOutcome,
  kTxnSubmit,
  kTxnSubmitted,
  kTxnEnded,
  kTxnNoted,
};

constexpr std::size_t kDecisionsMax = 4096;  // in one TxnDecide
constexpr std::size_t kQueriesMax = 512;     // in one TxnQuery

using protocol::as;
using protocol::MessageOf;

// Coordinator to participant: lock the keys of these transactions, write them down, and vote.
struct TxnPrepareFields {
  std::uint64_t clock = 0;
  // Every transaction that the sender began before this one is finished: no replica will vote for
  // it or ask for its outcome any more, but of the sender itself.
  TxnMark finished_below;
  std::vector<TransactionPtr> transactions;  // at most kBatchCommandsMax, one always fits
};

// How a participant votes. Its yes is durable before it leaves.
enum class Vote : std::uint32_t {
  kYes = 1,
  kConflict = 2,  // no: an older write is in the way; the coordinator tries again
  kWaits = 3,     // not yet: a younger write holds a lock; the vote comes later, in TxnVotes
  kRefused = 4,   // no, and why is in the reason of the answer
};

// The answer to TxnPrepare: a vote for each of its transactions, in their order.
struct TxnPreparedFields {
  std::uint64_t clock = 0;
  std::vector<Vote> votes;
  std::string reason;  // of every kRefused among them
};

// Participant to coordinator: the votes that had to wait.
struct LateVote {
  TxnId id;
  Vote vote = Vote::kYes;  // never kWaits
};
struct TxnVotesFields {
  std::uint64_t clock = 0;
  std::vector<LateVote> votes;  // at most kBatchCommandsMax
  std::string reason;           // of every kRefused among them
};

// Coordinator to participant: what became of these transactions, in the order of the decisions.
struct OutcomeOf {
  TxnId id;
  Decision decision = Decision::kAbort;
};
struct TxnDecideFields {
  std::uint64_t clock = 0;
  TxnMark finished_below;           // as in TxnPrepareFields
  std::vector<OutcomeOf> outcomes;  // at most kDecisionsMax
};

// The answer to TxnDecide: the commits are durable here. (Aborts need not be: who has forgotten one
// asks, and is told so again.)
struct TxnDecidedFields {
  std::uint64_t clock = 0;
  std::string refused;  // why they are not, and will have to be said again; empty: they are
};

// A participant in doubt asks the coordinator, or another participant: what became of these?
struct TxnQueryFields {
  std::uint64_t clock = 0;
  std::vector<TxnId> ids;  // at most kQueriesMax
};

// What whoever is asked knows of a transaction.
enum class Knowledge : std::uint32_t {
  kCommitted = 1,
  kAborted = 2,
  kUnknown = 3,  // not decided yet, in doubt here as well, or forgotten
};

// The answer to TxnQuery, in the order of its ids.
struct TxnOutcomeFields {
  std::uint64_t clock = 0;
  std::vector<Knowledge> outcomes;
};

// To the one coordinator of a cluster that has one: coordinate this write of one of my clients.
struct Submission {
  protocol::ProposalId proposal = 0;
  OperationId operation;
  std::vector<std::string> keys;
  SharedBytes command;
};
struct TxnSubmitFields {
  std::uint64_t clock = 0;
  Incarnation incarnation = 0;          // of who submits
  std::vector<Submission> submissions;  // at most kBatchCommandsMax, one always fits
  // Of this message, among those of the incarnation, from 1: one that comes twice is known by it.
  std::uint64_t number = 1;
  // Who submits waits for the answer to none with a lower number any more.
  std::uint64_t ended_below = 1;
};

// The answer to TxnSubmit.
struct TxnSubmittedFields {
  std::uint64_t clock = 0;
  std::uint32_t taken = 0;  // so many of the first ones; nothing has come of the others
  std::string reason;       // why not all of them
};

// The one coordinator to who submitted: these writes have not been made. (Of one that was, the
// origin hears as a participant.)
struct SubmissionEnd {
  enum class What : std::uint32_t {
    kRepeated = 1,      // its operation id was committed before: the reply is in the state
    kNotAvailable = 2,  // nothing has happened, and nothing will
    kBusy = 3,          // the same, for want of room
  };
  protocol::ProposalId proposal = 0;
  What what = What::kNotAvailable;
  std::string reason;  // but for kRepeated
};
struct TxnEndedFields {
  std::uint64_t clock = 0;
  Incarnation incarnation = 0;      // of who submitted
  std::vector<SubmissionEnd> ends;  // at most kBatchCommandsMax
};

// The answer to TxnVotes and TxnEnded: it has been read.
struct TxnNotedFields {
  std::uint64_t clock = 0;
};

using TxnPrepare = MessageOf<kTxnPrepare, TxnPrepareFields>;
using TxnPrepared = MessageOf<kTxnPrepared, TxnPreparedFields>;
using TxnVotes = MessageOf<kTxnVotes, TxnVotesFields>;
using TxnDecide = MessageOf<kTxnDecide, TxnDecideFields>;
using TxnDecided = MessageOf<kTxnDecided, TxnDecidedFields>;
using TxnQuery = MessageOf<kTxnQuery, TxnQueryFields>;
using TxnOutcome = MessageOf<kTxnOutcome, TxnOutcomeFields>;
using TxnSubmit = MessageOf<kTxnSubmit, TxnSubmitFields>;
using TxnSubmitted = MessageOf<kTxnSubmitted, TxnSubmittedFields>;
using TxnEnded = MessageOf<kTxnEnded, TxnEndedFields>;
using TxnNoted = MessageOf<kTxnNoted, TxnNotedFields>;

}  // namespace rkv::twopc
