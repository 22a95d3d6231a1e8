#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "base/check.h"
#include "operation.h"

namespace rkv::history {

// Takes down a history as it happens. An operation that is never finished stays unknown. For one
// thread; several have a recorder each, on one clock, and their histories are put together.
class Recorder {
 public:
  using Id = std::size_t;

  // Before the request leaves. `argument` is the value of a put.
  Id invoke(std::uint64_t process, Kind kind, std::string key, std::string argument, Time now) {
    RKV_CHECK(kind != Kind::kTransact, "a transaction is invoked with what it is to do");
    Operation& operation = add(process, kind, now);
    operation.key = std::move(key);
    operation.argument = std::move(argument);
    return history_.size() - 1;
  }
  Id invoke(std::uint64_t process, Transaction transaction, Time now) {
    add(process, Kind::kTransact, now).transaction = std::move(transaction);
    return history_.size() - 1;
  }

  // After the answer has come, once. An outcome that is not known is none: leave it unfinished.
  void finish(Id id, Outcome outcome, std::optional<std::uint64_t> version, std::string value,
              Time now) {
    Operation& operation = answer(id, outcome, now);
    operation.version = version;
    operation.value = std::move(value);
  }
  // A transaction of which a branch ran.
  void finish(Id id, TransactionResult result, Time now) {
    answer(id, Outcome::kOk, now).transacted = std::move(result);
  }

  const History& history() const { return history_; }

 private:
  Operation& add(std::uint64_t process, Kind kind, Time now) {
    Operation& operation = history_.emplace_back();
    operation.process = process;
    operation.kind = kind;
    operation.invoked = now;
    return operation;
  }

  Operation& answer(Id id, Outcome outcome, Time now) {
    Operation& operation = history_.at(id);
    RKV_CHECK(operation.returned == kNever && outcome != Outcome::kUnknown && now != kNever,
              "an operation is finished once, with an outcome");
    RKV_CHECK(now >= operation.invoked, "no answer comes before its request");
    operation.returned = now;
    operation.outcome = outcome;
    return operation;
  }

  History history_;
};

}  // namespace rkv::history
