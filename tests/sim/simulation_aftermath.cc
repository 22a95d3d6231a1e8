// The part of Simulation behind the time of faults: that what is to get well does.

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "sim/draw.h"
#include "sim/simulation.h"

namespace rkv::sim {
namespace {

// Once as many as are needed are well, every operation ends within this time: an election, and what
// calls that were lost before need to be given up.
constexpr Duration kLivenessMax = seconds(40);
// Once all are well, all have the same state within this one.
constexpr Duration kConvergenceMax = seconds(40);
constexpr Duration kProgressInterval = milliseconds(100);  // of looking whether it is so

}  // namespace

void Simulation::next_phase() {
  if (phase_ == Phase::kSafety) {
    phase_ = Phase::kLiveness;
    phase_end_ = scheduler_.now() + kLivenessMax;
    begin_liveness();
  } else {
    check_progress();
  }
  if (phase_ != Phase::kEnd) scheduler_.after(kProgressInterval, *this, EventKind::kPhase);
}

// Nothing new goes wrong from now on.
void Simulation::calm_down() {
  weather_ = {};
  network_->set_weather(weather_);
  network_->set_blocked({});
  clients_->set_reply_loss(0);
  for (const auto& replica : replicas_) {
    replica->log().set_full(false);
    replica->log().set_sync_time(microseconds(100));
  }
}

void Simulation::begin_liveness() {
  const bool majority = is(Replication::kPaxos);  // is enough
  scheduler_.trace("{} well from now on", majority ? "a majority is" : "all are");
  calm_down();
  clients_->set_patient();
  const std::size_t well = majority ? replicas_.size() / 2 + 1 : replicas_.size();
  // Those first whose disks are; of them, it is drawn who is well. A damaged log is a fault that
  // another replica may have to be there for.
  std::vector<std::size_t> order(replicas_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::rotate(order.begin(),
              order.begin() + static_cast<std::ptrdiff_t>(random_.below(order.size())),
              order.end());
  std::stable_partition(order.begin(), order.end(),
                        [this](std::size_t i) { return !replicas_[i]->is_damaged(); });
  const bool dead = draw_chance(random_, 0.5);
  LinkMatrix blocked{};
  is_well_.assign(replicas_.size(), false);
  for (std::size_t i = 0; i < order.size(); ++i) {
    Replica& replica = *replicas_[order[i]];
    is_well_[order[i]] = i < well;
    if (i < well) {
      replica.resume();
      replica.start();
    } else if (dead) {
      replica.keep_down(true);
      replica.crash();
    } else {
      for (std::size_t other = 0; other < order.size(); ++other) {
        blocked[order[i]][other] = blocked[other][order[i]] = true;
      }
    }
  }
  network_->set_blocked(blocked);
  begin_operations();
}

// Every client has something that must end, and some of it has only just begun.
void Simulation::begin_operations() {
  for (std::uint32_t client = 0; client < options_.schedule.clients; ++client) {
    const std::uint32_t replica = static_cast<std::uint32_t>(random_.below(replicas_.size()));
    clients_->begin({scheduler_.now(), StepKind::kPut, client, client, replica});
    clients_->begin({scheduler_.now(), StepKind::kGet, client, client, replica});
  }
}

void Simulation::begin_convergence() {
  scheduler_.trace("all are well from now on");
  calm_down();
  is_well_.assign(replicas_.size(), true);
  for (const auto& replica : replicas_) {
    replica->keep_down(false);
    replica->resume();
    replica->start();
  }
}

// Takes away so many that are good that those whose logs were damaged are needed, if there are any.
bool Simulation::begin_need() {
  const auto runs = [](const auto& replica) { return replica->running(); };
  const auto is_back = [&](const auto& replica) { return runs(replica) && replica->is_damaged(); };
  if (std::none_of(replicas_.begin(), replicas_.end(), is_back)) return false;
  scheduler_.trace("those whose logs were damaged are needed from now on");
  const auto running =
      static_cast<std::size_t>(std::count_if(replicas_.begin(), replicas_.end(), runs));
  std::size_t spare = running - (replicas_.size() / 2 + 1);
  for (const auto& replica : replicas_) {
    if (replica->is_damaged() || spare == 0) continue;
    replica->keep_down(true);
    replica->crash();
    --spare;
  }
  begin_operations();
  return true;
}

void Simulation::check_progress() {
  if (scheduler_.now() >= phase_end_ && is(Replication::kPaxos) && stranded()) {
    ++counters_.stranded;
    check_equal_states();
    phase_ = Phase::kEnd;
    return;
  }
  switch (phase_) {
    case Phase::kLiveness:
      check_operations(is(Replication::kPaxos) ? "with a majority every operation ends"
                                               : "with all replicas every operation ends",
                       Phase::kConvergence);
      if (phase_ == Phase::kConvergence) begin_convergence();
      return;
    case Phase::kConvergence:
      return check_convergence();
    case Phase::kHealth:
      return check_health();
    default:
      return check_operations("those whose logs were damaged are as good as others", Phase::kEnd);
  }
}

// Goes on to the next phase when all operations have ended.
void Simulation::check_operations(std::string_view invariant, Phase next) {
  if (clients_->open() == 0) {
    phase_ = next;
    phase_end_ = scheduler_.now() + kConvergenceMax;
  } else if (scheduler_.now() >= phase_end_) {
    violation_.report(invariant, fmt::format("{} have not within {} s; {}; applied:{}",
                                             clients_->open(), kLivenessMax.ms() / 1000,
                                             clients_->describe_open(), describe_positions()));
  }
}

void Simulation::check_convergence() {
  if (is(Replication::kForward)) {  // which promises no more
    phase_ = Phase::kEnd;
  } else if (converged()) {
    phase_ = Phase::kHealth;
    phase_end_ = scheduler_.now() + kLivenessMax;
  } else if (scheduler_.now() >= phase_end_) {
    violation_.report(
        "healed replicas come to the same state",
        fmt::format("they have not within {} s; they have applied{}{}", kConvergenceMax.ms() / 1000,
                    describe_positions(), describe_lacks()));
  }
}

// Nothing is left that a person has to see to. Writes may have to go on for it: a replica whose log
// was damaged votes again when it has learned more than it can have lost.
void Simulation::check_health() {
  std::string trouble;
  for (const auto& replica : replicas_) {
    if (!replica->running()) continue;
    const std::string its_trouble = replica->manager().role().trouble;
    if (its_trouble.empty()) continue;
    trouble += fmt::format(" replica {}: {};", replica->id().value, its_trouble);
  }
  if (clients_->open() == 0 && trouble.empty()) {
    phase_ = is(Replication::kPaxos) && begin_need() ? Phase::kNeed : Phase::kEnd;
    phase_end_ = scheduler_.now() + kLivenessMax;
  } else if (scheduler_.now() >= phase_end_) {
    violation_.report("healed replicas are well",
                      fmt::format("they are not within {} s: {} operations are open;{}",
                                  kLivenessMax.ms() / 1000, clients_->open(), trouble));
  } else if (clients_->open() == 0) {
    begin_operations();
  }
}

std::string Simulation::describe_positions() const {
  std::string positions;
  for (const auto& replica : replicas_) {
    if (!replica->running()) continue;
    positions += fmt::format(" {}", replica->store().applied());
    if (options_.protocol.view == nullptr) continue;
    const View view = replica->view();
    if (is(Replication::kPaxos)) {
      positions += fmt::format(" (cut {}{})", view.cut, view.leading ? ", leads" : "");
    } else {
      positions += fmt::format(" ({} open)", view.open);
    }
  }
  return positions;
}

std::string Simulation::describe_lacks() const {
  std::string lacks;
  for (const auto& replica : replicas_) {
    if (!replica->running()) continue;
    const std::string what = invariants_->lacks(replica->id(), replica->store().applied());
    if (!what.empty()) lacks += fmt::format("; replica {} {}", replica->id().value, what);
  }
  return lacks;
}

// Whether a replica that is well needs what all others that are have cut: nothing but a transfer of
// the state, which is not there yet, helps it. Only where few slots are kept: elsewhere some log
// has all that is chosen and not applied everywhere.
bool Simulation::stranded() const {
  if (kept_slots_ == 0) return false;
  std::vector<View> views;
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    if (is_well_[i] && replicas_[i]->running()) views.push_back(replicas_[i]->view());
  }
  for (const View& view : views) {
    bool lags = false;
    bool helped = false;
    for (const View& other : views) {
      if (other.applied <= view.applied) continue;
      lags = true;
      helped |= other.cut <= view.applied;
    }
    if (lags && !helped) return true;
  }
  return false;
}

bool Simulation::converged() {
  std::optional<Position> applied;
  for (const auto& replica : replicas_) {
    if (replica->broken()) {
      if (!replica->is_damaged()) {
        violation_.report("a log that was not damaged can be opened",
                          fmt::format("replica {} cannot start", replica->id().value));
      }
      continue;
    }
    if (!replica->running()) return false;
    const Position its_applied = replica->store().applied();
    if (!invariants_->lacks(replica->id(), its_applied).empty()) return false;
    if (replica->view().open > 0) return false;
    if (its_applied != applied.value_or(its_applied)) return false;
    applied = its_applied;
  }
  check_equal_states();
  check_remembered();
  return true;
}

void Simulation::check_equal_states() {
  std::map<Position, kv::StateHash> hashes;
  for (const auto& replica : replicas_) {
    if (!replica->running()) continue;
    replica->store().hash([this, &hashes](const kv::StateHash& hash) {
      const auto [other, is_first] = hashes.try_emplace(hash.position, hash);
      if (is_first || other->second.hash == hash.hash) return;
      violation_.report("equal state at equal position",
                        fmt::format("two replicas differ at position {}", hash.position));
    });
  }
  check_sessions();
}

// What is remembered for retries is a part of the state where all replicas have one order, and is
// the same after a start.
void Simulation::check_sessions() {
  using Digest = std::array<std::uint8_t, 16>;
  std::map<Position, Digest> digests;
  for (const auto& replica : replicas_) {
    if (!replica->running() || is(Replication::kForward)) continue;
    const kv::Store& store = replica->store();
    const kv::SessionTable& sessions = replica->manager().sessions();
    counters_.epochs = std::max(counters_.epochs, sessions.epoch());
    const Digest digest = sessions.digest();
    kv::SessionTable loaded(limits_.sessions);
    loaded.load_epoch(store.epoch());
    store.visit_replies(
        [&loaded](const kv::ReplyId& id, const kv::Reply& reply) { loaded.load(id, reply); });
    if (loaded.digest() != digest) {
      violation_.report("what is remembered is stored",
                        fmt::format("replica {} would start with other sessions at position {}",
                                    replica->id().value, store.applied()));
    }
    if (!is(Replication::kPaxos)) continue;
    const auto [other, is_first] = digests.try_emplace(store.applied(), digest);
    if (!is_first && other->second != digest) {
      violation_.report("equal sessions at equal position",
                        fmt::format("two replicas differ at position {}", store.applied()));
    }
  }
}

// Once all is applied everywhere, all replicas answer the retry of any operation alike, but for
// positions.
void Simulation::check_remembered() {
  if (is(Replication::kForward)) return;
  const Replica* first = nullptr;
  for (const auto& replica : replicas_) {
    if (!replica->running()) continue;
    if (first == nullptr) first = replica.get();
    const kv::SessionTable& ours = replica->manager().sessions();
    const kv::SessionTable& theirs = first->manager().sessions();
    if (ours.epoch() != theirs.epoch()) {
      violation_.report(
          "equal sessions at equal position",
          fmt::format("replica {} has epoch {}, replica {} has {}", replica->id().value,
                      ours.epoch(), first->id().value, theirs.epoch()));
    }
    for (const OperationId& operation : clients_->issued()) {
      const OperationId retry{operation.client, operation.sequence, 0};
      const std::optional<kv::Applied> one = ours.known(retry, 0);
      const std::optional<kv::Applied> other = theirs.known(retry, 0);
      const bool is_same =
          one.has_value() == other.has_value() &&
          (!one || (one->outcome == other->outcome && one->version == other->version));
      if (is_same) continue;
      violation_.report(
          "retries are answered alike everywhere",
          fmt::format("replicas {} and {} differ about write {}/{}", replica->id().value,
                      first->id().value, operation.client, operation.sequence));
    }
  }
}

}  // namespace rkv::sim
