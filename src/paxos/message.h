#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "paxos/ballot.h"
#include "paxos/value.h"
#include "protocol/message.h"

namespace rkv::paxos {

// What the replicas say to one another. Every request is answered by the message that follows it
// here. PROTOCOL.txt says when each is sent and what it means.
enum Tag : int {
  kPreVote = 101,
  kPreVoteAnswer,
  kPrepare,
  kPromise,
  kAccept,
  kAccepted,
  kFetch,
  kFetched,
  kSubmit,
  kSubmitted,
  kReadIndex,
  kReadIndexAnswer,
};

using protocol::as;
using protocol::MessageOf;

// A vote for a value in a slot.
struct AcceptedValue {
  Slot slot = 0;
  Ballot ballot;
  Value value;
};

// Would you promise me a ballot? Changes nothing.
struct PreVoteFields {
  Ballot ballot;  // the one that would be asked for
};
struct PreVoteAnswerFields {
  bool granted = false;
  Ballot promised;  // the highest ballot that the answering replica has heard of
  Slot chosen = 0;  // how far it has learned
  Slot cut = 0;     // up to where it cannot tell chosen values any more
};

// Phase 1: promise to accept nothing below this ballot, and say what you have accepted.
struct PrepareFields {
  Ballot ballot;
};
struct PromiseFields {
  bool granted = false;
  // The highest ballot promised; `ballot` of the Prepare if granted. None, if the acceptor is
  // stopped.
  Ballot promised;
  Slot chosen = 0;  // every slot up to this one is chosen, and can be fetched here
  Slot cut = 0;     // but for those up to this one
  std::vector<AcceptedValue> accepted;  // every vote above `chosen`
};

// Phase 2: accept these values, for consecutive slots. Without values it is a heartbeat.
struct AcceptFields {
  Ballot ballot;
  Slot first = 0;  // slot of values[0]
  std::vector<Value> values;
  Slot chosen = 0;  // every slot up to this one is chosen
};
struct AcceptedFields {
  std::uint32_t taken = 0;  // so many of the first values are accepted, or known to be chosen
  // The highest ballot promised; above that of the Accept: it is refused. Below it, which is none:
  // the acceptor is stopped, and has given neither a vote nor its word.
  Ballot promised;
  Slot chosen = 0;  // how far the answering replica has learned
};

// What was chosen from this slot on?
struct FetchFields {
  Slot first = 0;
};
struct FetchedFields {
  Slot first = 0;
  std::vector<Value> values;  // chosen ones of consecutive slots; as many as fit
  Slot chosen = 0;            // how far the answering replica has learned
  Slot cut = 0;               // up to where it cannot tell
};

// For the leader: propose these values, of clients of the replica that sends it.
struct SubmitFields {
  std::vector<Value> values;
};
struct SubmittedFields {
  std::uint32_t taken = 0;  // so many of the first; the others were not, and nothing came of them
  Ballot ballot;            // of the leader that took them, or the highest one known
  std::string reason;       // why not all were taken
};

// For the leader: which slot must be applied before a read that begins now is linearizable?
struct ReadIndexFields {};
struct ReadIndexAnswerFields {
  bool granted = false;
  Slot slot = 0;
};

using PreVote = MessageOf<kPreVote, PreVoteFields>;
using PreVoteAnswer = MessageOf<kPreVoteAnswer, PreVoteAnswerFields>;
using Prepare = MessageOf<kPrepare, PrepareFields>;
using Promise = MessageOf<kPromise, PromiseFields>;
using Accept = MessageOf<kAccept, AcceptFields>;
using Accepted = MessageOf<kAccepted, AcceptedFields>;
using Fetch = MessageOf<kFetch, FetchFields>;
using Fetched = MessageOf<kFetched, FetchedFields>;
using Submit = MessageOf<kSubmit, SubmitFields>;
using Submitted = MessageOf<kSubmitted, SubmittedFields>;
using ReadIndex = MessageOf<kReadIndex, ReadIndexFields>;
using ReadIndexAnswer = MessageOf<kReadIndexAnswer, ReadIndexAnswerFields>;

}  // namespace rkv::paxos
