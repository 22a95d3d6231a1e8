#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/protocol.h"
#include "sim/invariants.h"

namespace rkv::sim {

// A protocol whose decisions are seen by the invariants before they are carried out.
class WatchedProtocol final : public protocol::Protocol {
 public:
  // `invariants` must outlive the object.
  WatchedProtocol(std::unique_ptr<protocol::Protocol> protocol, ReplicaId self,
                  Invariants& invariants)
      : protocol_(std::move(protocol)), self_(self), invariants_(invariants) {}

  void recover(protocol::Recovery recovery, TimePoint now, protocol::Effects& effects) override {
    const std::size_t before = effects.size();
    protocol_->recover(std::move(recovery), now, effects);
    look_at(effects, before, now);
  }
  bool keeps_log() const override { return protocol_->keeps_log(); }
  bool checks_operations() const override { return protocol_->checks_operations(); }
  std::optional<protocol::SyncPoint> applied_sync() const override {
    return protocol_->applied_sync();
  }
  std::vector<LogRecord> live_records() const override { return protocol_->live_records(); }
  void step(protocol::Event event, TimePoint now, protocol::Effects& effects) override {
    const std::size_t before = effects.size();
    invariants_.happens(self_, event, now);
    protocol_->step(std::move(event), now, effects);
    look_at(effects, before, now);
  }
  void tick(TimePoint now, protocol::Effects& effects) override {
    const std::size_t before = effects.size();
    protocol_->tick(now, effects);
    look_at(effects, before, now);
  }
  TimePoint next_tick() const override { return protocol_->next_tick(); }
  void flush(TimePoint now, protocol::Effects& effects) override {
    const std::size_t before = effects.size();
    protocol_->flush(now, effects);
    look_at(effects, before, now);
  }
  protocol::Role role() const override { return protocol_->role(); }
  std::vector<std::string_view> roles() const override { return protocol_->roles(); }
  void stop_role(std::string_view role, TimePoint now, protocol::Effects& effects) override {
    const std::size_t before = effects.size();
    protocol_->stop_role(role, now, effects);
    invariants_.role_stopped(self_, role);
    look_at(effects, before, now);
  }
  void start_role(std::string_view role, protocol::Recovery&& recovery, TimePoint now,
                  protocol::Effects& effects) override {
    const std::size_t before = effects.size();
    invariants_.role_started(self_, role);
    protocol_->start_role(role, std::move(recovery), now, effects);
    look_at(effects, before, now);
  }

 private:
  void look_at(const protocol::Effects& effects, std::size_t first, TimePoint now) {
    for (std::size_t i = first; i < effects.size(); ++i) {
      invariants_.decides(self_, effects[i], now);
    }
  }

  const std::unique_ptr<protocol::Protocol> protocol_;
  const ReplicaId self_;
  Invariants& invariants_;
};

}  // namespace rkv::sim
