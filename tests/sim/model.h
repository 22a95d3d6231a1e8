#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "kv/command.h"
#include "kv/scan.h"
#include "kv/store.h"
#include "kv/transaction.h"

namespace rkv::sim {

// ---- A model of the state machine ----
//
// Written a second time, and as simply as it can be, from what kv.x says that commands do.

// What is under a key.
struct KeyState {
  bool present = false;
  std::uint64_t version = 0;
  std::string value;
  // Of the write that made the key, and of the last one. 0: not looked at, as positions are not the
  // same at all replicas.
  Position created = 0;
  Position modified = 0;
};
// What is not in it is not present.
using KeyStates = std::map<std::string, KeyState, std::less<>>;

// What a command does.
struct Effect {
  KeyStates changes;  // every key that is another one than before
  kv::Applied::Outcome outcome = kv::Applied::Outcome::kApplied;
  std::uint64_t version = 0;            // that the client must be told
  std::optional<kv::StepsResult> told;  // the same, of a transaction that was done
};

// What a command does at a position (0: no positions are told) in this state, which has all keys,
// or those of the command if it removes no range.
Effect effect_of(const kv::Command& command, const KeyStates& before, Position position);
// The same of a transaction that only reads, of the state at a position.
Effect effect_of(const kv::Transaction& transaction, const KeyStates& before, Position position);

// Whether a client that is told this was told what the effect says.
bool tells(const kv::Applied& applied, const Effect& effect);
// Whether a read found this state; null: there was no entry.
bool is_so(const kv::Entry* entry, const KeyState& state);
// Whether what a store was told to change at a position is this.
bool is_so(const std::vector<kv::Change>& changes, const Effect& expected, Position position);
// What is wrong with a page of these states; empty if nothing.
std::string flaw_of(const kv::ScanPage& page, const kv::Scan& scan, const KeyStates& states);

}  // namespace rkv::sim
