#include "service/transaction_codec.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "service/wire.h"

namespace rkv::service {
namespace {

using kv::Compare;
using kv::Step;
using kv::StepResult;
using kv::ToldEntry;

// The enums go over the wire by their numbers.
static_assert(static_cast<int>(Compare::Target::kExists) == KV_COMPARE_EXISTS);
static_assert(static_cast<int>(Compare::Target::kVersion) == KV_COMPARE_VERSION);
static_assert(static_cast<int>(Compare::Target::kCreated) == KV_COMPARE_CREATED);
static_assert(static_cast<int>(Compare::Target::kModified) == KV_COMPARE_MODIFIED);
static_assert(static_cast<int>(Compare::Target::kValue) == KV_COMPARE_VALUE);
static_assert(static_cast<int>(Compare::Relation::kEqual) == KV_EQUAL);
static_assert(static_cast<int>(Compare::Relation::kNotEqual) == KV_NOT_EQUAL);
static_assert(static_cast<int>(Compare::Relation::kLess) == KV_LESS);
static_assert(static_cast<int>(Compare::Relation::kGreater) == KV_GREATER);
static_assert(static_cast<int>(Step::Kind::kGet) == KV_STEP_GET);
static_assert(static_cast<int>(Step::Kind::kPut) == KV_STEP_PUT);
static_assert(static_cast<int>(Step::Kind::kDel) == KV_STEP_DEL);
static_assert(static_cast<int>(Step::Kind::kIncr) == KV_STEP_INCR);
static_assert(static_cast<int>(Step::Kind::kAppend) == KV_STEP_APPEND);
static_assert(static_cast<int>(Step::Kind::kDelRange) == KV_STEP_DEL_RANGE);

// Bytes of what kv_steps_result has beside the results: whether it succeeded, how many.
constexpr std::size_t kStepsHeadSize = 4 + 4;
// Bytes of the longest result of a step that tells no value, that of KV_STEP_GET: the kind, whether
// there is an entry, the length of its value, three numbers.
constexpr std::size_t kStepResultSize = 4 + 4 + 4 + 3 * 8;
// What one adds that tells the entry before: its value, and the version of what the step has made.
constexpr std::size_t kToldSizeMax = kValueSizeMax + 8;

// ---- in -----------------------------------------------------------------------------------------

Result<Compare> compare_from_wire(const kv_compare& wire) {
  const int target = number_of(wire.operand.target);
  if (target < KV_COMPARE_EXISTS || target > KV_COMPARE_VALUE) {
    return Status::invalid("a compare has the unknown target " + std::to_string(target));
  }
  const int relation = number_of(wire.relation);
  if (relation < KV_EQUAL || relation > KV_GREATER) {
    return Status::invalid("a compare has the unknown relation " + std::to_string(relation));
  }
  Compare compare;
  compare.key = view_of(wire.key);
  compare.target = static_cast<Compare::Target>(target);
  compare.relation = static_cast<Compare::Relation>(relation);
  if (compare.target == Compare::Target::kValue) {
    compare.value = view_of(wire.operand.kv_operand_u.value);
  } else {
    compare.number = wire.operand.kv_operand_u.number;
  }
  return compare;
}

// A step of an unknown kind does not decode, and is refused here all the same.
Result<Step> step_from_wire(const kv_step& wire) {
  const auto& arms = wire.kv_step_u;
  Step step;
  step.kind = static_cast<Step::Kind>(number_of(wire.kind));
  switch (step.kind) {
    case Step::Kind::kGet:
      step.key = view_of(arms.get.key);
      step.wants_entry = arms.get.wants_value != FALSE;
      return step;
    case Step::Kind::kPut:
      step.key = view_of(arms.put.key);
      step.value = view_of(arms.put.value);
      step.wants_entry = arms.put.wants_previous != FALSE;
      return step;
    case Step::Kind::kDel:
      step.key = view_of(arms.del.key);
      step.wants_entry = arms.del.wants_previous != FALSE;
      return step;
    case Step::Kind::kIncr:
      step.key = view_of(arms.incr.key);
      step.amount = arms.incr.amount;
      return step;
    case Step::Kind::kAppend:
      step.key = view_of(arms.append.key);
      step.value = view_of(arms.append.value);
      return step;
    case Step::Kind::kDelRange:
      step.key = view_of(arms.del_range.first);
      step.value = view_of(arms.del_range.end);
      return step;
  }
  return Status::invalid("a step is of the unknown kind " + std::to_string(number_of(wire.kind)));
}

Status take_steps(std::span<const kv_step> wire, std::vector<Step>& steps) {
  steps.reserve(wire.size());
  for (const kv_step& each : wire) {
    Result<Step> step = step_from_wire(each);
    if (!step.ok()) return step.status();
    steps.push_back(std::move(step).value());
  }
  return {};
}

// ---- out ----------------------------------------------------------------------------------------

kv_entry_if_there to_wire(const std::optional<ToldEntry>& told) {
  kv_entry_if_there wire{};
  if (!told) return wire;
  wire.present = TRUE;
  wire.kv_entry_if_there_u.entry = {
      value_to_wire(told->value), told->version, {told->created, told->modified}};
  return wire;
}

kv_step_result to_wire(const StepResult& result) {
  kv_step_result wire{};
  wire.kind = static_cast<kv_step_kind>(result.kind);
  auto& arms = wire.kv_step_result_u;
  switch (result.kind) {
    case Step::Kind::kGet:
      arms.get = to_wire(result.entry);
      return wire;
    case Step::Kind::kPut:
      arms.put = {result.version, to_wire(result.entry)};
      return wire;
    case Step::Kind::kDel:
      arms.del = {result.version, to_wire(result.entry)};
      return wire;
    case Step::Kind::kIncr:
      arms.incr = {result.version, result.number};
      return wire;
    case Step::Kind::kAppend:
      arms.append = {result.version, result.size};
      return wire;
    case Step::Kind::kDelRange:
      arms.del_range = {result.removed, result.more ? TRUE : FALSE};
      return wire;
  }
  RKV_CHECK(false, "the kind of a step's result out of range");
}

std::size_t size_max_of(const std::vector<Step>& steps) {
  std::size_t size = kStepsHeadSize;
  for (const Step& step : steps) size += kStepResultSize + (step.wants_entry ? kToldSizeMax : 0);
  return size;
}

}  // namespace

Result<kv::Transaction> transaction_from_wire(const kv_transaction& wire) {
  kv::Transaction transaction;
  const std::span compares(wire.compares.compares_val, wire.compares.compares_len);
  transaction.compares.reserve(compares.size());
  for (const kv_compare& each : compares) {
    Result<Compare> compare = compare_from_wire(each);
    if (!compare.ok()) return compare.status();
    transaction.compares.push_back(std::move(compare).value());
  }
  Status status = take_steps({wire.then.then_val, wire.then.then_len}, transaction.then);
  if (status.ok()) {
    status = take_steps({wire.otherwise.otherwise_val, wire.otherwise.otherwise_len},
                        transaction.otherwise);
  }
  if (!status.ok()) return status;
  return transaction;
}

std::size_t steps_result_size_max(const kv::Transaction& transaction) {
  return std::max(size_max_of(transaction.then), size_max_of(transaction.otherwise));
}

OutgoingSteps::OutgoingSteps(const kv::StepsResult& steps) {
  results_.reserve(steps.results.size());
  for (const StepResult& result : steps.results) results_.push_back(to_wire(result));
  wire_.succeeded = steps.succeeded ? TRUE : FALSE;
  wire_.results.results_len = static_cast<u_int>(results_.size());
  wire_.results.results_val = results_.data();
}

}  // namespace rkv::service
