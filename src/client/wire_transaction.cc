#include <fmt/format.h>
#include <kv.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/limits.h"
#include "client/wire.h"
#include "client/wire_format.h"

namespace rkv::client {
namespace {

static_assert(KV_COMPARES_MAX == kComparesMax && KV_STEPS_MAX == kStepsMax);
static_assert(KV_ENTRIES_MAX == kEntriesMax && KV_PAGE_MAX == kPageSizeMax);
static_assert(KV_TOKEN_MAX == kTokenSizeMax && KV_DEL_RANGE_MAX == kDelRangeMax);
static_assert(static_cast<int>(Compare::Target::kValue) == KV_COMPARE_VALUE &&
              static_cast<int>(Compare::Relation::kGreater) == KV_GREATER &&
              static_cast<int>(Step::Kind::kDelRange) == KV_STEP_DEL_RANGE &&
              static_cast<int>(RangeWhat::kCount) == KV_RANGE_COUNT);

kv_compare wire_compare(const Compare& compare) {
  kv_compare wire{};
  refer(compare.key, &wire.key.kv_key_val, &wire.key.kv_key_len);
  wire.relation = static_cast<kv_relation>(compare.relation);
  wire.operand.target = static_cast<kv_compare_target>(compare.target);
  if (compare.target == Compare::Target::kValue) {
    kv_value& value = wire.operand.kv_operand_u.value;
    refer(compare.value, &value.kv_value_val, &value.kv_value_len);
  } else {
    wire.operand.kv_operand_u.number = compare.number;
  }
  return wire;
}

kv_step wire_step(const Step& step) {
  kv_step wire{};
  wire.kind = static_cast<kv_step_kind>(step.kind);
  auto& arms = wire.kv_step_u;
  const bool_t wants_entry = step.wants_entry ? TRUE : FALSE;
  kv_key key{};
  refer(step.key, &key.kv_key_val, &key.kv_key_len);
  kv_value value{};
  refer(step.value, &value.kv_value_val, &value.kv_value_len);
  switch (step.kind) {
    case Step::Kind::kGet:
      arms.get = {key, wants_entry};
      return wire;
    case Step::Kind::kPut:
      arms.put = {key, value, wants_entry};
      return wire;
    case Step::Kind::kDel:
      arms.del = {key, wants_entry};
      return wire;
    case Step::Kind::kIncr:
      arms.incr = {key, step.amount};
      return wire;
    case Step::Kind::kAppend:
      arms.append = {key, value};
      return wire;
    case Step::Kind::kDelRange:
      refer(step.key, &arms.del_range.first.kv_bound_val, &arms.del_range.first.kv_bound_len);
      refer(step.value, &arms.del_range.end.kv_bound_val, &arms.del_range.end.kv_bound_len);
      return wire;
  }
  RKV_CHECK(false, "kind of step out of range");
}

std::optional<Entry> entry_if_there(const kv_entry_if_there& wire) {
  if (wire.present == 0) return std::nullopt;
  return entry_of(wire.kv_entry_if_there_u.entry);
}

StepResult step_result_of(const kv_step_result& wire) {
  StepResult result;
  result.kind = static_cast<Step::Kind>(wire.kind);
  const auto& arms = wire.kv_step_result_u;
  switch (result.kind) {
    case Step::Kind::kGet:
      result.entry = entry_if_there(arms.get);
      if (result.entry) result.version = result.entry->version;
      break;
    case Step::Kind::kPut:
      result.version = arms.put.key_version;
      result.entry = entry_if_there(arms.put.previous);
      break;
    case Step::Kind::kDel:
      result.version = arms.del.key_version;
      result.entry = entry_if_there(arms.del.previous);
      break;
    case Step::Kind::kIncr:
      result.version = arms.incr.key_version;
      result.number = arms.incr.number;
      break;
    case Step::Kind::kAppend:
      result.version = arms.append.key_version;
      result.size = arms.append.size;
      break;
    case Step::Kind::kDelRange:
      result.removed = arms.del_range.removed;
      result.more = arms.del_range.more != 0;
      break;
  }
  return result;
}

}  // namespace

kv_read_options wire_read_options(const ReadOptions& options) {
  kv_read_options wire{};
  switch (options.consistency) {
    case Consistency::kLinearizable:
      wire.consistency = KV_LINEARIZABLE;
      break;
    case Consistency::kSequential:
      wire.consistency = KV_SEQUENTIAL;
      wire.seen = options.seen;
      break;
    case Consistency::kEventual:
      wire.consistency = KV_EVENTUAL;
      // A bound below a millisecond is one, and not none.
      const std::int64_t ms = (options.max_staleness + microseconds(999)).ms();
      wire.max_staleness_ms = static_cast<u_int>(std::clamp<std::int64_t>(ms, 0, UINT32_MAX));
      break;
  }
  return wire;
}

Entry entry_of(const kv_entry& entry) {
  return {bytes_of(entry.value.kv_value_val, entry.value.kv_value_len),
          entry.key_version,
          {entry.revisions.created, entry.revisions.modified}};
}

struct TransactArgs::State {
  std::vector<kv_compare> compares;
  std::vector<kv_step> then;
  std::vector<kv_step> otherwise;
  kv_transact_args args{};
};

TransactArgs::TransactArgs(const OperationId& operation, const Transaction& transaction,
                           const ReadOptions& options)
    : state_(std::make_unique<State>()) {
  for (const Compare& each : transaction.compares) state_->compares.push_back(wire_compare(each));
  for (const Step& each : transaction.then) state_->then.push_back(wire_step(each));
  for (const Step& each : transaction.otherwise) state_->otherwise.push_back(wire_step(each));
  kv_transact_args& args = state_->args;
  args.operation = wire_operation(operation);
  args.transaction.compares = {static_cast<u_int>(state_->compares.size()),
                               state_->compares.data()};
  args.transaction.then = {static_cast<u_int>(state_->then.size()), state_->then.data()};
  args.transaction.otherwise = {static_cast<u_int>(state_->otherwise.size()),
                                state_->otherwise.data()};
  if (only_reads(transaction)) args.options = wire_read_options(options);
}

TransactArgs::~TransactArgs() = default;

const kv_transact_args& TransactArgs::args() const { return state_->args; }

void fill_range(const RangeQuery& query, const ReadOptions& options, kv_range_args* args) {
  *args = {};
  refer(query.range.first, &args->first.kv_bound_val, &args->first.kv_bound_len);
  refer(query.range.end, &args->end.kv_bound_val, &args->end.kv_bound_len);
  args->reverse = query.reverse ? TRUE : FALSE;
  args->what = static_cast<kv_range_what>(query.what);
  args->limit = query.limit;
  args->size_max = query.size_max;
  args->options = wire_read_options(options);
  refer(query.token, &args->token.kv_token_val, &args->token.kv_token_len);
  args->one_page = query.one_page ? TRUE : FALSE;
}

TransactOutcome outcome_of(const kv_transact_result& result, const std::string& server) {
  TransactOutcome outcome;
  outcome.server = server;
  if (number_of(result.status) != KV_OK) {
    const kv_failure& failure = result.kv_transact_result_u.failure;
    outcome.status = failure_of_answer(number_of(result.status), failure, server);
    outcome.replica = ReplicaId{failure.replica};
    return outcome;
  }
  const kv_transact_ok& ok = result.kv_transact_result_u.ok;
  outcome.position = ok.position;
  outcome.succeeded = ok.steps.succeeded != 0;
  for (u_int i = 0; i < ok.steps.results.results_len; ++i) {
    outcome.results.push_back(step_result_of(ok.steps.results.results_val[i]));
  }
  return outcome;
}

PageOutcome outcome_of(const kv_range_result& result, const std::string& server) {
  PageOutcome outcome;
  outcome.server = server;
  if (number_of(result.status) != KV_OK) {
    const kv_failure& failure = result.kv_range_result_u.failure;
    outcome.status = failure_of_answer(number_of(result.status), failure, server);
    outcome.replica = ReplicaId{failure.replica};
    return outcome;
  }
  const kv_range_ok& ok = result.kv_range_result_u.ok;
  outcome.entries.reserve(ok.entries.entries_len);
  for (u_int i = 0; i < ok.entries.entries_len; ++i) {
    const kv_range_entry& each = ok.entries.entries_val[i];
    outcome.entries.push_back(
        {bytes_of(each.key.kv_key_val, each.key.kv_key_len), entry_of(each.entry)});
  }
  outcome.count = ok.count;
  outcome.position = ok.revision;
  outcome.next = bytes_of(ok.next.kv_token_val, ok.next.kv_token_len);
  return outcome;
}

}  // namespace rkv::client
