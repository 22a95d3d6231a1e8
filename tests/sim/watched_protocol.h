#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/protocol.h"
#include "sim/invariants_roles.h"
#include "sim/invariants_state.h"

namespace rkv::sim {

// A protocol whose decisions are seen by the invariants before they are carried out.
class WatchedProtocol final : public protocol::Protocol {
 public:
  // What is passed by reference must outlive the object.
  WatchedProtocol(std::unique_ptr<protocol::Protocol> protocol, ReplicaId self, States& states,
                  Roles& roles)
      : protocol_(std::move(protocol)), self_(self), states_(states), roles_(roles) {
    roles_.process_started(self);
  }

  void recover(protocol::Recovery recovery, TimePoint now, protocol::Effects& effects) override {
    const std::size_t before = effects.size();
    protocol_->recover(std::move(recovery), now, effects);
    look_at(effects, before);
  }
  bool keeps_log() const override { return protocol_->keeps_log(); }
  std::vector<LogRecord> live_records() const override { return protocol_->live_records(); }
  void step(protocol::Event event, TimePoint now, protocol::Effects& effects) override {
    const std::size_t before = effects.size();
    protocol_->step(std::move(event), now, effects);
    look_at(effects, before);
  }
  void tick(TimePoint now, protocol::Effects& effects) override {
    const std::size_t before = effects.size();
    protocol_->tick(now, effects);
    look_at(effects, before);
  }
  TimePoint next_tick() const override { return protocol_->next_tick(); }
  void flush(TimePoint now, protocol::Effects& effects) override {
    const std::size_t before = effects.size();
    protocol_->flush(now, effects);
    look_at(effects, before);
  }
  protocol::Role role() const override { return protocol_->role(); }
  std::vector<std::string_view> roles() const override { return protocol_->roles(); }
  void stop_role(std::string_view role, TimePoint now, protocol::Effects& effects) override {
    const std::size_t before = effects.size();
    protocol_->stop_role(role, now, effects);
    roles_.stopped(self_, role);
    look_at(effects, before);
  }
  void start_role(std::string_view role, protocol::Recovery&& recovery, TimePoint now,
                  protocol::Effects& effects) override {
    const std::size_t before = effects.size();
    roles_.started(self_, role);
    protocol_->start_role(role, std::move(recovery), now, effects);
    look_at(effects, before);
  }

 private:
  void look_at(const protocol::Effects& effects, std::size_t first) {
    for (std::size_t i = first; i < effects.size(); ++i) {
      roles_.decides(self_, effects[i]);
      const auto* const apply = std::get_if<protocol::Apply>(&effects[i]);
      if (apply != nullptr) states_.applies(self_, apply->position, apply->command);
    }
  }

  const std::unique_ptr<protocol::Protocol> protocol_;
  const ReplicaId self_;
  States& states_;
  Roles& roles_;
};

}  // namespace rkv::sim
