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
    history_.push_back({process,
                        now,
                        kNever,
                        kind,
                        std::move(key),
                        std::move(argument),
                        Outcome::kUnknown,
                        std::nullopt,
                        {}});
    return history_.size() - 1;
  }

  // After the answer has come, once. An outcome that is not known is none: leave it unfinished.
  void finish(Id id, Outcome outcome, std::optional<std::uint64_t> version, std::string value,
              Time now) {
    Operation& operation = history_.at(id);
    RKV_CHECK(operation.returned == kNever && outcome != Outcome::kUnknown && now != kNever,
              "an operation is finished once, with an outcome");
    RKV_CHECK(now >= operation.invoked, "no answer comes before its request");
    operation.returned = now;
    operation.outcome = outcome;
    operation.version = version;
    operation.value = std::move(value);
  }

  const History& history() const { return history_; }

 private:
  History history_;
};

}  // namespace rkv::history
