#include "sim/protocol_under_test.h"

#include "base/random.h"
#include "forward/forward.h"
#include "paxos/paxos.h"
#include "sim/draw.h"
#include "twopc/twopc.h"

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
  return {view.leading, view.applied, view.cut, view.lease_until, 0};
}

// The same, with times so short and so long that every one of them is met.
twopc::Options draw_two_pc(const ProtocolUnderTest::Start& start) {
  Random random(start.seed);
  twopc::Options options;
  options.self = start.self;
  options.replicas = start.replicas;
  options.request_timeout = draw_between(random, milliseconds(500), seconds(5));
  options.vote_timeout = draw_between(random, kVoteTimeoutMin, seconds(2));
  options.retry_max = draw_between(random, milliseconds(1), milliseconds(50));
  options.doubt_after = draw_between(random, milliseconds(5), milliseconds(500));
  options.resend_after = draw_between(random, milliseconds(5), milliseconds(500));
  options.voting_max = draw_between(random, 1, 32);
  options.message_transactions_max = draw_between(random, 1, 32);
  options.messages_in_flight_max = draw_between(random, 1, 8);
  return options;
}

std::unique_ptr<protocol::Protocol> make_two_pc(const ProtocolUnderTest::Start& start) {
  return std::make_unique<twopc::TwoPc>(draw_two_pc(start));
}

std::unique_ptr<protocol::Protocol> make_two_pc_coordinator(const ProtocolUnderTest::Start& start) {
  twopc::Options options = draw_two_pc(start);
  options.coordinator = start.replicas.front();
  return std::make_unique<twopc::TwoPc>(options);
}

View view_two_pc(const protocol::Protocol& protocol) {
  const twopc::View it = static_cast<const twopc::TwoPc&>(protocol).view();
  View view;
  view.open = it.waiting + it.voting + it.unfinished + it.prepared + it.in_doubt_count;
  return view;
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
  if (name == "paxos") {
    return ProtocolUnderTest{"paxos", Replication::kPaxos, make_paxos, view_paxos};
  }
  if (name == "2pc") {
    return ProtocolUnderTest{"2pc", Replication::kTwoPc, make_two_pc, view_two_pc};
  }
  if (name == "2pc-coordinator") {
    return ProtocolUnderTest{"2pc-coordinator", Replication::kTwoPc, make_two_pc_coordinator,
                             view_two_pc};
  }
  if (name == "forward") {
    return ProtocolUnderTest{"forward", Replication::kForward, make_forward, nullptr};
  }
  return std::nullopt;
}

void prepare_schedule(const ProtocolUnderTest& protocol, ScheduleOptions& schedule) {
  schedule.has_log = protocol.replication != Replication::kForward;
  schedule.has_transactions = protocol.replication != Replication::kForward;
  schedule.has_total_order = protocol.replication == Replication::kPaxos;
  // What others know of a damaged log is not enough for two-phase commit: it stays down.
  schedule.rot = protocol.replication == Replication::kPaxos;
}

}  // namespace rkv::sim
