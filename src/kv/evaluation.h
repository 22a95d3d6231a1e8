#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "kv/command.h"
#include "kv/entry.h"
#include "kv/store.h"
#include "kv/transaction.h"

namespace rkv::kv {

// What a transaction finds in the state: all that evaluate() looks at.
struct Findings {
  // Of every key of keys_of(transaction); without its value if that is not in keys_of_values().
  std::map<std::string, std::optional<Entry>, std::less<>> entries;
  // Bytes of these values. When they are more than kTxnValuesSizeMax, some may be missing.
  std::size_t values_size = 0;
  // Of the range that a branch removes: its first keys, as many as range_scan() asks for.
  std::vector<std::string> then_range;
  std::vector<std::string> otherwise_range;
};

// The scan that finds the keys of the range that these steps remove; nothing if they remove none.
std::optional<Scan> range_scan(const std::vector<Step>& steps);

// What a transaction does.
struct Evaluation {
  Applied applied;  // at the position that evaluate() was given
  std::vector<Change> changes;
};

// Does a transaction on what it finds; for one that writes, `position` is its own. kOverLimit, too,
// for what looks at more than kTxnValuesSizeMax bytes of values.
Evaluation evaluate(const Transaction& transaction, const Findings& findings, Position position);

}  // namespace rkv::kv
