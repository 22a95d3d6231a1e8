#pragma once

#include <cppunit/TestFixture.h>

#include <memory>
#include <string>
#include <utility>

#include "base/ids.h"
#include "base/time.h"
#include "kv/command.h"
#include "kv/memory_store.h"
#include "replica/manager.h"
#include "scripted_protocol.h"

namespace rkv::replica {

// For tests of what a manager tells who reads: one whose protocol does what the test says.
class ScriptedManagerFixture : public CppUnit::TestFixture {
 public:
  void setUp() override { start(Manager::Limits()); }
  void tearDown() override {
    manager_.reset();
    store_.reset();
  }

 protected:
  static constexpr ReplicaId kSelf{1};

  void start(const Manager::Limits& limits, bool checks_operations = false) {
    manager_.reset();
    store_ = std::make_unique<kv::MemoryStore>();
    auto protocol = std::make_unique<ScriptedProtocol>(checks_operations);
    protocol_ = protocol.get();
    limits_ = limits;
    position_ = 0;
    manager_ = std::make_unique<Manager>(std::move(protocol),
                                         Manager::Environment{*store_, transport_, &log_, kSelf, 1},
                                         limits, now_, [this] { ++turns_wanted_; });
    turn();
  }
  void turn() { manager_->turn(now_); }
  // A turn in which something has happened.
  void wake() {
    manager_->peer_up(kSelf);
    turn();
  }
  void apply(const std::string& key, const std::string& value) {
    const kv::Command put{kv::Command::Kind::kPut, {}, key, value};
    protocol_->next.emplace_back(protocol::Apply{
        ++position_, std::make_shared<const std::string>(kv::encode_command(put)), 0});
    wake();
  }
  // Allows the last read that the protocol was asked about; all before it must be done with.
  void allow() {
    protocol_->next.emplace_back(protocol::AllowRead{protocol_->reads.back()});
    wake();
  }

  TimePoint now_{1'000'000'000};
  Manager::Limits limits_;
  UnreadLog log_;
  SilentTransport transport_;
  std::unique_ptr<kv::MemoryStore> store_;
  std::unique_ptr<Manager> manager_;
  ScriptedProtocol* protocol_ = nullptr;
  Position position_ = 0;
  int turns_wanted_ = 0;  // how often the manager said so
};

}  // namespace rkv::replica
