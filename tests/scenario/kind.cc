#include "kind.h"

#include <fmt/format.h>

#include "describe.h"
#include "describe_twopc.h"
#include "paxos/paxos.h"
#include "twopc/twopc.h"

namespace rkv::scenario {
namespace {

class PaxosKind final : public Kind {
 public:
  std::unique_ptr<protocol::Protocol> make(ReplicaId self,
                                           const std::vector<ReplicaId>& all) const override {
    paxos::Options options;
    options.self = self;
    options.replicas = all;
    options.lease = milliseconds(80);
    options.heartbeat = milliseconds(40);
    options.election_min = options.election_max = milliseconds(80 + 20 * self.value);
    return std::make_unique<paxos::Paxos>(options);
  }
  std::string describe(const protocol::Message& message) const override {
    return scenario::describe(message);
  }
  std::string describe(const LogBatch& batch) const override { return scenario::describe(batch); }
  std::string state(const protocol::Protocol& replica, Position applied) const override {
    const paxos::Paxos::View view = static_cast<const paxos::Paxos&>(replica).view();
    return fmt::format("{}, promised {}, applied {}, known chosen {}", replica.role().name,
                       scenario::describe(view.promised), applied, view.chosen);
  }
  bool has_keys() const override { return false; }
};

class TwoPcKind final : public Kind {
 public:
  explicit TwoPcKind(ReplicaId coordinator) : coordinator_(coordinator) {}

  std::unique_ptr<protocol::Protocol> make(ReplicaId self,
                                           const std::vector<ReplicaId>& all) const override {
    twopc::Options options;
    options.self = self;
    options.replicas = all;
    options.coordinator = coordinator_;
    options.vote_timeout = milliseconds(200);
    options.request_timeout = milliseconds(1000);
    options.doubt_after = milliseconds(100);
    options.resend_after = milliseconds(50);
    options.retry_min = options.retry_max = milliseconds(10);
    return std::make_unique<twopc::TwoPc>(options);
  }
  std::string describe(const protocol::Message& message) const override {
    return describe_twopc(message);
  }
  std::string describe(const LogBatch& batch) const override { return describe_twopc(batch); }
  std::string state(const protocol::Protocol& replica, Position applied) const override {
    const twopc::View view = static_cast<const twopc::TwoPc&>(replica).view();
    return fmt::format("{}, applied {}, {}", replica.role().name, applied,
                       scenario::describe(view));
  }
  bool has_keys() const override { return true; }

 private:
  const ReplicaId coordinator_;
};

}  // namespace

std::unique_ptr<Kind> paxos_kind() { return std::make_unique<PaxosKind>(); }

std::unique_ptr<Kind> twopc_kind(ReplicaId coordinator) {
  return std::make_unique<TwoPcKind>(coordinator);
}

}  // namespace rkv::scenario
