#pragma once

#include <string>

#include "base/log_record.h"
#include "protocol/message.h"
#include "twopc/transaction.h"
#include "twopc/view.h"

namespace rkv::scenario {

// The same for two-phase commit: "TxnPrepare 1.1.2 (age 5.1) x=apple". A transaction is written
// coordinator.incarnation.number, its age clock.replica.
std::string describe_twopc(const protocol::Message& message);
std::string describe_twopc(const LogBatch& batch);
std::string describe(const twopc::TxnId& id);
// What a replica says of its transactions: "voting 1, in doubt 1: 2.1.1 on x".
std::string describe(const twopc::View& view);

}  // namespace rkv::scenario
