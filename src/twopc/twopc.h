#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "protocol/protocol.h"
#include "twopc/options.h"
#include "twopc/view.h"

namespace rkv::twopc {

// Replication by two-phase commit: a write happens at every replica or at none. The replica that is
// asked coordinates, or the one that Options::coordinator names; all of them vote. PROTOCOL.txt in
// this folder says what that promises, and why it keeps it.
class TwoPc final : public protocol::Protocol {
 public:
  explicit TwoPc(const Options& options);
  ~TwoPc() override;

  // The log must not have lost anything: what a vote or a decision was cannot be learned from
  // others in every case. Whoever opens it refuses a damaged one.
  void recover(protocol::Recovery recovery, TimePoint now, protocol::Effects& effects) override;
  bool keeps_log() const override { return true; }
  bool checks_operations() const override { return true; }
  void step(protocol::Event event, TimePoint now, protocol::Effects& effects) override;
  void tick(TimePoint now, protocol::Effects& effects) override;
  TimePoint next_tick() const override;
  void flush(TimePoint now, protocol::Effects& effects) override;
  protocol::Role role() const override;

  std::vector<std::string_view> roles() const override;
  void stop_role(std::string_view role, TimePoint now, protocol::Effects& effects) override;
  void start_role(std::string_view role, protocol::Recovery&& recovery, TimePoint now,
                  protocol::Effects& effects) override;

  View view() const;

 private:
  class Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace rkv::twopc
