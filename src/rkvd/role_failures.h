#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/log.h"
#include "base/random.h"
#include "base/status.h"
#include "base/time.h"

namespace rkv::daemon {

// A role that is to fail again and again, as a trial of the real thing.
struct RoleFailure {
  std::string role;
  Duration between;  // that it runs, in the mean (MTBF)
  Duration repair;   // that it is stopped, in the mean (MTTR)
};

// Reads "ROLE:MTBF:MTTR", seconds from 0.001 to 1,000,000 that may have a fraction:
// "acceptor:10:1". Fails with kInvalid and a reason for a person.
Result<RoleFailure> parse_role_failure(std::string_view text);

// Makes roles of a replica fail, for times that are exponentially distributed, and starts them
// again; logs each stop and each start. For one thread.
class RoleFailures {
 public:
  // What it works with; all of it must work as long as the object lives. `stop` and `start` are
  // those of replica::Manager.
  struct Environment {
    std::function<bool(std::string_view role)> stop;
    std::function<bool(std::string_view role)> start;
    std::function<TimePoint()> now;
    // Runs a task at this time, once, never from within the call.
    std::function<void(TimePoint when, std::function<void()> task)> add_timer;
    Logger& logger;
  };

  // Begins. `roles` are those that the replica has; fails with kInvalid if a failure is of another
  // one, or two are of the same. Of one seed, each replica draws times of its own.
  static Result<std::unique_ptr<RoleFailures>> begin(const std::vector<RoleFailure>& failures,
                                                     const std::vector<std::string_view>& roles,
                                                     std::uint64_t seed, ReplicaId replica,
                                                     Environment environment);
  RoleFailures(const RoleFailures&) = delete;
  RoleFailures& operator=(const RoleFailures&) = delete;

  // How many times a role was stopped.
  std::uint64_t stops() const { return stops_; }

 private:
  RoleFailures(std::uint64_t seed, ReplicaId replica, Environment environment);

  void run(const RoleFailure& failure);
  void stop(const RoleFailure& failure);
  void start(const RoleFailure& failure);
  void after(Duration delay, std::function<void()> task);
  Duration draw(Duration mean);

  const Environment environment_;
  Random random_;
  std::uint64_t stops_ = 0;
  // Timers hold this weakly: none does anything after the object is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rkv::daemon
