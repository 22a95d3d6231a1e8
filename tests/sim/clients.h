#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "base/time.h"
#include "history/operation.h"
#include "kv/command.h"
#include "kv/store.h"
#include "replica/manager.h"
#include "sim/counters.h"
#include "sim/invariants.h"
#include "sim/replica.h"
#include "sim/schedule.h"
#include "sim/scheduler.h"
#include "sim/slab.h"

namespace rkv::sim {

// The clients: each does one operation after the other, and tries a replica after the other until
// it has an answer, with one operation id. Writes down what each of them saw.
class Clients final : public EventHandler {
 public:
  struct Options {
    std::size_t clients = 6;
    Duration attempt_timeout = seconds(1);
    Duration operation_timeout = seconds(10);  // then it is given up
    // A key with so many operations of which nobody knows how they ended is not used again.
    int unknown_max = 10;
    std::size_t backlog_max = 4;  // operations that wait for one client; more are left out
  };

  // What is passed by reference must outlive the object.
  Clients(Scheduler& scheduler, std::uint64_t seed, Counters& counters, Invariants& invariants,
          std::vector<Replica*> replicas, const Options& options);

  // Begins an operation, or lets it wait for its client.
  void begin(const Step& step);
  // That many of a thousand replies are lost from now on.
  void set_reply_loss(double probability) { reply_loss_ = probability; }
  // From now on nobody gives up.
  void set_patient() { patient_ = true; }
  // A replica's process has ended: who waits there gets no answer.
  void replica_stopped(ReplicaId replica);

  // How many operations have not ended.
  std::size_t open() const;
  // What the first of those is.
  std::string describe_open() const;
  // What they saw, to the end: what is still open has an unknown one.
  history::History history() const;

  void handle(EventKind kind, std::uint64_t argument) override;

 private:
  // An attempt on its way, and what came of it.
  struct Call {
    std::size_t client = 0;
    std::uint64_t operation = 0;  // serial number
    std::uint32_t attempt = 0;
    std::size_t replica = 0;
    bool is_get = false;
    kv::Command command;  // of a get only the key
    StatusCode status = StatusCode::kUnknown;
    kv::Applied applied;
    std::optional<kv::Entry> entry;
    Position position = 0;
  };
  using CallId = Slab<Call>::Id;
  struct Client {
    std::uint64_t process = 0;   // its name, and its client number in operation ids
    std::uint64_t sequence = 0;  // of its last write
    std::deque<Step> backlog;
    // The operation that is under way:
    bool busy = false;
    std::uint64_t serial = 0;  // its number
    std::size_t index = 0;     // of its key
    std::uint32_t attempt = 0;
    std::size_t replica = 0;  // that was asked last
    bool waiting = false;     // for that one's answer
    bool maybe_done = false;  // one of the attempts has an unknown end
    Position seen_before = 0;
    history::Operation operation;
  };
  struct Key {
    int generation = 0;
    int unknown = 0;
  };
  static constexpr std::size_t kKeysMax = 16;

  void next_operation(std::size_t client, const Step& step);
  void try_once(std::size_t client);
  Call make_call(std::size_t client) const;
  void arrive(CallId call);
  void answered(CallId call);
  void reply_arrives(CallId call);
  void attempt_failed(std::size_t client, bool maybe_done);
  void succeed(Client& client, const Call& call);
  void give_up(Client& client);
  void end(Client& client, history::Outcome outcome);
  Duration draw_delay();
  static std::uint64_t token(std::size_t client, const Client& it) {
    return static_cast<std::uint64_t>(client) << 56 | (it.serial & 0xFFFFFF) << 32 | it.attempt;
  }

  Scheduler& scheduler_;
  Random random_;
  Counters& counters_;
  Invariants& invariants_;
  const std::vector<Replica*> replicas_;
  const Options options_;
  std::vector<Client> clients_;
  std::array<Key, kKeysMax> keys_;
  Slab<Call> calls_;
  history::History history_;
  std::uint64_t next_process_ = 1;
  double reply_loss_ = 0;
  bool patient_ = false;
};

}  // namespace rkv::sim
