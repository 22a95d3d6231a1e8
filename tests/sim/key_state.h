#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "kv/command.h"
#include "kv/store.h"

namespace rkv::sim {

// ---- A model of the state machine, key by key ----

// What is under a key.
struct KeyState {
  bool present = false;
  std::uint64_t version = 0;
  std::uint64_t value = 0;  // hash of it
};

// What a command does.
struct KeyChange {
  std::string key;  // empty: nothing changes
  KeyState after;
  std::uint64_t told_version = 0;  // that the client must be told
};

// What a command does to a key that is in this state.
KeyChange change_by(const kv::Command& command, const KeyState& before);
// Whether a read found this state; null: there was no entry.
bool is_so(const kv::Entry* entry, const KeyState& state);
// Whether what a store was told to change at a position is this.
bool is_so(const std::vector<kv::Change>& changes, const KeyChange& expected, Position position);

}  // namespace rkv::sim
