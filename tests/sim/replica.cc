#include "sim/replica.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/disk_log.h"
#include "sim/draw.h"
#include "sim/sim_log.h"
#include "sim/watched_log.h"
#include "sim/watched_protocol.h"

namespace rkv::sim {

Replica::Replica(const Options& options, const World& world, Stopped stopped)
    : options_(options),
      world_(world),
      stopped_(std::move(stopped)),
      transport_(&world.network.add(*this, *this)),
      random_(options.start.seed),
      clock_(options.clock_start),
      log_medium_(make_log(random_.next())),
      image_(world.scheduler, *this, random_.next()) {}

Replica::~Replica() = default;

std::unique_ptr<LogMedium> Replica::make_log(std::uint64_t seed) {
  if (options_.log == LogKind::kDisk) {
    return std::make_unique<DiskLog>(world_.scheduler, *this, seed, world_.counters);
  }
  return std::make_unique<SimLog>(world_.scheduler, *this, seed, world_.counters);
}

// ---- The process ----

void Replica::start() {
  if (running() || broken_) return;
  ++incarnation_;
  ProtocolUnderTest::Start start = options_.start;
  start.seed = random_.next();
  std::unique_ptr<protocol::Protocol> protocol = options_.protocol.make(start);
  if (protocol->keeps_log()) open_log();
  if (broken_) return;
  ++world_.counters.restarts;
  protocol_ = protocol.get();
  Invariants& invariants = world_.invariants;
  invariants.process_started(id(), image_.position());
  protocol = std::make_unique<WatchedProtocol>(std::move(protocol), id(), invariants);
  store_ = std::make_unique<SimStore>(
      image_,
      [this, &invariants](Position position, const std::vector<kv::Change>& changes) {
        invariants.changes(id(), position, changes);
      },
      [this, &invariants](Position position) { invariants.saved(id(), position); });
  // Drawn anew at each start: what the state holds is to lag behind the log by much and by little.
  replica::Manager::Limits limits = options_.limits;
  limits.applied_unsaved_max = draw_between(random_, 1, 1000);
  limits.unsaved_age_max = draw_between(random_, milliseconds(5), seconds(1));
  world_.scheduler.trace("replica {} starts, incarnation {}, state at {}", id().value, incarnation_,
                         image_.position());
  manager_ = std::make_unique<replica::Manager>(
      std::move(protocol),
      replica::Manager::Environment{*store_, *transport_, log_.get(), id(), incarnation_}, limits,
      local_now(), [this] { want_turn(); });
  world_.network.started(id());
  want_turn();
}

void Replica::open_log() {
  Result<std::unique_ptr<env::LogDevice>> opened = log_medium_->open();
  if (!opened.ok()) {
    broken_ = true;
    ++world_.counters.broken;
    world_.scheduler.trace("replica {} cannot start: {}", id().value, opened.status().reason());
    return;
  }
  log_ = std::make_unique<WatchedLog>(std::move(opened).value(), id(), world_.invariants,
                                      [this] { return image_.position(); });
}

void Replica::crash() {
  if (!running()) return;
  world_.scheduler.trace("replica {} crashes", id().value);
  ++world_.counters.crashes;
  manager_.reset();
  protocol_ = nullptr;
  log_.reset();
  store_.reset();
  log_medium_->crash();
  put_off_.clear();
  paused_ = false;
  turn_wanted_ = false;
  wake_at_ = kNever;
  world_.invariants.believes(id(), TimePoint{}, world_.scheduler.now());
  world_.network.stopped(id());
  stopped_(id());
}

void Replica::crash(Duration restart_after) {
  crash();
  world_.scheduler.after(restart_after, *this, EventKind::kRestart);
}

bool Replica::rot() {
  const bool damaged = log_medium_->rot();
  damaged_ |= damaged;
  return damaged;
}

void Replica::fatal(const Status& status) {
  world_.scheduler.trace("replica {}: {}", id().value, status.reason());
  // Not at once: whoever says so is a part of what is to go.
  world_.scheduler.after(Duration{0}, *this, EventKind::kFatal, incarnation_);
}

void Replica::pause(Duration time) {
  if (!running() || paused_) return;
  ++world_.counters.pauses;
  world_.scheduler.trace("replica {} pauses for {} ms", id().value, time.ms());
  paused_ = true;
  world_.scheduler.after(time, *this, EventKind::kResume, ++pauses_);
}

void Replica::resume() {
  if (!paused_) return;
  world_.scheduler.trace("replica {} goes on", id().value);
  paused_ = false;
  for (const PutOff& it : std::exchange(put_off_, {})) {
    world_.scheduler.after(Duration{0}, *it.handler, it.kind, it.argument);
  }
}

// An event that says which role starts, and of which process.
constexpr std::uint64_t kRolesMax = 8;

void Replica::stop_role(std::size_t role, Duration time) {
  if (!running() || paused_) return;
  const std::vector<std::string_view> roles = manager_->roles();
  if (role >= roles.size() || !manager_->stop_role(roles[role])) return;
  ++world_.counters.role_failures;
  world_.scheduler.trace("replica {} stops its {} for {} ms", id().value, roles[role], time.ms());
  world_.scheduler.after(time, *this, EventKind::kStartRole, incarnation_ * kRolesMax + role);
}

void Replica::start_role(std::uint64_t argument) {
  if (!running() || argument / kRolesMax != incarnation_) return;
  if (put_off(*this, EventKind::kStartRole, argument)) return;
  const std::string_view role = manager_->roles()[argument % kRolesMax];
  world_.scheduler.trace("replica {} starts its {}", id().value, role);
  const bool started = manager_->start_role(role);
  RKV_CHECK(started, "it was stopped, and by nobody else");
}

bool Replica::put_off(EventHandler& handler, EventKind kind, std::uint64_t argument) {
  if (!paused_) return false;
  put_off_.push_back({&handler, kind, argument});
  return true;
}

void Replica::set_drift(std::int64_t drift_ppm) {
  clock_.set_drift(world_.scheduler.now(), drift_ppm);
  if (!running()) return;
  wake_at_ = kNever;  // it was reckoned with another rate
  set_wake();
  look_at_view();
}

// ---- Turns ----

void Replica::want_turn() {
  if (turn_wanted_) return;
  turn_wanted_ = true;
  // What arrives meanwhile is part of the same turn.
  constexpr Duration kTurnTime = microseconds(10);
  world_.scheduler.after(kTurnTime, *this, EventKind::kTurn, incarnation_);
}

void Replica::turn() {
  turn_wanted_ = false;
  manager_->turn(local_now());
  set_wake();
  look_at_view();
}

void Replica::set_wake() {
  const TimePoint now = world_.scheduler.now();
  const TimePoint due = clock_.true_time(manager_->next_turn(), now);
  if (due == kNever || (wake_at_ != kNever && wake_at_ <= due)) return;
  wake_at_ = due;
  world_.scheduler.at(due, *this, EventKind::kWake, incarnation_);
}

View Replica::view() const { return options_.protocol.view(*protocol_); }

void Replica::look_at_view() {
  if (options_.protocol.replication != Replication::kPaxos) return;
  const View it = view();
  const TimePoint now = world_.scheduler.now();
  world_.invariants.keeps_behind(id(), it.cut);
  const bool holds = it.leading && it.lease_until > local_now();
  world_.invariants.believes(id(), holds ? clock_.true_time(it.lease_until, now) : TimePoint{},
                             now);
}

void Replica::handle(EventKind kind, std::uint64_t argument) {
  switch (kind) {
    case EventKind::kTurn:
      if (!running() || argument != incarnation_ || put_off(*this, kind, argument)) return;
      return turn();
    case EventKind::kWake:
      if (!running() || argument != incarnation_ || put_off(*this, kind, argument)) return;
      // An early one is for nothing: what it was for is done, or is due later.
      if (world_.scheduler.now() >= wake_at_) wake_at_ = kNever;
      if (manager_->next_turn() > local_now()) return set_wake();
      return turn();
    case EventKind::kRestart:
      if (!kept_down_) start();
      return;
    case EventKind::kFatal: {
      constexpr Duration kRestartMax = seconds(5);
      if (!running() || argument != incarnation_) return;
      return crash(draw_between(random_, milliseconds(10), kRestartMax));
    }
    case EventKind::kStartRole:
      return start_role(argument);
    case EventKind::kResume:
      if (argument == pauses_) resume();
      return;
    default:
      RKV_CHECK(false, "not an event of a replica");
  }
}

// ---- What the network brings ----

void Replica::peer_request(ReplicaId from, protocol::MessagePtr message, Answer answer) {
  manager_->peer_request(from, std::move(message), std::move(answer));
}

void Replica::peer_up(ReplicaId peer) { manager_->peer_up(peer); }

void Replica::peer_down(ReplicaId peer, const std::string& reason) {
  manager_->peer_down(peer, reason);
}

}  // namespace rkv::sim
