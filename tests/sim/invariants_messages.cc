#include "sim/invariants_messages.h"

#include <algorithm>
#include <utility>

#include "sim/paxos_hash.h"

namespace rkv::sim {

using paxos::AcceptedValue;
using paxos::Ballot;
using paxos::Slot;
using Type = paxos::SlotRecord::Type;

void Messages::fail(std::string_view invariant, ReplicaId from, std::string what) {
  violation_.report(invariant, "replica " + std::to_string(from.value) + ": " + std::move(what));
}

Messages::BallotUse& Messages::use(ReplicaId from, const Ballot& ballot) {
  if (ballot.replica != from) {
    fail("ballots belong to one replica", from, "uses ballot " + to_string(ballot));
  }
  if (ballot > votes_.standing(from).promised) {
    fail("persist before you speak", from,
         "uses ballot " + to_string(ballot) + ", but has durably promised only " +
             to_string(votes_.standing(from).promised));
  }
  const Incarnation incarnation = incarnation_of_(from);
  BallotUse& use = ballots_.try_emplace(ballot, BallotUse{incarnation, false}).first->second;
  if (use.incarnation != incarnation) {
    fail("ballots are never reused", from,
         "uses ballot " + to_string(ballot) + " of its incarnation " +
             std::to_string(use.incarnation) + " in incarnation " + std::to_string(incarnation));
  }
  return use;
}

void Messages::check_chosen(ReplicaId from, Slot chosen) {
  if (chosen <= votes_.chosen_prefix()) return;
  fail("what is said to be chosen is", from,
       "says that every slot up to " + std::to_string(chosen) + " is chosen, but slot " +
           std::to_string(votes_.chosen_prefix() + 1) + " is not");
}

void Messages::check_values(ReplicaId from, Slot first, const std::vector<paxos::Value>& values) {
  Slot slot = first;
  for (const paxos::Value& value : values) {
    if (!votes_.is_chosen(slot) || votes_.chosen_value(slot) != hash_of(value)) {
      fail("what is said to be chosen is", from,
           "tells a value of slot " + std::to_string(slot) + " that is not the chosen one");
      return;
    }
    ++slot;
  }
}

void Messages::propose(ReplicaId from, const paxos::Accept& accept) {
  BallotUse& ballot = use(from, accept.ballot);
  if (!accept.values.empty() && !std::exchange(ballot.proposed, true)) ++elections_;
  Slot slot = accept.first;
  for (const paxos::Value& value : accept.values) {
    votes_.proposed(slot++, accept.ballot, hash_of(value));
  }
  check_chosen(from, accept.chosen);
}

void Messages::sending(ReplicaId from, ReplicaId /*to*/, const protocol::Message& message) {
  switch (message.tag()) {
    case paxos::kPrepare:
      use(from, paxos::as<paxos::Prepare>(message).ballot);
      return;
    case paxos::kAccept:
      return propose(from, paxos::as<paxos::Accept>(message));
    default:
      return;
  }
}

void Messages::check_promise(ReplicaId from, const paxos::Prepare& prepare,
                             const paxos::Promise& promise) {
  check_chosen(from, promise.chosen);
  if (!promise.granted) return;
  if (votes_.standing(from).promised < prepare.ballot) {
    fail("persist before you speak", from,
         "promises " + to_string(prepare.ballot) + ", but that is not durable");
  }
  std::vector<const AcceptedValue*> told(votes_.last_slot(from) + 1);
  for (const AcceptedValue& it : promise.accepted) {
    const DurableRecord& record = votes_.record(from, it.slot);
    const bool is_there =
        record.slot == it.slot && (record.type == Type::kChosen || record.ballot >= it.ballot);
    if (!is_there) {
      fail("persist before you speak", from,
           "tells of a vote in slot " + std::to_string(it.slot) + " that is not durable");
      return;
    }
    told[it.slot] = &it;
  }
  for (Slot slot = promise.chosen + 1; slot <= votes_.last_slot(from); ++slot) {
    const DurableRecord& record = votes_.record(from, slot);
    if (record.slot == 0 || record.type == Type::kChosen || record.ballot >= prepare.ballot) {
      continue;
    }
    if (told[slot] == nullptr || told[slot]->ballot != record.ballot ||
        hash_of(told[slot]->value) != record.value) {
      fail("a promise tells every vote", from,
           "does not tell of its vote in slot " + std::to_string(slot) + " at ballot " +
               to_string(record.ballot));
      return;
    }
  }
}

void Messages::check_accepted(ReplicaId from, const paxos::Accept& accept,
                              const paxos::Accepted& accepted) {
  check_chosen(from, accepted.chosen);
  const std::size_t taken = std::min<std::size_t>(accepted.taken, accept.values.size());
  for (std::size_t i = 0; i < taken; ++i) {
    const Slot slot = accept.first + i;
    const paxos::Value& value = accept.values[i];
    const bool voted = votes_.has_voted(from, slot, accept.ballot, hash_of(value));
    const bool chosen = votes_.is_chosen(slot) && votes_.chosen_value(slot) == hash_of(value);
    if (!voted && !chosen && slot > votes_.cut_of(from)) {
      fail("persist before you speak", from,
           "has accepted slot " + std::to_string(slot) + " at ballot " + to_string(accept.ballot) +
               ", but that is not durable");
      return;
    }
  }
}

void Messages::answering(ReplicaId from, ReplicaId /*to*/, const protocol::Message& request,
                         const protocol::Message& answer) {
  switch (answer.tag()) {
    case paxos::kPreVoteAnswer:
      return check_chosen(from, paxos::as<paxos::PreVoteAnswer>(answer).chosen);
    case paxos::kPromise:
      return check_promise(from, paxos::as<paxos::Prepare>(request),
                           paxos::as<paxos::Promise>(answer));
    case paxos::kAccepted:
      return check_accepted(from, paxos::as<paxos::Accept>(request),
                            paxos::as<paxos::Accepted>(answer));
    case paxos::kFetched: {
      const auto& fetched = paxos::as<paxos::Fetched>(answer);
      check_chosen(from, fetched.chosen);
      return check_values(from, fetched.first, fetched.values);
    }
    default:
      return;
  }
}

}  // namespace rkv::sim
