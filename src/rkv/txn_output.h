#pragma once

#include <string>

#include "client/results.h"
#include "client/transaction.h"
#include "rkv/options.h"

namespace rkv::cli {

// What a transaction did, `outcome` being a success: the branch and each of its steps. As lines, as
// a line and a drawn table, or in JSON.
std::string txn_text(const client::Transaction& transaction, const client::TransactOutcome& outcome,
                     OutputFormat format);

}  // namespace rkv::cli
