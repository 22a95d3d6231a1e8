#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "kv/entry.h"

namespace rkv::kv {

// How many bytes of keys and values, and of what they take in memory around them, a history keeps.
constexpr std::size_t kHistoryBytesMax = 12 * 1024 * 1024;

// What entries were at some earlier positions, each of which somebody has pinned: so that a listing
// of many pages shows one state while writes go on. Keeps nothing when nothing is pinned, and of a
// key that is written often only what a pin needs. For one thread.
class History {
 public:
  explicit History(std::size_t bytes_max = kHistoryBytesMax) : bytes_max_(bytes_max) {}
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // Keeps the state at this position, the last one applied, from now on; all of it, whatever was
  // passed there before.
  void pin(Position at);
  // Nobody will read the keys below (or, with `reverse`, from) this bound on at that position any
  // more: what they are then need not be kept.
  void pass(Position at, std::string_view bound, bool reverse);
  // Ends one pin() of that position; does nothing if it is not kept. The last one of a position
  // takes as long as looking at what was saved between it and the next pin.
  void unpin(Position at);
  // Whether anything of this position can still be read.
  bool keeps(Position at) const { return pins_.contains(at); }
  // Whether the keys from `first` up to `end` (empty: to the last) can still be read at this
  // position.
  bool keeps(Position at, std::string_view first, std::string_view end) const;

  // Whether save() must be called before each change of an entry.
  bool wants_changes() const { return !pins_.empty(); }
  // A key's entry, or that there is none (null), is about to be changed at this position, which is
  // above every pin. When there is no room for it all pins are dropped.
  void save(std::string_view key, const Entry* before, Position changed_at);

  // What a key was at a pinned position: null if it has not changed since, else an entry or
  // (nothing) that it was not there. Valid until the next call that is not const.
  const std::optional<Entry>* find(std::string_view key, Position at) const;

  // A key, and the position from which on it was no more what is saved of it.
  struct VersionKey {
    std::string key;
    Position changed_at = 0;
  };
  struct VersionView {
    std::string_view key;
    Position changed_at = 0;
  };
  struct VersionLess {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): std's name
    bool operator()(VersionView one, VersionView other) const;
    bool operator()(const VersionKey& one, const VersionKey& other) const;
    bool operator()(const VersionKey& one, VersionView other) const;
    bool operator()(VersionView one, const VersionKey& other) const;
  };
  // In the bytewise order of the keys; of one key the earlier first. What a key was at a pinned
  // position is the first of its versions that is changed above it. One map and not a map for each
  // key: nearly every key has one version, and memory is what limits a history.
  using Versions = std::map<VersionKey, std::optional<Entry>, VersionLess>;
  // For who goes through many keys in their order.
  const Versions& versions() const { return versions_; }

  std::size_t bytes() const { return bytes_; }

 private:
  struct Pin {
    std::size_t count = 0;
    // The versions that are changed above this pin, and not above the next one.
    std::vector<Versions::iterator> versions;
    // What was passed: the keys below the one and from the other on.
    std::string passed_below;
    std::optional<std::string> passed_from;

    bool has_passed(std::string_view key) const {
      return key < passed_below || (passed_from && key >= *passed_from);
    }
  };
  bool is_saved_above(std::string_view key, Position at) const;
  void give_back(const std::vector<Versions::iterator>& versions, Pin& earlier, Position at);
  void drop(Versions::iterator version);
  void clear();

  const std::size_t bytes_max_;
  std::map<Position, Pin> pins_;
  Versions versions_;
  std::size_t bytes_ = 0;
};

}  // namespace rkv::kv
