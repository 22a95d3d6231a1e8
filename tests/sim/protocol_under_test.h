#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "protocol/protocol.h"
#include "sim/schedule.h"

namespace rkv::sim {

enum class Replication { kPaxos, kTwoPc, kForward };

// What a protocol believes, as far as the invariants have to know it.
struct View {
  bool leading = false;
  Position applied = 0;
  Position cut = 0;        // it cannot tell others what was chosen up to here
  TimePoint lease_until;   // on its own clock
  std::uint64_t open = 0;  // transactions that have not come to their end here
};

// A replication protocol as simulations see it.
struct ProtocolUnderTest {
  struct Start {
    ReplicaId self;
    std::vector<ReplicaId> replicas;  // all of the cluster
    std::uint64_t seed = 0;           // another one at each start
    std::uint64_t kept_slots = 0;     // chosen ones, for replicas that lag; 0: as many as usual
  };

  std::string_view name;
  Replication replication = Replication::kPaxos;
  std::function<std::unique_ptr<protocol::Protocol>(const Start& start)> make;
  // Of an object that `make` made; null if it has none.
  std::function<View(const protocol::Protocol& protocol)> view;
};

// The one to simulate where nothing else is said.
constexpr const char* kDefaultProtocol = "paxos";

// What replicas of two-phase commit wait at the least before they give a write up.
constexpr Duration kVoteTimeoutMin = milliseconds(200);

// By the name that --replication has; nothing if there is none of it.
std::optional<ProtocolUnderTest> find_protocol(std::string_view name);

// Leaves out of schedules what makes no sense for it.
void prepare_schedule(const ProtocolUnderTest& protocol, ScheduleOptions& schedule);

}  // namespace rkv::sim
