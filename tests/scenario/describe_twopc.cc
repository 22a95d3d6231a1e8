#include "describe_twopc.h"

#include <fmt/format.h>

#include "twopc/message.h"
#include "twopc/records.h"

namespace rkv::scenario {
namespace {

using twopc::as;

const char* text_of(twopc::Vote vote) {
  switch (vote) {
    case twopc::Vote::kYes:
      return "yes";
    case twopc::Vote::kConflict:
      return "no, conflict";
    case twopc::Vote::kWaits:
      return "waits";
    case twopc::Vote::kRefused:
      return "no, refused";
  }
  return "?";
}

const char* text_of(twopc::Knowledge knowledge) {
  switch (knowledge) {
    case twopc::Knowledge::kCommitted:
      return "committed";
    case twopc::Knowledge::kAborted:
      return "aborted";
    case twopc::Knowledge::kUnknown:
      return "don't know";
  }
  return "?";
}

const char* text_of(twopc::SubmissionEnd::What what) {
  switch (what) {
    case twopc::SubmissionEnd::What::kRepeated:
      return "made before";
    case twopc::SubmissionEnd::What::kNotAvailable:
      return "not available";
    case twopc::SubmissionEnd::What::kBusy:
      return "busy";
  }
  return "?";
}

std::string behind_colon(const std::string& reason) { return reason.empty() ? "" : ": " + reason; }

std::string of(const twopc::TxnPrepare& prepare) {
  std::string text = "TxnPrepare";
  for (const twopc::TransactionPtr& each : prepare.transactions) {
    text += fmt::format(" {} (age {}.{}) {}", describe(each->id), each->timestamp.clock,
                        each->timestamp.replica.value, *each->command);
  }
  return text;
}

std::string of(const twopc::TxnPrepared& prepared) {
  std::string text = "TxnPrepared";
  for (const twopc::Vote vote : prepared.votes) text += fmt::format(" {}", text_of(vote));
  return text + behind_colon(prepared.reason);
}

std::string of(const twopc::TxnVotes& votes) {
  std::string text = "TxnVotes";
  for (const twopc::LateVote& each : votes.votes) {
    text += fmt::format(" {} {}", describe(each.id), text_of(each.vote));
  }
  return text + behind_colon(votes.reason);
}

std::string of(const twopc::TxnDecide& decide) {
  std::string text = "TxnDecide";
  for (const twopc::OutcomeOf& each : decide.outcomes) {
    const bool is_commit = each.decision == twopc::Decision::kCommit;
    text += fmt::format(" {} {}", describe(each.id), is_commit ? "commit" : "abort");
  }
  return text;
}

std::string of(const twopc::TxnQuery& query) {
  std::string text = "TxnQuery";
  for (const twopc::TxnId& id : query.ids) text += " " + describe(id);
  return text;
}

std::string of(const twopc::TxnOutcome& outcome) {
  std::string text = "TxnOutcome";
  for (const twopc::Knowledge each : outcome.outcomes) text += fmt::format(" {}", text_of(each));
  return text;
}

std::string of(const twopc::TxnSubmit& submit) {
  std::string text = "TxnSubmit";
  for (const twopc::Submission& each : submit.submissions) text += " " + *each.command;
  return text;
}

std::string of(const twopc::TxnEnded& ended) {
  std::string text = "TxnEnded";
  for (const twopc::SubmissionEnd& each : ended.ends) {
    text += fmt::format(" {}{}", text_of(each.what), behind_colon(each.reason));
  }
  return text;
}

std::string of(const twopc::Record& record) {
  const std::string id = describe(record.id);
  switch (record.type) {
    case twopc::Record::Type::kPrepared:
      return fmt::format("prepared {} {}", id, *record.transaction->command);
    case twopc::Record::Type::kDecided:
      return fmt::format("decided {} {}, to be applied as {}", id, *record.transaction->command,
                         record.position);
    case twopc::Record::Type::kCommitted:
      return fmt::format("committed {}, to be applied as {}", id, record.position);
    case twopc::Record::Type::kAborted:
      return "aborted " + id;
    case twopc::Record::Type::kRefused:
      return "refused " + id;
    case twopc::Record::Type::kFinished:
      return "finished " + id;
  }
  return "?";
}

}  // namespace

std::string describe(const twopc::TxnId& id) {
  return fmt::format("{}.{}.{}", id.coordinator.value, id.incarnation, id.number);
}

std::string describe_twopc(const protocol::Message& message) {
  switch (message.tag()) {
    case twopc::kTxnPrepare:
      return of(as<twopc::TxnPrepare>(message));
    case twopc::kTxnPrepared:
      return of(as<twopc::TxnPrepared>(message));
    case twopc::kTxnVotes:
      return of(as<twopc::TxnVotes>(message));
    case twopc::kTxnDecide:
      return of(as<twopc::TxnDecide>(message));
    case twopc::kTxnDecided: {
      const std::string& refused = as<twopc::TxnDecided>(message).refused;
      return refused.empty() ? "TxnDecided" : "TxnDecided refused: " + refused;
    }
    case twopc::kTxnQuery:
      return of(as<twopc::TxnQuery>(message));
    case twopc::kTxnOutcome:
      return of(as<twopc::TxnOutcome>(message));
    case twopc::kTxnSubmit:
      return of(as<twopc::TxnSubmit>(message));
    case twopc::kTxnSubmitted: {
      const auto& answer = as<twopc::TxnSubmitted>(message);
      return fmt::format("TxnSubmitted {} taken{}", answer.taken, behind_colon(answer.reason));
    }
    case twopc::kTxnEnded:
      return of(as<twopc::TxnEnded>(message));
    case twopc::kTxnNoted:
      return "TxnNoted";
    default:
      return fmt::format("a message with tag {}", message.tag());
  }
}

std::string describe_twopc(const LogBatch& batch) {
  std::string text;
  for (const LogRecord& record : batch.records) {
    text += (text.empty() ? "" : "; ") + of(*twopc::decode_record(record));
  }
  return text;
}

std::string describe(const twopc::View& view) {
  std::string text = fmt::format("waiting {}, voting {}, unfinished {}, prepared {}", view.waiting,
                                 view.voting, view.unfinished, view.prepared);
  for (const twopc::View::InDoubt& each : view.in_doubt) {
    text += fmt::format(", in doubt {} on {}", describe(each.id), each.key);
  }
  return text;
}

}  // namespace rkv::scenario
