#pragma once

#include <string>

#include "base/log_record.h"
#include "paxos/ballot.h"
#include "protocol/message.h"

namespace rkv::scenario {

// A message or what is written to a log, as a person reads it in a transcript: "Accept (2.1) slots
// 1-2: a, b; chosen 0". A ballot is written (round.replica), a no-op as "-".
std::string describe(const protocol::Message& message);
std::string describe(const LogBatch& batch);
std::string describe(const paxos::Ballot& ballot);

}  // namespace rkv::scenario
