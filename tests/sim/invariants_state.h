#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "kv/command.h"
#include "kv/session_table.h"
#include "kv/store.h"
#include "sim/invariants_votes.h"
#include "sim/model.h"
#include "sim/read_promise.h"
#include "sim/session_model.h"
#include "sim/violation.h"

namespace rkv::sim {

// What the state must be at every position, by a model that applies what was chosen and an
// operation id only once. Checks that
// - replicas apply the chosen commands, in the order of their slots, none twice and none before it
//   is chosen, and that this changes their state as it does the model's;
// - an operation takes effect once, ever, and what is acknowledged has; whoever is answered, the
//   first time or again, is told what it did; and what clients were told to have been refused never
//   happens;
// - clients see it in real time: an operation that began after another one had ended is behind it
//   in the sequence; a read returns what was there at its position, and not less than it was
//   promised.
class States {
 public:
  // `votes` and `violation` must outlive the object.
  States(std::size_t replicas, const Votes& votes, const kv::SessionLimits& limits,
         Violation& violation)
      : votes_(votes), violation_(violation), applied_(replicas), sessions_(limits) {}

  // A replica starts with the state of this position.
  void started(ReplicaId replica, Position position);
  // Its protocol says to apply this command (null: nothing).
  void applies(ReplicaId replica, Position position, const SharedBytes& command);
  // Its store is told to change.
  void changes(ReplicaId replica, Position position, const std::vector<kv::Change>& changes);
  // It answers a write; or a read, at this position.
  void answers(ReplicaId replica, const kv::Command& command, const kv::Applied& applied);
  void answers_read(std::string_view key, const kv::Entry* entry, Position position);
  void answers_read(const kv::Transaction& transaction, const kv::Applied& applied);
  void answers_scan(const kv::Scan& scan, const kv::ScanPage& page);
  // What it read at a position is to be as new as that.
  void promised(Position position, const ReadPromise& promise);

  // The highest position that any client has seen the effect of: what begins now is not before it.
  Position seen() const { return seen_; }
  // A client was told that its write, which began when seen() was `seen_before`, has succeeded.
  void acknowledged(const OperationId& operation, const kv::Applied& result, Position seen_before,
                    TimePoint now);
  // The same of what it has read at a position.
  void seen_at(Position position) { seen_ = std::max(seen_, position); }
  // A client was told that nothing comes of its write.
  void refused(const OperationId& operation);

 private:
  struct KeyAt {
    Position position = 0;  // since when it is so
    KeyState state;
  };
  // What happens at a position.
  struct Expected {
    std::uint64_t command = 0;  // hash of it
    OperationId operation;
    Effect effect;       // of an operation that is not done: the outcome, and that nothing changes
    Position first = 0;  // of a retry: where it was done; else its own
  };
  struct Acknowledged {
    TimePoint at;
    Position position = 0;  // the highest until then
  };
  using OperationKey = std::pair<std::uint64_t, std::uint64_t>;  // client, sequence

  void apply_to_model(Position position, const SharedBytes& command);
  void run(const kv::Command& command, Position position, Expected& expected);
  KeyStates states_at(Position position, std::string_view first, std::string_view end) const;
  KeyState state_at(std::string_view key, Position position) const;
  void fail(std::string_view invariant, ReplicaId replica, Position position, std::string what);

  const Votes& votes_;
  Violation& violation_;
  std::vector<Position> applied_;   // by each replica since its start, or before
  std::vector<Expected> expected_;  // at position i + 1
  KeyStates now_;                   // behind all of them
  std::map<std::string, std::vector<KeyAt>, std::less<>> keys_;  // with all they ever were
  SessionModel sessions_;
  std::map<OperationKey, Position> done_;  // where an operation took effect, for ever
  std::set<OperationKey> refused_;
  std::vector<Acknowledged> acknowledged_;  // in the order of time
  Position seen_ = 0;
};

}  // namespace rkv::sim
