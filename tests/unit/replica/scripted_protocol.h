#pragma once

#include <cppunit/extensions/HelperMacros.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "env/log_device.h"
#include "protocol/protocol.h"
#include "replica/manager.h"

namespace rkv::replica {

// A protocol that keeps a log: does what the test says, in its next turn, and keeps what it is
// asked.
class ScriptedProtocol final : public protocol::Protocol {
 public:
  explicit ScriptedProtocol(bool checks_operations) : checks_operations_(checks_operations) {}

  void recover(protocol::Recovery, TimePoint, protocol::Effects&) override {}
  bool keeps_log() const override { return true; }
  bool checks_operations() const override { return checks_operations_; }
  void step(protocol::Event event, TimePoint, protocol::Effects&) override {
    if (auto* propose = std::get_if<protocol::Propose>(&event)) {
      proposed.push_back(std::move(*propose));
    }
    if (const auto* read = std::get_if<protocol::Read>(&event)) reads.push_back(read->read);
  }
  void tick(TimePoint, protocol::Effects&) override {}
  TimePoint next_tick() const override { return kNever; }
  void flush(TimePoint, protocol::Effects& effects) override {
    for (protocol::Effect& effect : std::exchange(next, {})) effects.push_back(std::move(effect));
  }
  protocol::Role role() const override { return {"replica", leader, {}}; }

  protocol::Effects next;
  std::vector<protocol::Propose> proposed;
  std::vector<protocol::ReadId> reads;  // that it was asked about
  ReplicaId leader;

 private:
  const bool checks_operations_;
};

// A log that nobody reads.
class UnreadLog : public env::LogDevice {
 public:
  Recovered take_recovered() override { return {}; }
  void read_again(ReadDone done) override { done({}); }
  BatchNumber append(Batch) override { return 0; }
  BatchNumber durable() const override { return 0; }
  void set_durable_listener(DurableListener) override {}
  void cut(Position) override {}
  void set_live_records(LiveRecords) override {}
  bool has_room() override { return true; }
  std::uint64_t size() const override { return 0; }
};

class SilentTransport final : public Manager::Transport {
 public:
  void send(ReplicaId, protocol::MessagePtr, Done) override {
    CPPUNIT_FAIL("there is nobody to send anything to");
  }
};

}  // namespace rkv::replica
