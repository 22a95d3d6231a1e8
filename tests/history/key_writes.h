#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "operation.h"

namespace rkv::history {

// What a key is behind a write, or was when it was read, as far as that is known.
struct KeyState {
  bool is_there = false;
  std::optional<std::string> value;
  std::optional<std::uint64_t> version;
  // The slots of the write that made the key and of its last change.
  std::optional<std::uint64_t> created;
  std::optional<std::uint64_t> modified;
};

// Whether what was seen can be this state.
bool fits(const KeyState& made, const KeyState& seen);

// What a history tells of the writes of one key.
struct KeyWrites {
  struct Write {
    KeyState state;
    bool is_made_anew = false;  // the same write had removed it before
    const Operation* operation = nullptr;
  };
  struct Elsewhere {
    KeyState state;
    Time since = 0;
  };

  std::map<std::uint64_t, Write> by_slot;
  // Of unknown slots: what they may have made, and when they were asked for.
  std::vector<Elsewhere> elsewhere;
  std::optional<Time> anything_from;  // an unknown write may have made anything since then
  bool is_ambiguous = false;          // two writes have the same slot

  // The last write up to a slot; none: nullptr.
  const Write* last_up_to(std::uint64_t slot) const;
  // Whether a write of an unknown slot may have happened by then.
  bool may_be_unknown_at(Time time) const;
};

// Of every key that some write names. What removes a range counts as a write of those of its keys.
std::map<std::string, KeyWrites> writes_by_key(const History& history);

}  // namespace rkv::history
