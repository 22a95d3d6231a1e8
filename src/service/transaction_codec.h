#pragma once

#include <kv.h>

#include <cstddef>
#include <vector>

#include "base/status.h"
#include "kv/transaction.h"

namespace rkv::service {

// Transactions and what they did, between kv.x and the domain.

// Copies a transaction out of a call. kInvalid, with a reason, if it has something of an unknown
// kind; what else may be wrong with it, kv::validate_transaction() says.
Result<kv::Transaction> transaction_from_wire(const kv_transaction& wire);

// The most bytes that kv_steps_result can have when this transaction has been done, whichever
// branch it was.
std::size_t steps_result_size_max(const kv::Transaction& transaction);

// The results of a transaction's steps on their way out. What wire() refers to belongs to this
// object and to `steps`, which must outlive it.
class OutgoingSteps {
 public:
  explicit OutgoingSteps(const kv::StepsResult& steps);
  OutgoingSteps(const OutgoingSteps&) = delete;
  OutgoingSteps& operator=(const OutgoingSteps&) = delete;
  const kv_steps_result& wire() const { return wire_; }

 private:
  std::vector<kv_step_result> results_;
  kv_steps_result wire_{};
};

}  // namespace rkv::service
