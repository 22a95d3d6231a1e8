#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/log_record.h"
#include "base/time.h"
#include "kv/command.h"
#include "kv/scan.h"
#include "kv/session_table.h"
#include "kv/store.h"
#include "protocol/effect.h"
#include "protocol/event.h"
#include "replica/manager.h"
#include "sim/counters.h"
#include "sim/network.h"
#include "sim/protocol_under_test.h"
#include "sim/read_promise.h"
#include "sim/violation.h"

namespace rkv::sim {

// What invariants ask of the simulation.
struct Facts {
  std::function<Incarnation(ReplicaId replica)> incarnation_of;  // in which a replica runs, or ran
  std::function<Position(ReplicaId replica)> saved_of;  // of the state that a crash would leave
  std::function<bool(ReplicaId replica)> is_damaged;    // whether its log was, ever
  kv::SessionLimits sessions;                           // of all replicas
  std::uint64_t kept_slots = 0;  // chosen ones, for replicas that lag; 0: all of them
};

// Everything that must hold of a protocol, looked at as it happens: whoever simulates tells it what
// happens, message by message and record by record, and what does not hold is reported. What a
// protocol has no use for does nothing.
class Invariants : public MessageWatcher {
 public:
  Invariants() = default;
  virtual ~Invariants() = default;
  Invariants(const Invariants&) = delete;
  Invariants& operator=(const Invariants&) = delete;

  void sending(ReplicaId /*from*/, ReplicaId /*to*/,
               const protocol::Message& /*message*/) override {}
  void answering(ReplicaId /*from*/, ReplicaId /*to*/, const protocol::Message& /*request*/,
                 const protocol::Message& /*answer*/) override {}

  // ---- A replica's process ----

  // It starts, with the state of this position. Its log was opened before.
  virtual void process_started(ReplicaId /*replica*/, Position /*saved*/) {}
  // Its state of this position would survive a crash from now on.
  virtual void saved(ReplicaId /*replica*/, Position /*position*/) {}
  // From now on, both of true time, it believes to hold a lease until then; a past moment if it
  // does not, or is gone.
  virtual void believes(ReplicaId /*replica*/, TimePoint /*until*/, TimePoint /*now*/) {}

  // ---- Its log ----

  // It is opened and has this in it, as the state has this position.
  virtual void recovered(ReplicaId /*replica*/, const RecoveredLog& /*log*/, Position /*saved*/) {}
  // It was read while it is open.
  virtual void read_again(ReplicaId /*replica*/, const RecoveredLog& /*log*/, Position /*saved*/) {}
  // A batch would survive a crash now. The replica has not been told yet.
  virtual void durable(ReplicaId /*replica*/, const LogBatch& /*batch*/) {}
  // It can tell others what is chosen behind this position, and not before.
  virtual void keeps_behind(ReplicaId /*replica*/, Position /*cut*/) {}
  // It may forget the slots up to this one; the state has this position on disk.
  virtual void cut(ReplicaId /*replica*/, Position /*slot*/, Position /*saved*/) {}

  // ---- Its protocol ----

  // Is about to take in an event; `now` is of the replica's clock.
  virtual void happens(ReplicaId /*replica*/, const protocol::Event& /*event*/, TimePoint /*now*/) {
  }
  // Has decided to do this, and it has not been done yet.
  virtual void decides(ReplicaId /*replica*/, const protocol::Effect& /*effect*/,
                       TimePoint /*now*/) {}
  virtual void role_stopped(ReplicaId /*replica*/, std::string_view /*role*/) {}
  virtual void role_started(ReplicaId /*replica*/, std::string_view /*role*/) {}

  // ---- Its state, and who asks for it ----

  virtual void changes(ReplicaId /*replica*/, Position /*position*/,
                       const std::vector<kv::Change>& /*changes*/) {}
  // It answers a client's write, or what it has read at a position. The answer may be lost.
  virtual void write_answered(ReplicaId /*replica*/, const kv::Command& /*command*/,
                              const replica::WriteResult& /*result*/) {}
  virtual void read_answered(ReplicaId /*replica*/, std::string_view /*key*/,
                             const kv::Entry* /*entry*/, Position /*position*/) {}
  virtual void transaction_read(ReplicaId /*replica*/, const kv::Transaction& /*transaction*/,
                                const kv::Applied& /*applied*/) {}
  virtual void page_answered(ReplicaId /*replica*/, const kv::Scan& /*scan*/,
                             const kv::ScanPage& /*page*/) {}
  // What it has read of these keys, at that position, was to be as new as this.
  virtual void promised(ReplicaId /*replica*/, const std::vector<std::string>& /*keys*/,
                        Position /*position*/, const ReadPromise& /*promise*/) {}

  // ---- What clients know ----

  // The highest position that any client has seen the effect of, where all replicas have one order
  // of the writes.
  virtual Position seen() const { return 0; }
  // A client was told now that its write of these keys, which began when seen() was `seen_before`,
  // has succeeded.
  virtual void acknowledged(const OperationId& /*operation*/,
                            const std::vector<std::string>& /*keys*/, const kv::Applied& /*result*/,
                            Position /*seen_before*/, TimePoint /*now*/) {}
  // A client was told what it has read at this position.
  virtual void seen_at(Position /*position*/) {}
  // A client was told that nothing comes of its write, ever.
  virtual void refused(const OperationId& /*operation*/) {}

  // ---- In the end ----

  // What a replica that has applied so much still lacks; empty if nothing.
  virtual std::string lacks(ReplicaId /*replica*/, Position /*applied*/) const { return {}; }
  // Adds what was seen.
  virtual void count(Counters& /*counters*/) const {}
};

// Those of a protocol. `violation` must outlive them.
std::unique_ptr<Invariants> make_invariants(Replication replication, std::size_t replicas,
                                            Facts facts, Violation& violation);

}  // namespace rkv::sim
