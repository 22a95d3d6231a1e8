#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "forward/message.h"
#include "protocol/protocol.h"

namespace rkv::forward {

// Replication by forwarding: the replica that is asked applies a write, then sends it to every
// other one, all at once. PROTOCOL.txt in this folder says what that promises and what it does not.
class Forward final : public protocol::Protocol {
 public:
  struct Options {
    ReplicaId self;
    std::vector<ReplicaId> peers;          // every other replica of the cluster
    Duration answer_timeout = seconds(2);  // a peer that has not answered by then counts as missing
  };
  explicit Forward(const Options& options);

  void recover(protocol::Recovery recovery, TimePoint now, protocol::Effects& effects) override;
  bool keeps_log() const override { return false; }
  void step(protocol::Event event, TimePoint now, protocol::Effects& effects) override;
  void tick(TimePoint now, protocol::Effects& effects) override;
  TimePoint next_tick() const override;
  void flush(TimePoint now, protocol::Effects& effects) override;
  protocol::Role role() const override { return {"replica", ReplicaId(), {}}; }

 private:
  struct Peer {
    bool up = false;
    std::string reason;  // why it is not, naming it
  };
  // Writes that travel together: applied here, and on their way to the peers.
  struct Batch {
    std::vector<protocol::ProposalId> proposals;
    Position last = 0;  // where the last of them was applied here
    std::set<ReplicaId> waiting;
    std::map<ReplicaId, std::string> missing;  // and why
    TimePoint deadline;
  };
  using BatchId = std::uint64_t;
  struct Outgoing {
    BatchId batch = 0;
    ReplicaId to;
  };

  void on(protocol::Propose&& propose, protocol::Effects& effects);
  void on(const protocol::Read& read, protocol::Effects& effects);
  void on(const protocol::Request& request, protocol::Effects& effects);
  void on(const protocol::Answer& answer, protocol::Effects& effects);
  void on(const protocol::SendFailed& failed, protocol::Effects& effects);
  void on(const protocol::Checked& /*checked*/, protocol::Effects& /*effects*/) {}  // never asked
  void on(const protocol::PeerUp& up, protocol::Effects& effects);
  void on(const protocol::PeerDown& down, protocol::Effects& effects);
  // Nothing follows from these: the store alone is what is durable here.
  void on(const protocol::Persisted& /*persisted*/, protocol::Effects& /*effects*/) {}
  void on(const protocol::StateSaved& /*saved*/, protocol::Effects& /*effects*/) {}
  void on(const protocol::LogRoom& /*room*/, protocol::Effects& /*effects*/) {}

  void send_gathered(protocol::Effects& effects);
  void peer_done(protocol::CallId call, const std::string* failure, protocol::Effects& effects);
  void finish(const Batch& batch, protocol::Effects& effects) const;

  const Options options_;
  TimePoint now_;
  Position applied_ = 0;  // the position of the last Apply that was decided
  std::map<ReplicaId, Peer> peers_;

  // This turn's proposals, not yet sent.
  std::vector<protocol::ProposalId> gathered_;
  std::vector<SharedBytes> gathered_commands_;
  std::size_t gathered_bytes_ = 0;

  BatchId next_batch_ = 1;
  protocol::CallId next_call_ = 1;
  std::map<BatchId, Batch> batches_;  // in the order of sending, and so of their deadlines
  std::map<protocol::CallId, Outgoing> outgoing_;
};

}  // namespace rkv::forward
