#include "sim/simulation.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "history/checker.h"
#include "history/sequential.h"
#include "sim/draw.h"

namespace rkv::sim {
namespace {

// More than any minute of a cluster has, whose replicas do not go in circles.
constexpr std::uint64_t kEventsMax = 3'000'000;

constexpr double of_thousand(std::uint32_t number) { return static_cast<double>(number) / 1000; }

Network::Options draw_network(Random& random) {
  Network::Options options;
  options.call_timeout = draw_between(random, milliseconds(500), seconds(10));
  // In half of the runs replicas find one another again at once, within a lease.
  if (draw_chance(random, 0.5)) options.connect_max = milliseconds(5);
  return options;
}

// In most runs so small that epochs pass many times, and that tables are full. Of plain puts, gets
// and dels alone they are what they are elsewhere.
replica::Manager::Limits draw_limits(Random& random) {
  replica::Manager::Limits limits;
  limits.listings.positions_max = draw_between(random, 1, 8);
  limits.listings.idle_max = draw_between(random, milliseconds(50), seconds(10));
  limits.listings.repeat_max = draw_between(random, milliseconds(1), seconds(1));
  limits.catch_up_max = draw_between(random, milliseconds(10), seconds(2));
  if (draw_chance(random, 0.8)) {
    limits.epoch_age_max = draw_between(random, milliseconds(1), seconds(10));
  }
  if (draw_chance(random, 0.4)) return limits;
  limits.sessions.sessions_max = draw_between(random, 4, 40);
  limits.sessions.replies_per_client_max = draw_between(random, 1, 8);
  limits.sessions.replies_max =
      limits.sessions.replies_per_client_max + draw_between(random, 1, 40);
  if (draw_chance(random, 0.3)) limits.sessions.told_bytes_max = draw_between(random, 200, 4000);
  return limits;
}

}  // namespace

Simulation::Simulation(const Options& options, Schedule schedule)
    : options_(options),
      schedule_(std::move(schedule)),
      events_left_(kEventsMax *
                   static_cast<std::uint64_t>(1 + options.schedule.length.ms() / 60'000)),
      random_(options.seed ^ 0x5EED'0F'A'C1057E55),
      limits_(options.schedule.has_transactions ? draw_limits(random_)
                                                : replica::Manager::Limits{}),
      kept_slots_(draw_chance(random_, 0.25) ? draw_between(random_, 20, 2000) : 0),
      invariants_(make_invariants(options.protocol.replication, options.schedule.replicas, facts(),
                                  violation_)) {
  scheduler_.set_transcript(options_.transcript);
  network_ = std::make_unique<Network>(scheduler_, random_.next(), counters_, invariants_.get(),
                                       draw_network(random_));
  add_replicas();
  add_clients();
}

void Simulation::add_clients() {
  std::vector<Replica*> replicas;
  for (const auto& replica : replicas_) replicas.push_back(replica.get());
  Clients::Options options;
  options.clients = options_.schedule.clients;
  options.has_total_order = options.workload.has_total_order = is(Replication::kPaxos);
  options.workload.has_refusals =
      limits_.sessions.told_bytes_max == kv::SessionLimits().told_bytes_max;
  if (!is(Replication::kForward)) {
    if (draw_chance(random_, 0.5)) options.duplicates = 0.2 * draw_unit(random_);
    if (draw_chance(random_, 0.3)) options.anonymous = 0.2 * draw_unit(random_);
  }
  clients_ = std::make_unique<Clients>(scheduler_, random_.next(), counters_, *invariants_,
                                       violation_, std::move(replicas), options);
}

Simulation::~Simulation() = default;

Facts Simulation::facts() const {
  return {[this](ReplicaId replica) { return replicas_[replica.value - 1]->incarnation(); },
          [this](ReplicaId replica) { return replicas_[replica.value - 1]->saved(); },
          [this](ReplicaId replica) { return replicas_[replica.value - 1]->is_damaged(); },
          limits_.sessions, kept_slots_};
}

void Simulation::add_replicas() {
  std::vector<ReplicaId> ids;
  for (std::uint32_t i = 1; i <= options_.schedule.replicas; ++i) ids.push_back(ReplicaId{i});
  for (const ReplicaId id : ids) {
    Replica::Options options{{id, ids, random_.next(), kept_slots_},
                             options_.protocol,
                             limits_,
                             options_.log,
                             // Replicas were switched on at different times.
                             TimePoint{draw_between(random_, seconds(1), seconds(100'000)).ns}};
    // Small, so that a restart finds a state that lags, and a log that was cut.
    options.limits.applied_unsaved_max = draw_between(random_, 1, 200);
    options.limits.unsaved_age_max = draw_between(random_, milliseconds(10), seconds(5));
    replicas_.push_back(std::make_unique<Replica>(
        options, Replica::World{scheduler_, *network_, counters_, *invariants_},
        [this](ReplicaId replica) { clients_->replica_stopped(replica); }));
  }
}

Outcome Simulation::run() {
  for (const auto& replica : replicas_) replica->start();
  if (!schedule_.empty()) scheduler_.at(schedule_[0].at, *this, EventKind::kStep);
  scheduler_.at(TimePoint{options_.schedule.length.ns}, *this, EventKind::kPhase);
  while (phase_ != Phase::kEnd && !violation_.found()) {
    if (options_.steps_max != 0 && scheduler_.events() >= options_.steps_max) break;
    scheduler_.run_next();
    if (events_left_-- == 0) {
      violation_.report("no replica goes in circles",
                        fmt::format("{} messages were sent", counters_.messages));
    }
  }
  if (!violation_.found() && !is(Replication::kForward)) check_history();
  return outcome();
}

// What the clients saw, judged without any knowledge of the replicas.
void Simulation::check_history() {
  const history::History seen = clients_->history();
  const history::Report report = history::check(seen);
  if (report.verdict != history::Verdict::kLinearizable) {
    violation_.report("linearizability", report.explanation);
  }
  const history::SequentialReport sequential = history::check_sequential(seen);
  if (!sequential.holds) violation_.report("sequential consistency", sequential.explanation);
}

Outcome Simulation::outcome() {
  Outcome result;
  result.ok = !violation_.found();
  result.invariant = violation_.invariant();
  result.what = violation_.what();
  result.step = scheduler_.events();
  result.at = scheduler_.now();
  result.events = scheduler_.events();
  result.trace_hash = scheduler_.trace_hash();
  result.simulated = Duration{scheduler_.now().ns};
  invariants_->count(counters_);
  counters_.restarts -= std::min<std::uint64_t>(counters_.restarts, replicas_.size());
  result.counters = counters_;
  return result;
}

void Simulation::handle(EventKind kind, std::uint64_t /*argument*/) {
  if (kind == EventKind::kPhase) return next_phase();
  RKV_CHECK(kind == EventKind::kStep, "not an event of a simulation");
  if (phase_ != Phase::kSafety) return;
  apply(schedule_[next_step_++]);
  if (next_step_ < schedule_.size()) {
    scheduler_.at(std::max(schedule_[next_step_].at, scheduler_.now()), *this, EventKind::kStep);
  }
}

// ---- The schedule ----

void Simulation::apply(const Step& step) {
  if (is_operation(step.kind)) return clients_->begin(step);
  scheduler_.trace("fault: {}", to_string(step));
  check_sessions();
  switch (step.kind) {
    case StepKind::kCrashAll:
      for (const auto& replica : replicas_) {
        replica->crash(draw_between(random_, Duration{0}, milliseconds(step.b)));
      }
      return;
    case StepKind::kReplyLoss:
      return clients_->set_reply_loss(of_thousand(step.a));
    case StepKind::kPartition:
    case StepKind::kHeal:
    case StepKind::kClog:
    case StepKind::kLoss:
    case StepKind::kDuplicates:
    case StepKind::kReordering:
    case StepKind::kDelay:
    case StepKind::kWrongHint:
      return apply_to_network(step);
    default:
      return apply_to_replica(*replicas_[step.a % replicas_.size()], step);
  }
}

void Simulation::apply_to_network(const Step& step) {
  const ReplicaId a{static_cast<std::uint32_t>(step.a % replicas_.size() + 1)};
  const ReplicaId b{static_cast<std::uint32_t>(step.b % replicas_.size() + 1)};
  switch (step.kind) {
    case StepKind::kPartition: {
      Random who(step.b);
      const std::size_t shape = step.a % kPartitions;
      ++counters_.partitions[shape];
      return network_->set_blocked(
          make_partition(static_cast<Partition>(shape), replicas_.size(), who));
    }
    case StepKind::kHeal:
      return network_->set_blocked({});
    case StepKind::kClog:
      ++counters_.link_clogs;
      return network_->clog(a, b, milliseconds(step.c), scheduler_.now() + seconds(1));
    case StepKind::kWrongHint:
      return network_->tell_wrongly(a, b);
    case StepKind::kLoss:
      weather_.loss = of_thousand(step.a);
      break;
    case StepKind::kDuplicates:
      weather_.duplicates = of_thousand(step.a);
      break;
    case StepKind::kReordering:
      weather_.reordering = of_thousand(step.a);
      break;
    default:
      weather_.delay_mean = microseconds(step.a);
      break;
  }
  ++counters_.network_changes;
  network_->set_weather(weather_);
}

void Simulation::apply_to_replica(Replica& replica, const Step& step) {
  const Duration time = milliseconds(step.b);
  switch (step.kind) {
    case StepKind::kCrash:
      return replica.crash(time);
    case StepKind::kPause:
      return replica.pause(time);
    case StepKind::kSyncStall:
      ++counters_.sync_stalls;
      return replica.log().stall(time);
    case StepKind::kSyncTime:
      ++counters_.slow_disks;
      return replica.log().set_sync_time(microseconds(step.b));
    case StepKind::kDiskError:
      return replica.log().fail_next_sync();
    case StepKind::kDiskFull:
      counters_.full_disks += step.b;
      return replica.log().set_full(step.b != 0);
    case StepKind::kRot:
      return crash_and_rot(replica, time);
    case StepKind::kStopRole:
      return replica.stop_role(step.b, milliseconds(step.c));
    default:
      ++counters_.clock_changes;
      return replica.set_drift(static_cast<std::int64_t>(step.b) - kDriftBias);
  }
}

void Simulation::crash_and_rot(Replica& replica, Duration restart_after) {
  replica.crash(restart_after);
  if (replica.rot()) ++counters_.rotten_logs;
}

Outcome run_seed(const Options& options) {
  Simulation simulation(options, make_schedule(options.seed, options.schedule));
  return simulation.run();
}

}  // namespace rkv::sim
