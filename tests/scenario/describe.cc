#include "describe.h"

#include <fmt/format.h>

#include "paxos/message.h"
#include "paxos/records.h"

namespace rkv::scenario {
namespace {

using paxos::as;

std::string text_of(const paxos::Value& value) { return value.is_no_op() ? "-" : *value.command; }

std::string text_of(const std::vector<paxos::Value>& values) {
  std::string text;
  for (const paxos::Value& value : values) text += (text.empty() ? "" : ", ") + text_of(value);
  return text;
}

std::string slots(paxos::Slot first, const std::vector<paxos::Value>& values) {
  if (values.empty()) return "no values";
  if (values.size() == 1) return fmt::format("slot {}: {}", first, text_of(values));
  return fmt::format("slots {}-{}: {}", first, first + values.size() - 1, text_of(values));
}

const char* yes(bool granted) { return granted ? "yes" : "no"; }

std::string of(const paxos::PreVoteAnswer& answer) {
  return fmt::format("PreVoteAnswer {}, promised {}, chosen {}", yes(answer.granted),
                     describe(answer.promised), answer.chosen);
}

std::string of(const paxos::Promise& promise) {
  std::string text = fmt::format("Promise {}, promised {}, chosen {}", yes(promise.granted),
                                 describe(promise.promised), promise.chosen);
  for (const paxos::AcceptedValue& vote : promise.accepted) {
    text += fmt::format(", accepted {}: {} at {}", vote.slot, text_of(vote.value),
                        describe(vote.ballot));
  }
  return text;
}

std::string of(const paxos::Accept& accept) {
  return fmt::format("Accept {} {}; chosen {}", describe(accept.ballot),
                     slots(accept.first, accept.values), accept.chosen);
}

std::string of(const paxos::Accepted& accepted) {
  return fmt::format("Accepted, {} taken, promised {}, chosen {}", accepted.taken,
                     describe(accepted.promised), accepted.chosen);
}

}  // namespace

std::string describe(const paxos::Ballot& ballot) {
  if (ballot == paxos::Ballot{}) return "none";
  return fmt::format("({}.{})", ballot.round, ballot.replica.value);
}

std::string describe(const protocol::Message& message) {
  switch (message.tag()) {
    case paxos::kPreVote:
      return "PreVote " + describe(as<paxos::PreVote>(message).ballot);
    case paxos::kPreVoteAnswer:
      return of(as<paxos::PreVoteAnswer>(message));
    case paxos::kPrepare:
      return "Prepare " + describe(as<paxos::Prepare>(message).ballot);
    case paxos::kPromise:
      return of(as<paxos::Promise>(message));
    case paxos::kAccept:
      return of(as<paxos::Accept>(message));
    case paxos::kAccepted:
      return of(as<paxos::Accepted>(message));
    case paxos::kFetch:
      return fmt::format("Fetch from {}", as<paxos::Fetch>(message).first);
    case paxos::kFetched: {
      const auto& fetched = as<paxos::Fetched>(message);
      return fmt::format("Fetched {}; chosen {}", slots(fetched.first, fetched.values),
                         fetched.chosen);
    }
    case paxos::kSubmit:
      return "Submit " + text_of(as<paxos::Submit>(message).values);
    case paxos::kSubmitted: {
      const auto& answer = as<paxos::Submitted>(message);
      return fmt::format("Submitted {} taken{}", answer.taken,
                         answer.reason.empty() ? "" : ": " + answer.reason);
    }
    case paxos::kReadIndex:
      return "ReadIndex";
    case paxos::kReadIndexAnswer: {
      const auto& answer = as<paxos::ReadIndexAnswer>(message);
      return fmt::format("ReadIndexAnswer {}, slot {}", yes(answer.granted), answer.slot);
    }
    default:
      return fmt::format("a message with tag {}", message.tag());
  }
}

std::string describe(const LogBatch& batch) {
  const std::optional<paxos::Standing> standing = paxos::decode_standing(batch.standing);
  std::string text =
      fmt::format("promised {}, chosen {}", describe(standing->promised), standing->chosen);
  for (const LogRecord& encoded : batch.records) {
    const std::optional<paxos::SlotRecord> record = paxos::decode_record(encoded);
    if (record->type == paxos::SlotRecord::Type::kAccepted) {
      text += fmt::format(", accepted {}: {} at {}", record->slot, text_of(record->value),
                          describe(record->ballot));
    } else {
      text += fmt::format(", chosen {}: {}", record->slot, text_of(record->value));
    }
  }
  return text;
}

}  // namespace rkv::scenario
