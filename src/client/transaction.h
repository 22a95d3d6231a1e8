#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"

namespace rkv::client {

// The revisions of a key: slots of writes, under replication paxos. Under the others they are
// numbers of the answering replica's own, which mean nothing elsewhere.
struct Revisions {
  Position created = 0;   // the write that made the key; 0: not known
  Position modified = 0;  // the last one that changed it
  bool operator==(const Revisions&) const = default;
};

// What is stored under a key.
struct Entry {
  std::string value;  // empty where it was not asked for
  std::uint64_t version = 0;
  Revisions revisions;
  bool operator==(const Entry&) const = default;
};

// A condition on one key. kv_compare in kv.x says what each target is, also of a missing key.
struct Compare {
  enum class Target : std::uint32_t {  // the numbers of kv_compare_target
    kExists = 1,                       // 1 or 0
    kVersion = 2,
    kCreated = 3,   // replication paxos only
    kModified = 4,  // replication paxos only
    kValue = 5,
  };
  enum class Relation : std::uint32_t { kEqual = 1, kNotEqual = 2, kLess = 3, kGreater = 4 };

  std::string key;
  Target target = Target::kExists;
  Relation relation = Relation::kEqual;
  std::uint64_t number = 0;  // the operand; of kValue it is `value`
  std::string value;
  bool operator==(const Compare&) const = default;

  static Compare exists(std::string key);
  static Compare absent(std::string key);
  static Compare version(std::string key, std::uint64_t version);
  static Compare value_is(std::string key, std::string value);
};

// One thing that a transaction does.
struct Step {
  enum class Kind : std::uint32_t {  // the numbers of kv_step_kind
    kGet = 1,
    kPut = 2,
    kDel = 3,
    kIncr = 4,
    kAppend = 5,
    kDelRange = 6,  // replication paxos only
  };

  Kind kind = Kind::kGet;
  std::string key;          // kDelRange: the first one, or empty: from the first key on
  std::string value;        // kPut, kAppend; kDelRange: the end, or empty: to the last key
  std::int64_t amount = 0;  // kIncr
  // kGet: its value too; kPut and kDel: the entry before.
  bool wants_entry = false;
  bool operator==(const Step&) const = default;

  static Step get(std::string key);  // with its value
  static Step put(std::string key, std::string value, bool wants_previous = false);
  static Step del(std::string key, bool wants_previous = false);
  static Step incr(std::string key, std::int64_t amount);
  static Step append(std::string key, std::string value);
  // An empty `end`: to the last key.
  static Step del_range(std::string first, std::string end);
};

// If every compare holds, the steps of `then` are done, else those of `otherwise`; in their order,
// all at once, or none where one cannot be done. TXN in kv.x says more.
struct Transaction {
  std::vector<Compare> compares;  // at most kComparesMax
  std::vector<Step> then;         // at most kStepsMax
  std::vector<Step> otherwise;    // at most kStepsMax
  bool operator==(const Transaction&) const = default;
};

// What a step did.
struct StepResult {
  Step::Kind kind = Step::Kind::kGet;
  // kGet: what is there; kPut and kDel: what was there before, if it was wanted.
  std::optional<Entry> entry;
  std::uint64_t version = 0;  // the new one; of kDel: the one removed, 0: nothing was
  std::int64_t number = 0;    // kIncr: the new one
  std::uint64_t size = 0;     // kAppend: bytes of the new value
  std::uint64_t removed = 0;  // kDelRange: keys
  bool more = false;          // kDelRange: there are more keys than one step removes
  bool operator==(const StepResult&) const = default;
};

// Whether it may be sent: kInvalid for an empty key or a transaction without a step, kOverLimit,
// naming the limit, for too many compares or steps, or one that is too long.
Status check_transaction(const Transaction& transaction);

// Whether no step of it writes.
bool only_reads(const Transaction& transaction);

// Bytes of its keys and values.
std::size_t size_of(const Transaction& transaction);

}  // namespace rkv::client
