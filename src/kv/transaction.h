#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"

namespace rkv::kv {

// A condition on one key. kv_compare in kv.x says what each target is, also of a missing key.
struct Compare {
  enum class Target : std::uint32_t {
    kExists = 1,
    kVersion = 2,
    kCreated = 3,
    kModified = 4,
    kValue = 5,
  };
  enum class Relation : std::uint32_t { kEqual = 1, kNotEqual = 2, kLess = 3, kGreater = 4 };

  std::string key;
  Target target = Target::kExists;
  Relation relation = Relation::kEqual;
  std::uint64_t number = 0;  // the operand; of kValue it is `value`
  std::string value;
  bool operator==(const Compare&) const = default;
};

// One thing that a transaction does.
struct Step {
  enum class Kind : std::uint32_t {
    kGet = 1,
    kPut = 2,
    kDel = 3,
    kIncr = 4,
    kAppend = 5,
    kDelRange = 6,
  };

  Kind kind = Kind::kGet;
  std::string key;          // kDelRange: the first one, or empty: from the first key on
  std::string value;        // kPut, kAppend; kDelRange: the end, or empty: to the last key
  std::int64_t amount = 0;  // kIncr
  // kGet: its value too; kPut and kDel: the entry before.
  bool wants_entry = false;
  bool operator==(const Step&) const = default;
};

// If every compare holds, the steps of `then`, else those of `otherwise`; all at once.
struct Transaction {
  std::vector<Compare> compares;
  std::vector<Step> then;
  std::vector<Step> otherwise;
  bool operator==(const Transaction&) const = default;
};

// The entry of a key as a step tells it.
struct ToldEntry {
  std::string value;  // empty where it was not wanted
  std::uint64_t version = 0;
  Position created = 0;
  Position modified = 0;
  bool operator==(const ToldEntry&) const = default;
};

// What a step did.
struct StepResult {
  Step::Kind kind = Step::Kind::kGet;
  // kGet: what is there; kPut and kDel: what was there before, if it was wanted.
  std::optional<ToldEntry> entry;
  std::uint64_t version = 0;  // new; of kDel: the one removed, 0: nothing was
  std::int64_t number = 0;    // kIncr: the new one
  std::uint64_t size = 0;     // kAppend: bytes of the new value
  std::uint64_t removed = 0;  // kDelRange: keys
  bool more = false;          // kDelRange: there are more keys than one step removes
  bool operator==(const StepResult&) const = default;
};

// What a transaction did.
struct StepsResult {
  bool succeeded = false;  // every compare held: the results are those of `then`
  std::vector<StepResult> results;
  bool operator==(const StepsResult&) const = default;
};

// Whether all limits are kept, one range removed in each branch at most: kInvalid or kOverLimit
// with a reason if not. The size of the whole is looked at where it is encoded.
Status validate_transaction(const Transaction& transaction);

// Whether no step of it writes.
bool only_reads(const Transaction& transaction);

// Whether it can be done only where all writes have one order: it asks for revisions, or removes a
// range.
bool needs_total_order(const Transaction& transaction);

// Every key that it is about, each once, in bytewise order; not those of a range.
std::vector<std::string> keys_of(const Transaction& transaction);
// Those whose values it looks at: to compare, to add or append to, or to tell.
std::set<std::string, std::less<>> keys_of_values(const Transaction& transaction);

// The first key behind every key that begins with the prefix; empty if there is none, which as the
// end of a range means: to the last key.
std::string end_of_prefix(std::string_view prefix);

}  // namespace rkv::kv
