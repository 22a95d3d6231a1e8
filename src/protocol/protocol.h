#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/ids.h"
#include "base/log_record.h"
#include "base/time.h"
#include "protocol/effect.h"
#include "protocol/event.h"

namespace rkv::protocol {

// What a replica says of itself in STATUS.
struct Role {
  std::string_view name;  // "replica", "leader", ...
  ReplicaId leader;       // nobody where there is none, or none is needed
  std::string trouble;    // what a person has to see to, or empty
};

// What a replica knows when it starts, or when a role of it does.
struct Recovery {
  Position applied = 0;         // what its state stands for
  Incarnation incarnation = 0;  // of this start
  RecoveredLog log;             // empty for a protocol that keeps none
};

// How replicas agree on writes. Pure: what it decides depends only on the events it was stepped
// through and the times it was told; it does nothing by itself, but says what is to be done.
//
// The life of one: recover() once, then turns. In a turn: roles that stop or start, step() for each
// event, tick() if its time has come, then flush() once. `now` never goes back.
class Protocol {
 public:
  virtual ~Protocol() = default;

  // Takes up again after a start.
  virtual void recover(Recovery recovery, TimePoint now, Effects& effects) = 0;

  // Whether it makes things durable with Persist; if not, what is applied is what must be durable.
  virtual bool keeps_log() const = 0;
  // Who sees that an operation which a client sends twice is applied once: the state, which applies
  // every replica's commands in one order and skips the second; or this protocol, which asks it
  // with Check before it decides, and has everything applied that it decided on. The second kind
  // also wants to know the keys of what is proposed.
  virtual bool checks_operations() const { return false; }
  // By when the log holds what must be there before a state may be saved that has everything
  // applied so far; nothing while part of that cannot be written down. A state that was ahead of
  // the log would have what nobody can be told any more. Asked at the end of a turn. 0: only what
  // is durable is applied.
  virtual std::optional<SyncPoint> applied_sync() const { return 0; }
  // The records that must outlive older parts of the log: of every slot above the last CutLog that
  // is not known to be chosen. As of the last Persist.
  virtual std::vector<LogRecord> live_records() const { return {}; }

  // Takes one event in and appends what follows from it. Effects are to be carried out in order.
  virtual void step(Event event, TimePoint now, Effects& effects) = 0;

  // Does what is due by time. Harmless when nothing is.
  virtual void tick(TimePoint now, Effects& effects) = 0;
  // When tick() wants to be called; kNever if nothing is waiting for time.
  virtual TimePoint next_tick() const = 0;

  // Ends a turn: appends the messages in which the turn's events were gathered.
  virtual void flush(TimePoint now, Effects& effects) = 0;

  virtual Role role() const = 0;

  // ---- Roles that can be made to fail while the rest goes on: a trial of the real thing ----

  // Their names; none where there are none.
  virtual std::vector<std::string_view> roles() const { return {}; }
  // Stops a role that runs: what it knows is gone, but for what is on disk or on its way there.
  virtual void stop_role(std::string_view role, TimePoint now, Effects& effects);
  // Starts it again from the log, read when all that was persisted was durable.
  virtual void start_role(std::string_view role, Recovery&& recovery, TimePoint now,
                          Effects& effects);
};

inline void Protocol::stop_role(std::string_view /*role*/, TimePoint /*now*/,
                                Effects& /*effects*/) {
  RKV_CHECK(false, "only a role of roles() stops");
}

inline void Protocol::start_role(std::string_view /*role*/, Recovery&& /*recovery*/,
                                 TimePoint /*now*/, Effects& /*effects*/) {
  RKV_CHECK(false, "only a role of roles() starts");
}

}  // namespace rkv::protocol
