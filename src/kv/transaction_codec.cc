#include "kv/transaction_codec.h"

#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace rkv::kv {
namespace {

void append_bool(std::string& out, bool value) { append_uint32(out, value ? 1 : 0); }

// As XDR has it: nothing but 0 and 1 is a bool.
bool read_bool(XdrReader& reader, bool* is_bool) {
  const std::uint32_t number = reader.read_uint32();
  if (number > 1) *is_bool = false;
  return number == 1;
}

void append_compare(std::string& out, const Compare& compare) {
  append_opaque(out, compare.key);
  append_uint32(out, static_cast<std::uint32_t>(compare.relation));
  append_uint32(out, static_cast<std::uint32_t>(compare.target));
  if (compare.target == Compare::Target::kValue) {
    append_opaque(out, compare.value);
  } else {
    append_uint64(out, compare.number);
  }
}

Result<Compare> read_compare(XdrReader& reader) {
  Compare compare;
  compare.key = reader.read_opaque(kKeySizeMax);
  const std::uint32_t relation = reader.read_uint32();
  const std::uint32_t target = reader.read_uint32();
  if (!reader.ok()) return Status::invalid("a compare is cut short");
  if (relation < 1 || relation > static_cast<std::uint32_t>(Compare::Relation::kGreater)) {
    return Status::invalid("a compare has the unknown relation " + std::to_string(relation));
  }
  if (target < 1 || target > static_cast<std::uint32_t>(Compare::Target::kValue)) {
    return Status::invalid("a compare has the unknown target " + std::to_string(target));
  }
  compare.relation = static_cast<Compare::Relation>(relation);
  compare.target = static_cast<Compare::Target>(target);
  if (compare.target == Compare::Target::kValue) {
    compare.value = reader.read_opaque(kValueSizeMax);
  } else {
    compare.number = reader.read_uint64();
  }
  if (!reader.ok()) return Status::invalid("a compare is cut short or over a limit");
  return compare;
}

void append_step(std::string& out, const Step& step) {
  append_uint32(out, static_cast<std::uint32_t>(step.kind));
  append_opaque(out, step.key);
  switch (step.kind) {
    case Step::Kind::kGet:
    case Step::Kind::kDel:
      append_bool(out, step.wants_entry);
      return;
    case Step::Kind::kPut:
      append_opaque(out, step.value);
      append_bool(out, step.wants_entry);
      return;
    case Step::Kind::kIncr:
      append_uint64(out, static_cast<std::uint64_t>(step.amount));
      return;
    case Step::Kind::kAppend:
    case Step::Kind::kDelRange:
      append_opaque(out, step.value);
      return;
  }
  RKV_CHECK(false, "kind of step out of range");
}

Result<Step> read_step(XdrReader& reader) {
  const std::uint32_t kind = reader.read_uint32();
  if (reader.ok() && (kind < 1 || kind > static_cast<std::uint32_t>(Step::Kind::kDelRange))) {
    return Status::invalid("a step is of the unknown kind " + std::to_string(kind));
  }
  Step step;
  step.key = reader.read_opaque(kKeySizeMax);
  if (!reader.ok()) return Status::invalid("a step is cut short, or its key is over the limit");
  step.kind = static_cast<Step::Kind>(kind);
  bool is_bool = true;
  switch (step.kind) {
    case Step::Kind::kGet:
    case Step::Kind::kDel:
      step.wants_entry = read_bool(reader, &is_bool);
      break;
    case Step::Kind::kPut:
      step.value = reader.read_opaque(kValueSizeMax);
      step.wants_entry = read_bool(reader, &is_bool);
      break;
    case Step::Kind::kIncr:
      step.amount = static_cast<std::int64_t>(reader.read_uint64());
      break;
    case Step::Kind::kAppend:
      step.value = reader.read_opaque(kValueSizeMax);
      break;
    case Step::Kind::kDelRange:
      step.value = reader.read_opaque(kKeySizeMax);
      break;
  }
  if (!reader.ok() || !is_bool) return Status::invalid("a step is cut short or over a limit");
  return step;
}

void append_steps(std::string& out, const std::vector<Step>& steps) {
  append_uint32(out, static_cast<std::uint32_t>(steps.size()));
  for (const Step& step : steps) append_step(out, step);
}

// `read_one` gives a Result<T>. The items are read as they come: memory grows with the bytes that
// are there, not with the number announced.
template <typename T, typename ReadOne>
Status read_list(XdrReader& reader, std::size_t count_max, std::vector<T>* list, ReadOne read_one) {
  const std::uint32_t count = reader.read_uint32();
  if (!reader.ok()) return Status::invalid("a transaction is cut short");
  if (count > count_max) {
    return Status::invalid("a transaction has a list of " + std::to_string(count) +
                           ", the limit is " + std::to_string(count_max));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    Result<T> item = read_one(reader);
    if (!item.ok()) return item.status();
    list->push_back(std::move(item).value());
  }
  return {};
}

void append_entry(std::string& out, const std::optional<ToldEntry>& entry) {
  append_bool(out, entry.has_value());
  if (!entry) return;
  append_opaque(out, entry->value);
  append_uint64(out, entry->version);
  append_uint64(out, entry->created);
  append_uint64(out, entry->modified);
}

std::optional<ToldEntry> read_entry(XdrReader& reader, bool* is_bool) {
  if (!read_bool(reader, is_bool)) return std::nullopt;
  ToldEntry entry;
  entry.value = reader.read_opaque(kValueSizeMax);
  entry.version = reader.read_uint64();
  entry.created = reader.read_uint64();
  entry.modified = reader.read_uint64();
  return entry;
}

void append_result(std::string& out, const StepResult& result) {
  append_uint32(out, static_cast<std::uint32_t>(result.kind));
  switch (result.kind) {
    case Step::Kind::kGet:
      append_entry(out, result.entry);
      return;
    case Step::Kind::kPut:
    case Step::Kind::kDel:
      append_uint64(out, result.version);
      append_entry(out, result.entry);
      return;
    case Step::Kind::kIncr:
      append_uint64(out, result.version);
      append_uint64(out, static_cast<std::uint64_t>(result.number));
      return;
    case Step::Kind::kAppend:
      append_uint64(out, result.version);
      append_uint64(out, result.size);
      return;
    case Step::Kind::kDelRange:
      append_uint64(out, result.removed);
      append_bool(out, result.more);
      return;
  }
  RKV_CHECK(false, "kind of step out of range");
}

Result<StepResult> read_result(XdrReader& reader) {
  const std::uint32_t kind = reader.read_uint32();
  if (!reader.ok() || kind < 1 || kind > static_cast<std::uint32_t>(Step::Kind::kDelRange)) {
    return Status::invalid("a result is cut short or of an unknown kind");
  }
  StepResult result;
  result.kind = static_cast<Step::Kind>(kind);
  bool is_bool = true;
  switch (result.kind) {
    case Step::Kind::kGet:
      result.entry = read_entry(reader, &is_bool);
      break;
    case Step::Kind::kPut:
    case Step::Kind::kDel:
      result.version = reader.read_uint64();
      result.entry = read_entry(reader, &is_bool);
      break;
    case Step::Kind::kIncr:
      result.version = reader.read_uint64();
      result.number = static_cast<std::int64_t>(reader.read_uint64());
      break;
    case Step::Kind::kAppend:
      result.version = reader.read_uint64();
      result.size = reader.read_uint64();
      break;
    case Step::Kind::kDelRange:
      result.removed = reader.read_uint64();
      result.more = read_bool(reader, &is_bool);
      break;
  }
  if (!reader.ok() || !is_bool) return Status::invalid("a result is cut short or over a limit");
  return result;
}

constexpr std::size_t kWord = 4;
constexpr std::size_t kNumber = 8;

std::size_t opaque_size(const std::string& bytes) {
  return kWord + (bytes.size() + kWord - 1) / kWord * kWord;
}

std::size_t encoded_size(const Compare& compare) {
  const bool has_value = compare.target == Compare::Target::kValue;
  return opaque_size(compare.key) + 2 * kWord + (has_value ? opaque_size(compare.value) : kNumber);
}

std::size_t encoded_size(const Step& step) {
  const std::size_t head = kWord + opaque_size(step.key);
  switch (step.kind) {
    case Step::Kind::kGet:
    case Step::Kind::kDel:
      return head + kWord;
    case Step::Kind::kPut:
      return head + opaque_size(step.value) + kWord;
    case Step::Kind::kIncr:
      return head + kNumber;
    case Step::Kind::kAppend:
    case Step::Kind::kDelRange:
      return head + opaque_size(step.value);
  }
  RKV_CHECK(false, "kind of step out of range");
}

}  // namespace

std::size_t encoded_size(const Transaction& transaction) {
  std::size_t size = 3 * kWord;
  for (const Compare& compare : transaction.compares) size += encoded_size(compare);
  for (const Step& step : transaction.then) size += encoded_size(step);
  for (const Step& step : transaction.otherwise) size += encoded_size(step);
  return size;
}

void append_transaction(std::string& out, const Transaction& transaction) {
  append_uint32(out, static_cast<std::uint32_t>(transaction.compares.size()));
  for (const Compare& compare : transaction.compares) append_compare(out, compare);
  append_steps(out, transaction.then);
  append_steps(out, transaction.otherwise);
}

Result<Transaction> read_transaction(XdrReader& reader) {
  Transaction transaction;
  Status status = read_list(reader, kComparesMax, &transaction.compares, read_compare);
  if (status.ok()) status = read_list(reader, kStepsMax, &transaction.then, read_step);
  if (status.ok()) status = read_list(reader, kStepsMax, &transaction.otherwise, read_step);
  if (status.ok()) status = validate_transaction(transaction);
  if (!status.ok()) return status;
  return transaction;
}

std::string encode_result(const StepsResult& result) {
  std::string bytes;
  append_bool(bytes, result.succeeded);
  append_uint32(bytes, static_cast<std::uint32_t>(result.results.size()));
  for (const StepResult& each : result.results) append_result(bytes, each);
  return bytes;
}

Result<StepsResult> decode_result(std::string_view bytes) {
  XdrReader reader(bytes);
  StepsResult result;
  bool is_bool = true;
  result.succeeded = read_bool(reader, &is_bool);
  if (!is_bool) return Status::invalid("a result is cut short");
  const Status status = read_list(reader, kStepsMax, &result.results, read_result);
  if (!status.ok()) return status;
  if (!reader.done()) return Status::invalid("a result has bytes behind its end");
  return result;
}

}  // namespace rkv::kv
