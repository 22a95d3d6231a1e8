#include "sim/invariants_txn_conduct.h"

#include <algorithm>
#include <optional>
#include <variant>
#include <vector>

#include "base/check.h"
#include "sim/protocol_under_test.h"
#include "sim/txn_text.h"

namespace rkv::sim {

using twopc::Decision;
using twopc::Knowledge;
using twopc::Record;
using twopc::TxnId;
using twopc::Vote;
using Has = Transactions::Has;

void TxnConduct::fail(std::string_view invariant, ReplicaId replica, const std::string& what) {
  violation_.report(invariant, "replica " + std::to_string(replica.value) + ": " + what);
}

void TxnConduct::count(Counters& counters) const {
  counters.conflicts += conflicts_;
  counters.doubts_ended_by_coordinator += ended_by_coordinator_;
  counters.doubts_ended_by_peers += ended_by_peers_;
}

// ---- What it is told ----

bool TxnConduct::is_troubled(const Process& process) const {
  return process.up.size() + 1 < replicas_ || !process.stopped.empty() || !process.has_room;
}

void TxnConduct::excuse(Process& process, const TxnId& id) {
  const auto found = process.voting.find(id);
  if (found != process.voting.end()) found->second.excused = true;
}

void TxnConduct::excuse(Process& process, const OperationId& operation) {
  for (auto& [id, voting] : process.voting) {
    const bool is_it = voting.operation.client == operation.client &&
                       voting.operation.sequence == operation.sequence;
    voting.excused |= is_it;
  }
}

void TxnConduct::excuse_all(Process& process) {
  for (auto& [id, voting] : process.voting) voting.excused = true;
}

void TxnConduct::voted(Process& process, const TxnId& id, Vote vote) {
  if (vote == Vote::kConflict) ++conflicts_;
  if (vote == Vote::kConflict || vote == Vote::kRefused) excuse(process, id);
}

void TxnConduct::happens(ReplicaId replica, const protocol::Event& event, TimePoint now) {
  Process& process = processes_[replica];
  if (const auto* const propose = std::get_if<protocol::Propose>(&event)) {
    process.writes[{replica, propose->proposal}] = now;
    process.proposals[propose->proposal] = propose->operation;
  } else if (const auto* const read = std::get_if<protocol::Read>(&event)) {
    const std::string key(read->key);
    process.reads[read->read] = {key, transactions_.in_doubt(replica, key)};
  } else if (const auto* const request = std::get_if<protocol::Request>(&event)) {
    process.requests[request->call] = request->message;
    asked(replica, *request);
    if (request->message->tag() == twopc::kTxnSubmit) {
      for (const auto& it : twopc::as<twopc::TxnSubmit>(*request->message).submissions) {
        process.writes.try_emplace({request->from, it.proposal}, now);
      }
    }
  } else if (const auto* const answer = std::get_if<protocol::Answer>(&event)) {
    answered(replica, *answer);
    process.calls.erase(answer->call);
  } else if (const auto* const failed = std::get_if<protocol::SendFailed>(&event)) {
    const auto call = process.calls.find(failed->call);
    RKV_CHECK(call != process.calls.end(), "what fails was sent");
    if (call->second->tag() == twopc::kTxnPrepare) {
      for (const auto& it : twopc::as<twopc::TxnPrepare>(*call->second).transactions) {
        excuse(process, it->id);
      }
    }
    process.calls.erase(call);
  } else if (const auto* const checked = std::get_if<protocol::Checked>(&event)) {
    const Checking& checking = process.checks[checked->check];
    if (checked->is_known) process.known.insert(checking.proposal);
    // It was made before, or could not be remembered.
    if (checked->is_known || checked->is_full) excuse(process, checking.operation);
    process.checks.erase(checked->check);
  } else if (const auto* const up = std::get_if<protocol::PeerUp>(&event)) {
    process.up.insert(up->peer);
  } else if (const auto* const down = std::get_if<protocol::PeerDown>(&event)) {
    process.up.erase(down->peer);
    excuse_all(process);
  } else if (const auto* const room = std::get_if<protocol::LogRoom>(&event)) {
    process.has_room = room->has_room;
    excuse_all(process);
  }
}

// A stopped participant hears nothing.
void TxnConduct::told(ReplicaId replica, const TxnId& id, const Told& told) {
  Process& process = processes_[replica];
  if (process.stopped.contains("participant")) return;
  process.told.try_emplace(id, told);
  if (told.decision == Decision::kAbort) transactions_.told_aborted(replica, id);
}

void TxnConduct::asked(ReplicaId replica, const protocol::Request& request) {
  if (request.message->tag() == twopc::kTxnDecide) {
    for (const auto& it : twopc::as<twopc::TxnDecide>(*request.message).outcomes) {
      told(replica, it.id, {it.decision, Source::kDecision});
    }
  } else if (request.message->tag() == twopc::kTxnVotes) {
    for (const auto& it : twopc::as<twopc::TxnVotes>(*request.message).votes) {
      voted(processes_[replica], it.id, it.vote);
    }
  }
}

void TxnConduct::answered(ReplicaId replica, const protocol::Answer& answer) {
  Process& process = processes_[replica];
  const auto call = process.calls.find(answer.call);
  RKV_CHECK(call != process.calls.end(), "what is answered was sent");
  if (answer.message->tag() == twopc::kTxnPrepared) {
    const auto& asked = twopc::as<twopc::TxnPrepare>(*call->second).transactions;
    const auto& votes = twopc::as<twopc::TxnPrepared>(*answer.message).votes;
    for (std::size_t i = 0; i < std::min(asked.size(), votes.size()); ++i) {
      voted(process, asked[i]->id, votes[i]);
    }
  } else if (answer.message->tag() == twopc::kTxnOutcome) {
    const auto& asked = twopc::as<twopc::TxnQuery>(*call->second).ids;
    const auto& outcomes = twopc::as<twopc::TxnOutcome>(*answer.message).outcomes;
    for (std::size_t i = 0; i < std::min(asked.size(), outcomes.size()); ++i) {
      if (outcomes[i] == Knowledge::kUnknown) continue;
      const bool is_committed = outcomes[i] == Knowledge::kCommitted;
      const bool is_coordinator = answer.from == asked[i].coordinator;
      told(replica, asked[i],
           {is_committed ? Decision::kCommit : Decision::kAbort,
            is_coordinator ? Source::kCoordinator : Source::kPeer});
    }
  }
}

void TxnConduct::role_stopped(ReplicaId replica, std::string_view role) {
  Process& process = processes_[replica];
  process.stopped.emplace(role);
  excuse_all(process);
}

void TxnConduct::role_started(ReplicaId replica, std::string_view role) {
  Process& process = processes_[replica];
  const auto found = process.stopped.find(role);
  RKV_CHECK(found != process.stopped.end(), "a role that starts was stopped");
  process.stopped.erase(found);
}

// ---- What it does ----

void TxnConduct::decides(ReplicaId replica, const protocol::Effect& effect, TimePoint now) {
  const Process& process = processes_[replica];
  if (process.stopped.contains("coordinator")) check_coordinator(replica, effect);
  if (process.stopped.contains("participant")) check_participant(replica, effect);
  if (const auto* const send = std::get_if<protocol::Send>(&effect)) {
    sends(replica, *send, now);
  } else if (const auto* const respond = std::get_if<protocol::Respond>(&effect)) {
    check_waits(replica, *respond);
    processes_[replica].requests.erase(respond->call);
  } else if (const auto* const persist = std::get_if<protocol::Persist>(&effect)) {
    persists(replica, *persist);
  } else if (const auto* const check = std::get_if<protocol::Check>(&effect)) {
    processes_[replica].checks[check->check] = {check->proposal, check->operation};
  } else if (const auto* const apply = std::get_if<protocol::Apply>(&effect)) {
    states_.applies(replica, apply->position, apply->command);
  } else if (const auto* const allow = std::get_if<protocol::AllowRead>(&effect)) {
    check_read(replica, allow->read, false);
  } else if (const auto* const refuse = std::get_if<protocol::RefuseRead>(&effect)) {
    check_read(replica, refuse->read, true);
  } else if (const auto* const finish = std::get_if<protocol::Finish>(&effect)) {
    finishes(replica, *finish);
  }
}

void TxnConduct::sends(ReplicaId replica, const protocol::Send& send, TimePoint now) {
  Process& process = processes_[replica];
  process.calls[send.call] = send.message;
  if (send.message->tag() == twopc::kTxnPrepare) {
    for (const auto& it : twopc::as<twopc::TxnPrepare>(*send.message).transactions) {
      const auto write = process.writes.find({it->origin.replica, it->origin.proposal});
      const TimePoint asked = write == process.writes.end() ? now : write->second;
      process.voting.try_emplace(it->id, Voting{asked, it->operation, is_troubled(process)});
    }
  } else if (send.message->tag() == twopc::kTxnDecide) {
    for (const auto& it : twopc::as<twopc::TxnDecide>(*send.message).outcomes) {
      if (it.decision == Decision::kAbort) check_cause(replica, it.id, now);
      process.voting.erase(it.id);
    }
  }
}

void TxnConduct::check_cause(ReplicaId replica, const TxnId& id, TimePoint now) {
  const Process& process = processes_[replica];
  const auto found = process.voting.find(id);
  if (found == process.voting.end()) return;  // of an earlier process, or said again
  const Voting& voting = found->second;
  if (voting.excused || is_troubled(process) || now - voting.asked >= kVoteTimeoutMin) return;
  fail("AC4: an abort has a cause", replica,
       "aborts transaction " + to_string(id) + ", which nothing speaks against");
}

void TxnConduct::persists(ReplicaId replica, const protocol::Persist& persist) {
  for (const LogRecord& bytes : persist.batch.records) {
    const std::optional<Record> record = twopc::decode_record(bytes);
    const bool is_end = record && (record->type == Record::Type::kCommitted ||
                                   record->type == Record::Type::kAborted);
    if (is_end) check_end(replica, *record);
    transactions_.written(replica, bytes);
    if (!record || record->type != Record::Type::kPrepared) continue;
    // It may be told in the turn in which it has voted.
    const auto told = processes_[replica].told.find(record->id);
    const bool is_aborted =
        told != processes_[replica].told.end() && told->second.decision == Decision::kAbort;
    if (is_aborted) transactions_.told_aborted(replica, record->id);
  }
}

void TxnConduct::check_waits(ReplicaId replica, const protocol::Respond& respond) {
  if (respond.message->tag() != twopc::kTxnPrepared) return;
  const Process& process = processes_[replica];
  const protocol::Message& request = *process.requests.at(respond.call);
  const auto& asked = twopc::as<twopc::TxnPrepare>(request).transactions;
  const auto& votes = twopc::as<twopc::TxnPrepared>(*respond.message).votes;
  for (std::size_t i = 0; i < std::min(asked.size(), votes.size()); ++i) {
    if (votes[i] != Vote::kWaits) continue;
    for (const std::string& key : asked[i]->keys) {
      for (const TxnId& holder : transactions_.holders(replica, key)) {
        if (process.told.contains(holder) || !transactions_.is_older(holder, asked[i]->id))
          continue;
        fail("a write waits for younger ones only", replica,
             "lets transaction " + to_string(asked[i]->id) + " wait for " + to_string(holder));
      }
    }
  }
}

// A participant: what became of it.
void TxnConduct::check_end(ReplicaId replica, const Record& record) {
  Process& process = processes_[replica];
  if (transactions_.has_written(replica, record.id) != Has::kPrepared) return;
  const bool is_committed = record.type == Record::Type::kCommitted;
  const auto told = process.told.find(record.id);
  if (told == process.told.end() || (told->second.decision == Decision::kCommit) != is_committed) {
    fail("who has voted yes waits for the outcome", replica,
         std::string(is_committed ? "commits" : "aborts") + " transaction " + to_string(record.id) +
             " on its own");
    return;
  }
  if (told->second.source == Source::kCoordinator) ++ended_by_coordinator_;
  if (told->second.source == Source::kPeer) ++ended_by_peers_;
}

void TxnConduct::check_read(ReplicaId replica, protocol::ReadId read, bool is_refused) {
  Process& process = processes_[replica];
  const auto found = process.reads.find(read);
  RKV_CHECK(found != process.reads.end(), "a read ends once");
  const Reading reading = std::move(found->second);
  process.reads.erase(found);
  const std::string& key = reading.key;
  if (is_refused) {
    const bool may_be_refused = !reading.in_doubt.empty() || !process.stopped.empty() ||
                                transactions_.is_held(replica, key);
    if (!may_be_refused) {
      fail("reads go on but for keys in doubt", replica, "refuses to read " + key);
    }
    return;
  }
  for (const TxnId& id : reading.in_doubt) {
    if (!transactions_.is_open(replica, id)) continue;
    fail("a read waits while its key is in doubt", replica,
         "reads " + key + ", of which transaction " + to_string(id) + " may be committed");
  }
}

void TxnConduct::finishes(ReplicaId replica, const protocol::Finish& finish) {
  Process& process = processes_[replica];
  const OperationId operation = process.proposals[finish.proposal];
  const bool was_known = process.known.erase(finish.proposal) != 0;
  process.proposals.erase(finish.proposal);
  switch (finish.status.code()) {
    case StatusCode::kOk:
      if (!was_known && operation.client != 0 && transactions_.committed(operation) == nullptr) {
        fail("no \"ok\" before the decision is durable", replica,
             "ends write " + std::to_string(operation.client) + "/" +
                 std::to_string(operation.sequence));
      }
      return;
    case StatusCode::kUnknown:
    case StatusCode::kInternal:
      return;
    case StatusCode::kPartlyApplied:
      return fail("every replica or none", replica, "says that a write is partly applied");
    default:
      transactions_.nothing_happened(replica, {replica, incarnation_of_(replica), finish.proposal});
  }
}

// ---- Stopped roles ----

void TxnConduct::check_knowledge(ReplicaId replica, const protocol::Respond& respond, bool is_own) {
  if (respond.message->tag() != twopc::kTxnOutcome) return;
  const auto& ids = twopc::as<twopc::TxnQuery>(*processes_[replica].requests.at(respond.call)).ids;
  const auto& outcomes = twopc::as<twopc::TxnOutcome>(*respond.message).outcomes;
  for (std::size_t i = 0; i < std::min(ids.size(), outcomes.size()); ++i) {
    if ((ids[i].coordinator == replica) != is_own || outcomes[i] == Knowledge::kUnknown) continue;
    fail("a stopped role does nothing", replica,
         "says what became of transaction " + to_string(ids[i]));
  }
}

void TxnConduct::check_coordinator(ReplicaId replica, const protocol::Effect& effect) {
  if (const auto* const send = std::get_if<protocol::Send>(&effect)) {
    const int tag = send->message->tag();
    if (tag == twopc::kTxnPrepare || tag == twopc::kTxnDecide) {
      fail("a stopped role does nothing", replica, "asks for votes or decides");
    }
  } else if (const auto* const respond = std::get_if<protocol::Respond>(&effect)) {
    check_knowledge(replica, *respond, true);
  } else if (const auto* const persist = std::get_if<protocol::Persist>(&effect)) {
    for (const LogRecord& bytes : persist->batch.records) {
      const std::optional<Record> record = twopc::decode_record(bytes);
      // That one was finished it may know from before.
      if (record && record->type == Record::Type::kDecided) {
        fail("a stopped role does nothing", replica, "writes down a decision");
      }
    }
  }
}

void TxnConduct::check_participant(ReplicaId replica, const protocol::Effect& effect) {
  if (const auto* const send = std::get_if<protocol::Send>(&effect)) {
    const int tag = send->message->tag();
    if (tag == twopc::kTxnVotes || tag == twopc::kTxnQuery) {
      fail("a stopped role does nothing", replica, "votes, or asks for an outcome");
    }
  } else if (const auto* const respond = std::get_if<protocol::Respond>(&effect)) {
    check_knowledge(replica, *respond, false);
    if (respond->message->tag() != twopc::kTxnPrepared) return;
    for (const Vote vote : twopc::as<twopc::TxnPrepared>(*respond->message).votes) {
      if (vote != Vote::kYes && vote != Vote::kWaits) continue;
      fail("a stopped role does nothing", replica, "votes");
    }
  } else if (const auto* const persist = std::get_if<protocol::Persist>(&effect)) {
    for (const LogRecord& bytes : persist->batch.records) {
      const std::optional<Record> record = twopc::decode_record(bytes);
      // That one was aborted it may know from before; and a vote that is not sent is none.
      if (record &&
          (record->type == Record::Type::kCommitted || record->type == Record::Type::kRefused)) {
        fail("a stopped role does nothing", replica, "commits or refuses");
      }
    }
  }
}

}  // namespace rkv::sim
