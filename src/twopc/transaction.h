#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "protocol/event.h"

namespace rkv::twopc {

// Names one try to make a write happen everywhere. Never used twice: a coordinator counts from 1 in
// each of its incarnations, and no incarnation comes twice.
struct TxnId {
  ReplicaId coordinator;
  Incarnation incarnation = 0;  // of the coordinator, when it began the transaction
  std::uint64_t number = 0;
  auto operator<=>(const TxnId&) const = default;
};

// A place among the transactions of one coordinator, in the order in which it began them.
struct TxnMark {
  Incarnation incarnation = 0;
  std::uint64_t number = 0;
  auto operator<=>(const TxnMark&) const = default;
};

// The age of a write: the lower one is older. A write keeps it when it is tried again as another
// transaction, so that in the end it is older than all it meets.
struct Timestamp {
  std::uint64_t clock = 0;  // Lamport's
  ReplicaId replica;
  auto operator<=>(const Timestamp&) const = default;
};

// Whose client waits for a write, and for which.
struct Origin {
  ReplicaId replica;
  Incarnation incarnation = 0;
  protocol::ProposalId proposal = 0;
  bool operator==(const Origin&) const = default;
};

// A write that is to happen at every replica or at none.
struct Transaction {
  TxnId id;
  Timestamp timestamp;
  Origin origin;
  OperationId operation;
  std::vector<std::string> keys;  // that it locks; at least one, each once
  SharedBytes command;            // opaque here
};
using TransactionPtr = std::shared_ptr<const Transaction>;

// What became of a transaction.
enum class Decision : std::uint32_t { kCommit = 1, kAbort = 2 };

}  // namespace rkv::twopc
