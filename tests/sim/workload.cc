#include "sim/workload.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "sim/draw.h"

namespace rkv::sim {
namespace {

using kv::Compare;
using kv::Transaction;
using Consistency = replica::ReadOptions::Consistency;
using Target = Compare::Target;
using Relation = Compare::Relation;

constexpr std::size_t kAccounts = 3;
constexpr std::size_t kMixedKeys = 3;
constexpr std::size_t kBulkKeys = 8;

Relation draw_relation(Random& random) { return static_cast<Relation>(draw_between(random, 1, 4)); }

kv::Step step_of(kv::Step::Kind kind, std::string key, std::string value = {},
                 std::int64_t amount = 0) {
  return {kind, std::move(key), std::move(value), amount, false};
}

}  // namespace

std::string Workload::key_of(std::size_t group, std::size_t index) const {
  const int generation = groups_[group].generation;
  if (group == kBank) return fmt::format("account{}.{}", index, generation);
  if (group == kMixed) return fmt::format("mixed{}.{}", index, generation);
  if (group == kBulk) return fmt::format("bulk{}", index);
  if (group >= kSingles) return fmt::format("counter{}.{}", group, generation);
  return fmt::format("key{}.{}", group, generation);
}

void Workload::unknown(std::size_t group) {
  Group& it = groups_[group];
  const int max = group < kSingles ? options_.unknown_max : options_.unknown_together_max;
  if (++it.unknown >= max) it = {it.generation + 1, 0};
}

void Workload::saw(const std::string& key, std::uint64_t version, std::string_view value) {
  seen_[key] = {version, std::string(value)};
}

// ---- Transactions ----

// Of what was seen last, so that it often holds; it is stale at times.
Compare Workload::make_compare(const std::string& key, Random& random) const {
  const auto found = seen_.find(key);
  const Seen seen = found == seen_.end() ? Seen() : found->second;
  switch (draw_between(random, 0, 3)) {
    case 0:
      return {key, Target::kExists, Relation::kEqual, draw_between(random, 0, 1), {}};
    case 1:
      return {key, Target::kVersion, Relation::kEqual, seen.version, {}};
    case 2:
      return {key, Target::kVersion, draw_relation(random), draw_between(random, 0, 6), {}};
    default:
      return {key, Target::kValue,
              draw_chance(random, 0.7) ? Relation::kEqual : draw_relation(random), 0, seen.value};
  }
}

kv::Step Workload::make_step(const std::string& key, const std::string& name,
                             Random& random) const {
  kv::Step step;
  step.key = key;
  step.wants_entry = draw_chance(random, 0.5);
  switch (draw_between(random, 0, 4)) {
    case 0:
      step.kind = kv::Step::Kind::kGet;
      step.wants_entry = true;
      return step;
    case 1:
      step.kind = kv::Step::Kind::kDel;
      return step;
    case 2:
      step.kind = kv::Step::Kind::kAppend;
      step.value = "+";
      step.wants_entry = false;
      return step;
    default:
      step.kind = kv::Step::Kind::kPut;
      step.value = name;
      return step;
  }
}

// From one account to another; back again if the compare does not hold.
void Workload::make_transfer(Transaction& transaction, Random& random) const {
  const std::size_t from = random.below(kAccounts);
  const std::size_t to = (from + draw_between(random, 1, kAccounts - 1)) % kAccounts;
  const auto amount = static_cast<std::int64_t>(draw_between(random, 1, 100));
  const auto transfer = [&](std::int64_t sign) {
    return std::vector{step_of(kv::Step::Kind::kIncr, key_of(kBank, from), {}, -sign * amount),
                       step_of(kv::Step::Kind::kIncr, key_of(kBank, to), {}, sign * amount)};
  };
  transaction.then = transfer(1);
  if (!draw_chance(random, 0.5)) return;
  transaction.compares.push_back(make_compare(key_of(kBank, from), random));
  if (draw_chance(random, 0.5)) transaction.otherwise = transfer(-1);
}

void Workload::make_mixed(Transaction& transaction, const std::string& name, Random& random) const {
  const auto key = [&] { return key_of(kMixed, random.below(kMixedKeys)); };
  for (std::uint64_t i = draw_between(random, 0, 2); i > 0; --i) {
    transaction.compares.push_back(make_compare(key(), random));
  }
  for (std::uint64_t i = draw_between(random, 1, 3); i > 0; --i) {
    transaction.then.push_back(make_step(key(), name, random));
  }
  for (std::uint64_t i = draw_between(random, 0, 2); i > 0; --i) {
    transaction.otherwise.push_back(make_step(key(), name + "'", random));
  }
}

void Workload::make_bulk(Transaction& transaction, const std::string& name, Random& random) const {
  const auto key = [&] { return key_of(kBulk, random.below(kBulkKeys)); };
  if (draw_chance(random, 0.5)) {
    const Target target = draw_chance(random, 0.5) ? Target::kModified : Target::kCreated;
    transaction.compares.push_back(
        {key(), target, draw_relation(random), draw_between(random, 0, 1000), {}});
  }
  const auto add = [&](std::vector<kv::Step>& steps) {
    for (std::uint64_t i = draw_between(random, 1, 4); i > 0; --i) {
      steps.push_back(make_step(key(), name, random));
    }
    if (draw_chance(random, 0.3)) {
      std::string first = key();
      std::string end = draw_chance(random, 0.3) ? "bulk9" : key();
      if (end < first) std::swap(first, end);
      const auto at = static_cast<std::ptrdiff_t>(random.below(steps.size() + 1));
      steps.insert(steps.begin() + at, step_of(kv::Step::Kind::kDelRange, first, end));
    }
    if (options_.has_refusals && draw_chance(random, 0.1)) {
      steps.push_back(step_of(kv::Step::Kind::kIncr, key(), {}, 1));
    }
  };
  add(transaction.then);
  if (draw_chance(random, 0.5)) add(transaction.otherwise);
}

void Workload::make_single(StepKind kind, Transaction& transaction, const std::string& key,
                           const std::string& name, Random& random) const {
  using Kind = kv::Step::Kind;
  switch (kind) {
    case StepKind::kIncr:
      transaction.then = {
          step_of(Kind::kIncr, key, {}, static_cast<std::int64_t>(draw_between(random, 0, 9)) - 2)};
      return;
    case StepKind::kAppend:
      transaction.then = {step_of(Kind::kAppend, key, "+" + std::to_string(random.below(10)))};
      return;
    default:
      transaction.compares = {make_compare(key, random)};
      transaction.then = {kind == StepKind::kPutIf ? step_of(Kind::kPut, key, name)
                                                   : step_of(Kind::kDel, key)};
      transaction.then[0].wants_entry = draw_chance(random, 0.3);
      if (!draw_chance(random, 0.5)) return;
      transaction.otherwise = {step_of(Kind::kGet, key)};
      transaction.otherwise[0].wants_entry = true;
      return;
  }
}

// ---- Reads ----

void Workload::draw_consistency(Request& request, StepKind kind, Random& random) const {
  constexpr Duration kClocksApart = milliseconds(2);
  Consistency& consistency = request.options.consistency;
  if (kind == StepKind::kSequentialGet) consistency = Consistency::kSequential;
  if (kind == StepKind::kEventualGet) consistency = Consistency::kEventual;
  if (kind == StepKind::kGetMany || kind == StepKind::kList) {
    consistency = static_cast<Consistency>(random.below(3));
    if (!options_.has_total_order &&
        (consistency == Consistency::kSequential || kind == StepKind::kList)) {
      consistency = Consistency::kEventual;
    }
  }
  const bool may_be_bounded = options_.has_total_order || kind != StepKind::kList;
  if (consistency != Consistency::kEventual || !may_be_bounded || draw_chance(random, 0.3)) return;
  const Duration staleness =
      milliseconds(draw_between(random, 1, draw_chance(random, 0.7) ? 60 : 2000));
  request.options.max_staleness = staleness;
  // The clock of a replica is too fast or too slow by a hundredth at the most.
  request.staleness_checked = Duration{staleness.ns + staleness.ns / 50} + kClocksApart;
}

void Workload::make_many(Request& request, Random& random) const {
  Transaction transaction;
  request.is_bank = request.group == kBank;
  const std::size_t count = request.is_bank ? kAccounts : kMixedKeys;
  for (std::size_t i = 0; i < count; ++i) {
    kv::Step step = step_of(kv::Step::Kind::kGet, key_of(request.group, i));
    step.wants_entry = true;
    transaction.then.push_back(step);
  }
  if (!request.is_bank && draw_chance(random, 0.5)) {
    transaction.compares.push_back(make_compare(key_of(request.group, 0), random));
    transaction.otherwise = {transaction.then[0]};
  }
  request.command.kind = kv::Command::Kind::kTransaction;
  request.command.transaction = std::make_shared<const Transaction>(std::move(transaction));
}

void Workload::make_listing(Request& request, Random& random) const {
  constexpr std::array<std::string_view, 6> kPrefixes = {"",  "key",     "bulk",
                                                         "b", "account", "mixed"};
  const std::string prefix(kPrefixes[random.below(kPrefixes.size())]);
  kv::Scan& scan = request.scan;
  scan.first = prefix;
  scan.end = prefix.empty() ? std::string() : kv::end_of_prefix(prefix);
  scan.reverse = draw_chance(random, 0.3);
  scan.what = static_cast<kv::Scan::What>(random.below(3));
  scan.entries_max = draw_between(random, 1, 5);
  if (draw_chance(random, 0.3)) scan.size_max = draw_between(random, 1, 100);
  request.is_recorded = false;
}

// ---- Requests ----

Request Workload::make(const Step& step, const std::string& name) {
  Random random(step.b);
  Request request;
  const auto transact = [&request](std::size_t group, auto fill) {
    Transaction transaction;
    fill(transaction);
    request.what = Request::What::kWrite;
    request.group = group;
    request.command.kind = kv::Command::Kind::kTransaction;
    request.command.transaction = std::make_shared<const Transaction>(std::move(transaction));
  };
  switch (step.kind) {
    case StepKind::kPut:
    case StepKind::kDel:
      request.what = Request::What::kWrite;
      request.group = step.b % kSingles;
      request.command.key = key_of(request.group, 0);
      if (step.kind == StepKind::kPut) request.command.value = "value of " + name;
      if (step.kind == StepKind::kDel) request.command.kind = kv::Command::Kind::kDel;
      break;
    case StepKind::kGet:
      request.group = step.b % kSingles;
      request.command.key = key_of(request.group, 0);
      break;
    case StepKind::kSequentialGet:
    case StepKind::kEventualGet:
      request.group = random.below(kSingles + kCounters);
      request.command.key = key_of(request.group, 0);
      break;
    case StepKind::kPutIf:
    case StepKind::kDelIf:
    case StepKind::kAppend:
    case StepKind::kIncr: {
      const std::size_t group = step.kind == StepKind::kIncr ? kSingles + random.below(kCounters)
                                                             : random.below(kSingles);
      transact(group, [&](Transaction& it) {
        make_single(step.kind, it, key_of(group, 0), name, random);
      });
      break;
    }
    case StepKind::kTransfer:
      transact(kBank, [&](Transaction& it) { make_transfer(it, random); });
      break;
    case StepKind::kTransact:
      transact(kMixed, [&](Transaction& it) { make_mixed(it, name, random); });
      break;
    case StepKind::kBulk:
      transact(kBulk, [&](Transaction& it) { make_bulk(it, name, random); });
      request.is_recorded = false;
      break;
    case StepKind::kGetMany:
      request.what = Request::What::kGetMany;
      request.group = draw_chance(random, 0.5) ? kBank : kMixed;
      make_many(request, random);
      break;
    case StepKind::kList:
      request.what = Request::What::kList;
      make_listing(request, random);
      break;
    default:
      RKV_CHECK(false, "not a step of a client");
  }
  if (request.what != Request::What::kWrite) draw_consistency(request, step.kind, random);
  // What makes a write of a transaction with gets alone is not known before.
  const auto& transaction = request.command.transaction;
  if (request.what == Request::What::kWrite && transaction && kv::only_reads(*transaction)) {
    request.what = Request::What::kGetMany;
  }
  return request;
}

// ---- Histories ----

namespace {

history::Compare to_history(const Compare& compare) {
  history::Compare it;
  it.key = compare.key;
  it.target = compare.target == Target::kExists    ? history::Compare::Target::kExists
              : compare.target == Target::kVersion ? history::Compare::Target::kVersion
                                                   : history::Compare::Target::kValue;
  it.relation = static_cast<history::Compare::Relation>(static_cast<int>(compare.relation) - 1);
  it.number = compare.number;
  it.value = compare.value;
  return it;
}

history::Step to_history(const kv::Step& step) {
  history::Step it;
  it.kind = static_cast<history::Step::Kind>(static_cast<int>(step.kind) - 1);
  it.key = step.key;
  it.value = step.value;
  it.amount = step.amount;
  return it;
}

history::StepResult to_history(const kv::StepResult& result) {
  history::StepResult it;
  switch (result.kind) {
    case kv::Step::Kind::kGet:
      it.found = result.entry.has_value();
      if (it.found) {
        it.version = result.entry->version;
        it.value = result.entry->value;
      }
      return it;
    case kv::Step::Kind::kDel:
      it.found = result.version != 0;
      if (it.found) it.version = result.version;
      return it;
    case kv::Step::Kind::kIncr:
      it.number = result.number;
      break;
    default:
      break;
  }
  it.version = result.version;
  return it;
}

}  // namespace

history::Transaction to_history(const Transaction& transaction) {
  history::Transaction it;
  for (const Compare& compare : transaction.compares) it.compares.push_back(to_history(compare));
  for (const kv::Step& step : transaction.then) it.then.push_back(to_history(step));
  for (const kv::Step& step : transaction.otherwise) it.otherwise.push_back(to_history(step));
  return it;
}

history::TransactionResult to_history(const kv::StepsResult& result) {
  history::TransactionResult it;
  it.succeeded = result.succeeded;
  for (const kv::StepResult& each : result.results) it.results.push_back(to_history(each));
  return it;
}

}  // namespace rkv::sim
