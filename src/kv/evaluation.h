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
  // Of every key of keys_of(transaction).
  std::map<std::string, std::optional<Entry>, std::less<>> entries;
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

// Does a transaction on what it finds; for one that writes, `position` is its own.
Evaluation evaluate(const Transaction& transaction, const Findings& findings, Position position);

}  // namespace rkv::kv
