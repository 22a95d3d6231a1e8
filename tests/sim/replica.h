#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "env/log_device.h"
#include "protocol/protocol.h"
#include "replica/manager.h"
#include "sim/clock.h"
#include "sim/counters.h"
#include "sim/host.h"
#include "sim/invariants.h"
#include "sim/log_medium.h"
#include "sim/network.h"
#include "sim/protocol_under_test.h"
#include "sim/scheduler.h"
#include "sim/sim_store.h"

namespace rkv::sim {

// A replica's machine: its disk and clock, which outlive crashes, and the process, with the
// real replica manager and the real protocol in it.
class Replica final : public Host, public Endpoint, public EventHandler {
 public:
  struct Options {
    ProtocolUnderTest::Start start;     // `seed` is only where its seeds come from
    const ProtocolUnderTest& protocol;  // must outlive the object
    replica::Manager::Limits limits;
    LogKind log = LogKind::kFast;
    TimePoint clock_start;
  };
  // What all replicas share. Must outlive the object.
  struct World {
    Scheduler& scheduler;
    Network& network;
    Counters& counters;
    Invariants& invariants;
  };
  // Is told that the process has ended, and with it every call of a client that waited there.
  using Stopped = std::function<void(ReplicaId replica)>;

  Replica(const Options& options, const World& world, Stopped stopped);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  ReplicaId id() const { return options_.start.self; }
  bool running() const { return manager_ != nullptr; }  // paused or not
  bool paused() const { return paused_; }
  // Its log cannot be opened any more: it does not start again before a person has seen to it.
  bool broken() const { return broken_; }
  Incarnation incarnation() const { return incarnation_; }
  View view() const;  // of one that runs a protocol that has one
  LogMedium& log() { return *log_medium_; }
  const kv::Store& store() const { return *store_; }  // of one that runs
  kv::Store& store() { return *store_; }              // of one that runs
  // Of the state that a crash would leave.
  Position saved() const { return image_.position(); }
  replica::Manager& manager() { return *manager_; }  // the same; not while it is paused
  const replica::Manager& manager() const { return *manager_; }

  // Damages its log, while its process does not run; false if there is nothing to damage.
  bool rot();
  // Whether that has happened. It may be repaired since.
  bool is_damaged() const { return damaged_; }

  // Starts the process, if it does not run.
  void start();
  // Ends it, if it runs: everything but what is on disk is gone. With a delay it starts again.
  void crash();
  void crash(Duration restart_after);
  // From now on it is not started by its own restarts.
  void keep_down(bool down) { kept_down_ = down; }
  // Lets it stand still for a while, as SIGSTOP or a busy machine does; its clock goes on.
  void pause(Duration time);
  void resume();
  // Makes a role of its protocol fail for a while, by its index, if it runs and the process does.
  void stop_role(std::size_t role, Duration time);
  // So much too fast from now on, in millionths.
  void set_drift(std::int64_t drift_ppm);

  bool put_off(EventHandler& handler, EventKind kind, std::uint64_t argument) override;
  void fatal(const Status& status) override;

  void peer_request(ReplicaId from, protocol::MessagePtr message, Answer answer) override;
  void peer_up(ReplicaId peer) override;
  void peer_down(ReplicaId peer, const std::string& reason) override;

  void handle(EventKind kind, std::uint64_t argument) override;

 private:
  struct PutOff {
    EventHandler* handler;
    EventKind kind;
    std::uint64_t argument;
  };
  std::unique_ptr<LogMedium> make_log(std::uint64_t seed);
  void turn();
  void open_log();
  void want_turn();
  void set_wake();
  void start_role(std::uint64_t argument);
  void look_at_view();
  TimePoint local_now() const { return clock_.local(world_.scheduler.now()); }

  const Options options_;
  const World world_;
  const Stopped stopped_;
  Network::Transport* transport_ = nullptr;
  Random random_;
  Clock clock_;
  std::unique_ptr<LogMedium> log_medium_;
  StateImage image_;
  Incarnation incarnation_ = 0;
  bool kept_down_ = false;
  bool broken_ = false;
  bool damaged_ = false;

  // The process. Destroyed in the opposite order.
  std::unique_ptr<env::LogDevice> log_;
  std::unique_ptr<SimStore> store_;
  std::unique_ptr<replica::Manager> manager_;
  const protocol::Protocol* protocol_ = nullptr;
  bool turn_wanted_ = false;
  TimePoint wake_at_ = kNever;  // of true time
  bool paused_ = false;
  std::uint64_t pauses_ = 0;
  std::vector<PutOff> put_off_;
};

}  // namespace rkv::sim
