#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "sim/clients.h"
#include "sim/counters.h"
#include "sim/invariants.h"
#include "sim/network.h"
#include "sim/protocol_under_test.h"
#include "sim/replica.h"
#include "sim/schedule.h"
#include "sim/scheduler.h"
#include "sim/violation.h"

namespace rkv::sim {

// How a simulation is to be run. Equal options and schedules give equal runs.
struct Options {
  std::uint64_t seed = 1;
  std::uint64_t steps_max = 0;  // it ends after so many events, found or not; 0: at its end
  ProtocolUnderTest protocol;
  LogKind log = LogKind::kFast;
  ScheduleOptions schedule;
  bool transcript = false;  // every event that matters, in a line on stdout
};

// How a run ended.
struct Outcome {
  bool ok = true;
  std::string invariant;   // the one that does not hold
  std::string what;        // and what happened instead
  std::uint64_t step = 0;  // the number of the event after which it was found
  TimePoint at;
  std::uint64_t events = 0;
  std::uint64_t trace_hash = 0;
  Duration simulated;
  Counters counters;
};

// A cluster, its network and its clients, through three phases: the schedule, with everything that
// goes wrong in it; then as many are healed as the protocol needs, the others are dead or cut off,
// and every operation must end; then all is healed and every replica must come to the same state.
class Simulation final : public EventHandler {
 public:
  Simulation(const Options& options, Schedule schedule);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // To be called once.
  Outcome run();

  void handle(EventKind kind, std::uint64_t argument) override;

 private:
  enum class Phase { kSafety, kLiveness, kConvergence, kHealth, kNeed, kEnd };

  bool is(Replication replication) const { return options_.protocol.replication == replication; }
  Facts facts() const;
  void add_replicas();
  void add_clients();
  void apply(const Step& step);
  void apply_to_network(const Step& step);
  void apply_to_replica(Replica& replica, const Step& step);
  void crash_and_rot(Replica& replica, Duration restart_after);
  void next_phase();
  void calm_down();
  void begin_liveness();
  void begin_convergence();
  bool begin_need();
  void begin_operations();
  void check_progress();
  void check_operations(std::string_view invariant, Phase next);
  void check_convergence();
  void check_health();
  bool converged();
  void check_equal_states();
  void check_sessions();
  void check_remembered();
  bool stranded() const;
  std::string describe_positions() const;
  std::string describe_lacks() const;
  void check_history();
  Outcome outcome();

  const Options options_;
  const Schedule schedule_;
  std::uint64_t events_left_;
  Random random_;
  const replica::Manager::Limits limits_;  // of all replicas
  // In some runs so few, other than 0, that a replica can fall behind every log.
  const std::uint64_t kept_slots_;
  Scheduler scheduler_;
  Counters counters_;
  Violation violation_;
  const std::unique_ptr<Invariants> invariants_;
  std::unique_ptr<Network> network_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::unique_ptr<Clients> clients_;
  Network::Weather weather_;
  std::size_t next_step_ = 0;
  std::vector<bool> is_well_;  // by replica, after the time of faults
  Phase phase_ = Phase::kSafety;
  TimePoint phase_end_;
};

// Runs the schedule of the options' seed.
Outcome run_seed(const Options& options);

}  // namespace rkv::sim
