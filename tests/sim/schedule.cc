#include "sim/schedule.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/random.h"
#include "sim/draw.h"
#include "sim/partition.h"

namespace rkv::sim {
namespace {

constexpr std::uint32_t kKeys = 5;
constexpr std::size_t kFaultsMin = 20;

// A kind of fault that a seed may have on: how often it comes, on average.
struct FaultRate {
  StepKind kind;
  Duration every_min;
  Duration every_max;
};
constexpr std::array kFaultRates = {
    FaultRate{StepKind::kCrash, seconds(1), seconds(15)},
    FaultRate{StepKind::kCrashAll, seconds(10), seconds(60)},
    FaultRate{StepKind::kPause, seconds(1), seconds(10)},
    FaultRate{StepKind::kPartition, seconds(2), seconds(15)},
    FaultRate{StepKind::kClog, seconds(1), seconds(10)},
    FaultRate{StepKind::kLoss, seconds(3), seconds(20)},
    FaultRate{StepKind::kDuplicates, seconds(3), seconds(20)},
    FaultRate{StepKind::kReordering, seconds(3), seconds(20)},
    FaultRate{StepKind::kDelay, seconds(3), seconds(20)},
    FaultRate{StepKind::kWrongHint, milliseconds(500), seconds(10)},
    FaultRate{StepKind::kReplyLoss, seconds(5), seconds(20)},
    FaultRate{StepKind::kSyncStall, seconds(2), seconds(15)},
    FaultRate{StepKind::kSyncTime, seconds(2), seconds(15)},
    FaultRate{StepKind::kDiskError, seconds(4), seconds(30)},
    FaultRate{StepKind::kDiskFull, seconds(5), seconds(30)},
    FaultRate{StepKind::kRot, seconds(5), seconds(30)},
    FaultRate{StepKind::kDrift, seconds(1), seconds(20)},
    FaultRate{StepKind::kStopRole, milliseconds(200), seconds(10)},
};
constexpr std::uint32_t kRolesMax = 3;

// What clients do other than put, get and del.
constexpr std::array kMore = {StepKind::kPutIf,       StepKind::kDelIf,    StepKind::kIncr,
                              StepKind::kAppend,      StepKind::kTransfer, StepKind::kTransact,
                              StepKind::kBulk,        StepKind::kGetMany,  StepKind::kSequentialGet,
                              StepKind::kEventualGet, StepKind::kList};

bool needs_total_order(StepKind kind) {
  return kind == StepKind::kBulk || kind == StepKind::kSequentialGet;
}

bool needs_log(StepKind kind) {
  return kind == StepKind::kSyncStall || kind == StepKind::kSyncTime ||
         kind == StepKind::kDiskError || kind == StepKind::kDiskFull || kind == StepKind::kRot ||
         kind == StepKind::kStopRole;
}

class Maker {
 public:
  Maker(std::uint64_t seed, const ScheduleOptions& options) : random_(seed), options_(options) {}

  Schedule make() {
    add_operations();
    if (options_.faults) add_faults();
    std::stable_sort(schedule_.begin(), schedule_.end(),
                     [](const Step& a, const Step& b) { return a.at < b.at; });
    return std::move(schedule_);
  }

 private:
  std::uint32_t draw(std::uint64_t low, std::uint64_t high) {
    return static_cast<std::uint32_t>(draw_between(random_, low, high));
  }
  std::uint32_t draw_replica() { return draw(0, options_.replicas - 1); }
  // Short ones are the rule.
  std::uint32_t draw_ms(Duration mean, Duration max) {
    return static_cast<std::uint32_t>(std::min(draw_exponential(random_, mean), max).ms()) + 1;
  }
  void add(TimePoint at, StepKind kind, std::uint32_t a, std::uint32_t b = 0, std::uint32_t c = 0) {
    schedule_.push_back({at, kind, a, b, c});
  }

  void add_operations() {
    const double rate = options_.operations_min +
                        draw_unit(random_) * (options_.operations_max - options_.operations_min);
    const double gets = 0.2 + 0.6 * draw_unit(random_);
    const std::vector<StepKind> more = draw_more();
    const double more_share = more.empty() ? 0 : 0.2 + 0.6 * draw_unit(random_);
    const Duration pause{static_cast<std::int64_t>(1e9 / rate)};
    const TimePoint end{options_.length.ns};
    for (TimePoint at; (at = at + draw_exponential(random_, pause)) < end;) {
      if (draw_chance(random_, more_share)) {
        const StepKind kind = more[random_.below(more.size())];
        add(at, kind, draw(0, options_.clients - 1), draw(0, UINT32_MAX), draw_replica());
        continue;
      }
      const double which = draw_unit(random_);
      constexpr double kDelsOfWrites = 0.15;
      const StepKind kind = which < gets                                ? StepKind::kGet
                            : which < gets + (1 - gets) * kDelsOfWrites ? StepKind::kDel
                                                                        : StepKind::kPut;
      add(at, kind, draw(0, options_.clients - 1), draw(0, kKeys - 1), draw_replica());
    }
  }

  // In a third of the seeds none, else some.
  std::vector<StepKind> draw_more() {
    constexpr double kPlain = 0.33;
    std::vector<StepKind> more;
    if (!options_.has_transactions || draw_chance(random_, kPlain)) return more;
    for (const StepKind kind : kMore) {
      const bool possible = options_.has_total_order || !needs_total_order(kind);
      if (draw_chance(random_, 0.5) && possible) more.push_back(kind);
    }
    return more;
  }

  void add_faults() {
    for (const FaultRate& rate : kFaultRates) {
      const bool possible = options_.has_log || !needs_log(rate.kind);
      const bool on = draw_chance(random_, 0.5) && possible;
      if (on && (rate.kind != StepKind::kRot || options_.rot)) {
        add_faults(rate.kind, draw_between(random_, rate.every_min, rate.every_max));
      }
    }
    while (faults_ < kFaultsMin) {
      const TimePoint at{draw_between(random_, Duration{0}, options_.length).ns};
      add_fault(draw_chance(random_, 0.5) ? StepKind::kCrash : StepKind::kPause, at);
    }
  }

  // Some do not hear the leader and want to lead themselves, while those that do hear it are back
  // from a crash, or their acceptors are, before its lease is over, one after the other.
  void add_lease_trap(TimePoint at, StepKind kind) {
    constexpr std::array kShapes = {Partition::kChained, Partition::kQuorumLoss,
                                    Partition::kBridge};
    add(at, StepKind::kPartition, static_cast<std::uint32_t>(kShapes[draw(0, 2)]),
        draw(0, UINT32_MAX));
    TimePoint crash = at;
    for (int i = 0; i < 10; ++i) {
      crash = crash + milliseconds(draw(60, 200));
      const std::uint32_t replica = draw_replica();
      const std::uint32_t time = draw(1, 30);
      if (kind == StepKind::kStopRole) {
        add(crash, kind, replica, 0, time);
      } else {
        add(crash, StepKind::kCrash, replica, time);
      }
    }
    add(crash + seconds(1), StepKind::kHeal, 0);
  }

  void add_faults(StepKind kind, Duration every) {
    const TimePoint end{options_.length.ns};
    for (TimePoint at; (at = at + draw_exponential(random_, every)) < end;) add_fault(kind, at);
  }

  void add_fault(StepKind kind, TimePoint at) {
    ++faults_;
    const std::uint32_t replica = draw_replica();
    const std::uint32_t other =
        static_cast<std::uint32_t>((replica + draw(1, options_.replicas - 1)) % options_.replicas);
    switch (kind) {
      case StepKind::kCrash:
      case StepKind::kCrashAll: {
        // Often it is back before anybody has noticed, and within a lease.
        const bool soon = draw_chance(random_, 0.4);
        if (soon && options_.has_log && draw_chance(random_, 0.3)) add_lease_trap(at, kind);
        return add(at, kind, replica, soon ? draw(1, 60) : draw_ms(seconds(1), seconds(10)));
      }
      case StepKind::kPause:
        return add(at, kind, replica, draw_ms(milliseconds(400), seconds(10)));
      case StepKind::kPartition:
        add(at, kind, draw(0, kPartitions - 1), draw(0, UINT32_MAX));
        return add(at + milliseconds(draw_ms(seconds(3), seconds(15))), StepKind::kHeal, 0);
      case StepKind::kClog:
        return add(at, kind, replica, other, draw_ms(milliseconds(200), seconds(2)));
      case StepKind::kLoss:
      case StepKind::kDuplicates:
      case StepKind::kReordering:
      case StepKind::kReplyLoss:
        add(at, kind, draw(1, 300));
        return add(at + milliseconds(draw_ms(seconds(4), seconds(20))), kind, 0);
      case StepKind::kDelay:
        add(at, kind, draw(1'000, 100'000));
        return add(at + milliseconds(draw_ms(seconds(4), seconds(20))), kind, 100);
      case StepKind::kWrongHint:
        return add(at, kind, replica, other);
      case StepKind::kSyncStall:
        return add(at, kind, replica, draw_ms(milliseconds(700), seconds(10)));
      case StepKind::kSyncTime:
        add(at, kind, replica, draw(1'000, 200'000));
        return add(at + milliseconds(draw_ms(seconds(4), seconds(20))), kind, replica, 100);
      case StepKind::kDiskError:
        return add(at, kind, replica);
      case StepKind::kDiskFull:
        add(at, kind, replica, 1);
        return add(at + milliseconds(draw_ms(seconds(3), seconds(15))), kind, replica, 0);
      case StepKind::kRot:
        // Of a minority only, always the same one: of what was chosen, good copies are left.
        return add(at, kind, draw(0, (options_.replicas - 1) / 2 - 1),
                   draw_ms(seconds(1), seconds(10)));
      case StepKind::kDrift: {
        constexpr std::uint32_t kDriftMax = 9'000;  // of two replicas: within 20 of a thousand
        return add(at, kind, replica, kDriftBias - kDriftMax + draw(0, 2 * kDriftMax));
      }
      case StepKind::kStopRole: {
        const bool soon = draw_chance(random_, 0.4);
        if (soon && draw_chance(random_, 0.1)) add_lease_trap(at, kind);
        return add(at, kind, replica, draw(0, kRolesMax - 1),
                   soon ? draw(1, 60) : draw_ms(seconds(1), seconds(10)));
      }
      case StepKind::kPut:
      case StepKind::kGet:
      case StepKind::kDel:
      case StepKind::kPutIf:
      case StepKind::kDelIf:
      case StepKind::kIncr:
      case StepKind::kAppend:
      case StepKind::kTransfer:
      case StepKind::kTransact:
      case StepKind::kBulk:
      case StepKind::kGetMany:
      case StepKind::kSequentialGet:
      case StepKind::kEventualGet:
      case StepKind::kList:
      case StepKind::kHeal:
        return;
    }
  }

  Random random_;
  const ScheduleOptions options_;
  Schedule schedule_;
  std::size_t faults_ = 0;
};

}  // namespace

std::string_view to_string(StepKind kind) {
  constexpr std::array<std::string_view, kStepKinds> kNames = {
      "put",          "get",        "del",        "put-if",     "del-if",     "incr",
      "append",       "transfer",   "transact",   "bulk",       "get-many",   "sequential-get",
      "eventual-get", "list",       "crash",      "crash-all",  "pause",      "partition",
      "heal",         "clog",       "loss",       "duplicates", "reordering", "delay",
      "wrong-hint",   "reply-loss", "sync-stall", "sync-time",  "disk-error", "disk-full",
      "rot",          "drift",      "stop-role"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string to_string(const Step& step) {
  const double at = static_cast<double>(step.at.ns) / 1e9;
  if (step.kind == StepKind::kPartition) {
    return fmt::format("{:.6f} {} {} {}", at, to_string(step.kind),
                       to_string(static_cast<Partition>(step.a)), step.b);
  }
  return fmt::format("{:.6f} {} {} {} {}", at, to_string(step.kind), step.a, step.b, step.c);
}

Schedule make_schedule(std::uint64_t seed, const ScheduleOptions& options) {
  return Maker(seed, options).make();
}

}  // namespace rkv::sim
