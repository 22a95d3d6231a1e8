#include "client/transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "client/request_check.h"

namespace rkv::client {
namespace {

// What XDR adds to a compare or a step beside its bytes, at most; and to the whole.
constexpr std::size_t kOverheadOfEach = 32;
constexpr std::size_t kOverhead = 64;

Status check_step(const Step& step) {
  if (step.kind == Step::Kind::kDelRange) {
    const std::size_t size = std::max(step.key.size(), step.value.size());
    if (size <= kKeySizeMax) return Status();
    return {StatusCode::kOverLimit,
            fmt::format("a bound of the range has {} bytes, the limit is {}", size, kKeySizeMax)};
  }
  Status status = check_key(step.key);
  if (status.ok()) status = check_value(step.value);
  return status;
}

Status check_steps(const std::vector<Step>& steps) {
  if (steps.size() > kStepsMax) {
    return {StatusCode::kOverLimit, fmt::format("a branch of the transaction has {} steps, the "
                                                "limit is {}",
                                                steps.size(), kStepsMax)};
  }
  for (const Step& step : steps) {
    if (const Status status = check_step(step); !status.ok()) return status;
  }
  return Status();
}

std::size_t size_of(const std::vector<Step>& steps) {
  std::size_t size = 0;
  for (const Step& step : steps) size += step.key.size() + step.value.size();
  return size;
}

bool only_reads(const std::vector<Step>& steps) {
  return std::all_of(steps.begin(), steps.end(),
                     [](const Step& step) { return step.kind == Step::Kind::kGet; });
}

}  // namespace

Compare Compare::exists(std::string key) {
  return {std::move(key), Target::kExists, Relation::kEqual, 1, {}};
}
Compare Compare::absent(std::string key) {
  return {std::move(key), Target::kExists, Relation::kEqual, 0, {}};
}
Compare Compare::version(std::string key, std::uint64_t version) {
  return {std::move(key), Target::kVersion, Relation::kEqual, version, {}};
}
Compare Compare::value_is(std::string key, std::string value) {
  return {std::move(key), Target::kValue, Relation::kEqual, 0, std::move(value)};
}

Step Step::get(std::string key) { return {Kind::kGet, std::move(key), {}, 0, true}; }
Step Step::put(std::string key, std::string value, bool wants_previous) {
  return {Kind::kPut, std::move(key), std::move(value), 0, wants_previous};
}
Step Step::del(std::string key, bool wants_previous) {
  return {Kind::kDel, std::move(key), {}, 0, wants_previous};
}
Step Step::incr(std::string key, std::int64_t amount) {
  return {Kind::kIncr, std::move(key), {}, amount, false};
}
Step Step::append(std::string key, std::string value) {
  return {Kind::kAppend, std::move(key), std::move(value), 0, false};
}
Step Step::del_range(std::string first, std::string end) {
  return {Kind::kDelRange, std::move(first), std::move(end), 0, false};
}

Status check_transaction(const Transaction& transaction) {
  if (transaction.then.empty() && transaction.otherwise.empty()) {
    return Status::invalid("the transaction has no step, it needs at least one");
  }
  if (transaction.compares.size() > kComparesMax) {
    return {StatusCode::kOverLimit, fmt::format("the transaction has {} compares, the limit is {}",
                                                transaction.compares.size(), kComparesMax)};
  }
  for (const Compare& compare : transaction.compares) {
    Status status = check_key(compare.key);
    if (status.ok()) status = check_value(compare.value);
    if (!status.ok()) return status;
  }
  Status status = check_steps(transaction.then);
  if (status.ok()) status = check_steps(transaction.otherwise);
  if (!status.ok()) return status;
  const std::size_t count =
      transaction.compares.size() + transaction.then.size() + transaction.otherwise.size();
  const std::size_t size = size_of(transaction) + count * kOverheadOfEach + kOverhead;
  if (size <= kCommandSizeMax) return Status();
  return {StatusCode::kOverLimit, fmt::format("the transaction has about {} bytes, the limit is {}",
                                              size, kCommandSizeMax)};
}

bool only_reads(const Transaction& transaction) {
  return only_reads(transaction.then) && only_reads(transaction.otherwise);
}

std::size_t size_of(const Transaction& transaction) {
  std::size_t size = size_of(transaction.then) + size_of(transaction.otherwise);
  for (const Compare& compare : transaction.compares) {
    size += compare.key.size() + compare.value.size();
  }
  return size;
}

}  // namespace rkv::client
