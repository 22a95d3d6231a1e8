#include "sim/protocol_under_test.h"

#include "base/random.h"
#include "forward/forward.h"
#include "paxos/paxos.h"
#include "sim/draw.h"

namespace rkv::sim {
namespace {

// Limits are drawn anew at each start, so small that runs come up against them.
std::unique_ptr<protocol::Protocol> make_paxos(const ProtocolUnderTest::Start& start) {
  Random random(start.seed);
  paxos::Options options;
  options.self = start.self;
  options.replicas = start.replicas;
  options.seed = random.next();
  options.window_slots_max = draw_between(random, 4, 200);
  options.message_values_max = draw_between(random, 1, 64);
  options.fetched_values_max = draw_between(random, 1, 128);
  options.messages_in_flight_max = draw_between(random, 1, 8);
  if (start.kept_slots != 0) options.kept_slots = start.kept_slots;
  return std::make_unique<paxos::Paxos>(options);
}

View view_paxos(const protocol::Protocol& protocol) {
  const paxos::Paxos::View view = static_cast<const paxos::Paxos&>(protocol).view();
  return {view.leading, view.applied, view.cut, view.lease_until};
}

std::unique_ptr<protocol::Protocol> make_forward(const ProtocolUnderTest::Start& start) {
  forward::Forward::Options options;
  options.self = start.self;
  for (const ReplicaId replica : start.replicas) {
    if (replica != start.self) options.peers.push_back(replica);
  }
  return std::make_unique<forward::Forward>(options);
}

}  // namespace

std::optional<ProtocolUnderTest> find_protocol(std::string_view name) {
  if (name == "paxos") return ProtocolUnderTest{"paxos", true, make_paxos, view_paxos};
  if (name == "forward") return ProtocolUnderTest{"forward", false, make_forward, nullptr};
  return std::nullopt;
}

}  // namespace rkv::sim
