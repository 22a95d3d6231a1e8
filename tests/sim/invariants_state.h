#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "kv/command.h"
#include "kv/state_machine.h"
#include "kv/store.h"
#include "sim/invariants_votes.h"
#include "sim/key_state.h"
#include "sim/violation.h"

namespace rkv::sim {

// What the state must be at every position, by a model that applies what was chosen and an
// operation id only once. Checks that
// - replicas apply the chosen commands, in the order of their slots, none twice and none before it
//   is chosen, and that this changes their state as it does the model's;
// - an operation takes effect once, and what is acknowledged has;
// - clients see it in real time: an operation that began after another one had ended is behind it
//   in the sequence, and a read returns what was there at its position.
class States {
 public:
  // `votes` and `violation` must outlive the object.
  States(std::size_t replicas, const Votes& votes, Violation& violation)
      : votes_(votes), violation_(violation), applied_(replicas) {}

  // A replica starts with the state of this position.
  void started(ReplicaId replica, Position position);
  // Its protocol says to apply this command (null: nothing).
  void applies(ReplicaId replica, Position position, const SharedBytes& command);
  // Its store is told to change.
  void changes(ReplicaId replica, Position position, const std::vector<kv::Change>& changes);

  // The highest position that any client has seen the effect of: what begins now is not before it.
  Position seen() const { return seen_; }
  // A client was told that its write, which began when seen() was `seen_before`, has succeeded.
  void acknowledged(const OperationId& operation, const kv::Applied& result, Position seen_before);
  // A client was told an entry (null: there is none) by a replica that had applied this much.
  void read(std::string_view key, const kv::Entry* entry, Position position, Position seen_before);

 private:
  struct KeyAt {
    Position position = 0;  // since when it is so
    KeyState state;
  };
  using Client = std::uint64_t;
  struct Effect {
    Position position = 0;
    std::uint64_t version = 0;  // that the client must be told
  };
  struct ClientState {
    std::uint64_t first_outstanding = 0;
    std::map<std::uint64_t, Effect> effects;  // by sequence
  };
  // What happens at a position.
  struct Expected {
    std::uint64_t command = 0;  // hash of it
    KeyChange change;
  };

  void apply_to_model(Position position, const SharedBytes& command);
  static KeyState state_at(const std::vector<KeyAt>& history, Position position);
  void fail(std::string_view invariant, ReplicaId replica, Position position, std::string what);

  const Votes& votes_;
  Violation& violation_;
  std::vector<Position> applied_;   // by each replica since its start, or before
  std::vector<Expected> expected_;  // at position i + 1
  std::map<std::string, std::vector<KeyAt>, std::less<>> keys_;  // with all they ever were
  std::map<Client, ClientState> clients_;
  Position seen_ = 0;
};

}  // namespace rkv::sim
