#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rkv::history {

// The keys from `first` up to `end` without it, bytewise.
struct Range {
  std::string first;  // empty: from the first key on
  std::string end;    // empty: to the last key
  bool contains(std::string_view key) const { return key >= first && (end.empty() || key < end); }
  auto operator<=>(const Range&) const = default;
};

// A condition on one key.
struct Compare {
  enum class Target {
    kExists,    // 1 if the key is there, else 0
    kVersion,   // of a key that is not there: 0
    kCreated,   // the slot of the write that made the key; of a key that is not there: 0
    kModified,  // the slot of the last one that changed it; the same
    kValue,     // bytewise; a key that is not there is only not equal
  };
  enum class Relation { kEqual, kNotEqual, kLess, kGreater };

  std::string key;
  Target target = Target::kExists;
  Relation relation = Relation::kEqual;  // of the key's target to the operand
  std::uint64_t number = 0;              // the operand, but of kValue
  std::string value;                     // of kValue
  auto operator<=>(const Compare&) const = default;
};

// One thing that a transaction does.
struct Step {
  enum class Kind {
    kGet,
    kPut,
    kDel,
    kIncr,    // the value is a decimal number in 64 bits with sign; a key that is not there counts
              // as 0. Of what is no number, or becomes too large, the transaction does nothing
    kAppend,  // a key that is not there is made
    kDelRange,  // every key of a range, the first kDelRangeMax of them
  };

  Kind kind = Kind::kGet;
  std::string key;          // but for kDelRange
  std::string value;        // kPut: to write; kAppend: to put behind what is there
  std::int64_t amount = 0;  // kIncr: to add
  Range range = {};         // kDelRange
  auto operator<=>(const Step&) const = default;
};

// If every compare holds, the steps of `then` are done, else those of `otherwise`: in their order,
// each seeing what those before it did, and all at one moment.
struct Transaction {
  std::vector<Compare> compares;
  std::vector<Step> then;
  std::vector<Step> otherwise;
  auto operator<=>(const Transaction&) const = default;
};

// What one step answered.
struct StepResult {
  bool found = false;  // kGet, kDel: whether there was such a key; not looked at for the others
  // If it was told: kPut, kIncr and kAppend, the key's new version; kGet, if found, the one read;
  // kDel, if found, the one removed.
  std::optional<std::uint64_t> version = std::nullopt;
  std::optional<std::string> value = std::nullopt;    // kGet, if found and told: what was read
  std::optional<std::int64_t> number = std::nullopt;  // kIncr, if told: the new one
  // kGet, if found and told: the slots of the write that made the key and of its last change.
  std::optional<std::uint64_t> created = std::nullopt;
  std::optional<std::uint64_t> modified = std::nullopt;
  std::optional<std::uint64_t> removed = std::nullopt;  // kDelRange, if told: how many keys
  bool more = false;                                    // kDelRange: there were further ones
};

struct TransactionResult {
  bool succeeded = false;           // every compare held
  std::vector<StepResult> results;  // one for each step of the branch that ran
};

// Whether what it compares is a slot.
bool compares_slot(const Compare& compare);
bool compares_slots(const Transaction& transaction);

// Every key that it names, each once. Those of a range it does not name.
std::vector<std::string> keys_of(const Transaction& transaction);

// Whether a step of either branch removes a range that the key is in.
bool removes(const Transaction& transaction, std::string_view key);

// The branch that runs if every compare holds, or not.
const std::vector<Step>& branch_of(const Transaction& transaction, bool succeeded);

// Whether no step of either branch writes.
bool is_read(const Transaction& transaction);

// As a person reads it: from "a" to "b"
std::string to_text(const Range& range);
// The same, in one line:
// transact if version "k" = 3 then put "k" = "v", incr "n" by 1 else get "k"
std::string to_text(const Transaction& transaction);
// succeeded: version 4; 7, version 2
std::string to_text(const Transaction& transaction, const TransactionResult& result);

}  // namespace rkv::history
