#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "kv/transaction.h"

namespace rkv::kv {

// Transactions and their results as bytes: the XDR encoding of kv_transaction and kv_steps_result
// in kv.x.

// Appends a transaction that validate_transaction() finds well.
void append_transaction(std::string& out, const Transaction& transaction);
// Reads one off the front. Fails, with a reason, if it is cut short, has unknown kinds or breaks a
// limit.
Result<Transaction> read_transaction(XdrReader& reader);

std::string encode_result(const StepsResult& result);
// Fails, with a reason, if the bytes are not one result with nothing behind it.
Result<StepsResult> decode_result(std::string_view bytes);

}  // namespace rkv::kv
