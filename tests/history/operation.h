#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "transaction.h"

namespace rkv::history {

// A moment on one clock that all processes of a history share, in any unit.
using Time = std::uint64_t;
constexpr Time kNever = UINT64_MAX;

// What a process asked for. What has a condition, counts or appends is a kTransact, of one key too.
// A kList is one page of a range.
enum class Kind { kPut, kGet, kDel, kTransact, kList };

// What it was told.
enum class Outcome {
  kOk,        // kTransact: one of its branches ran, maybe an empty one
  kNotFound,  // kGet, kDel: there was no such key
  kRefused,   // surely nothing happened
  kUnknown,   // no answer: it may have happened at any time since, may yet happen, or never will
};

// What a read was promised. Writes are linearizable, whatever is said here.
enum class Consistency {
  kLinearizable,
  kSequential,  // own writes are seen, and never an older state than before: see sequential.h
  kEventual,    // any state that there has been
};

// What a kList asked for.
struct ListQuery {
  Range range;
  bool reverse = false;  // from the end to the first
  // The page is not the first one: it shows the state that those before it showed.
  bool goes_on = false;
  std::string behind;  // with goes_on: the last key of the pages before; empty: not known
};

struct ListedKey {
  std::string key;
  // If they were told; created and modified are slots.
  std::optional<std::string> value = std::nullopt;
  std::optional<std::uint64_t> version = std::nullopt;
  std::optional<std::uint64_t> created = std::nullopt;
  std::optional<std::uint64_t> modified = std::nullopt;
};

// What a kList was told.
struct ListResult {
  std::vector<ListedKey> keys;         // in the order that was asked for
  std::optional<std::uint64_t> count;  // instead of them: how many there are
  bool more = false;                   // a part of the range is behind this page
};

// One call of one process: what it asked, when, and what it was told.
struct Operation {
  std::uint64_t process = 0;  // that called; it may have several operations under way
  Time invoked = 0;
  Time returned = kNever;  // kNever with kUnknown; else at or after `invoked`
  Kind kind = Kind::kPut;
  std::string key;       // but for kTransact and kList
  std::string argument;  // kPut: the value to write
  Outcome outcome = Outcome::kUnknown;
  // With kOk, if it was told: kPut, the key's new version; kGet, the one read; kDel, the one
  // removed. A key's version counts its changes (a put, an increment, an append) since it was
  // created, from 1.
  std::optional<std::uint64_t> version = std::nullopt;
  std::string value;  // kGet with kOk: what was read
  // kGet with kOk, if they were told: the slots of the write that made the key and of its last
  // change.
  std::optional<std::uint64_t> created = std::nullopt;
  std::optional<std::uint64_t> modified = std::nullopt;
  Transaction transaction = {};       // kTransact: what was asked
  TransactionResult transacted = {};  // kTransact with kOk: what was told
  ListQuery list = {};                // kList: what was asked
  ListResult listed = {};             // kList with kOk: what was told
  Consistency consistency = Consistency::kLinearizable;
  // The slot that the answer named: of a write, its own; of a read, that of the last write which
  // the state had that was read. Where writes have no total order, there is none to name.
  std::optional<std::uint64_t> position = std::nullopt;
};

using History = std::vector<Operation>;

// Every key that the operation names, each once; of a kList there is none.
std::vector<std::string> keys_of(const Operation& operation);

// Whether the operation changes nothing, whatever comes of it.
bool is_read(const Operation& operation);

// The operation as a person reads it, in one line: process 3 put "k" = "v" -> version 2 [10, 20]
std::string to_text(const Operation& operation);

}  // namespace rkv::history
