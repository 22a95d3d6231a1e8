#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "kv/transaction.h"

namespace rkv::kv {

// Transactions and their results as bytes: the XDR encoding of kv_transaction and kv_steps_result
// in kv.x.

// Bytes of its encoding.
std::size_t encoded_size(const Transaction& transaction);
// Appends a transaction that validate_transaction() finds well.
void append_transaction(std::string& out, const Transaction& transaction);
// Reads one off the front. Fails, with a reason, if it is cut short, has unknown kinds or breaks a
// limit.
Result<Transaction> read_transaction(XdrReader& reader);

std::string encode_result(const StepsResult& result);
// Fails, with a reason, if the bytes are not one result with nothing behind it.
Result<StepsResult> decode_result(std::string_view bytes);

}  // namespace rkv::kv
