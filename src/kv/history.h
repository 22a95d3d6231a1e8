#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "kv/entry.h"

namespace rkv::kv {

// How many bytes of keys and values, and of what they take in memory around them, a history keeps.
constexpr std::size_t kHistoryBytesMax = 8 * 1024 * 1024;

// What entries were at some earlier positions, each of which somebody has pinned: so that a listing
// of many pages shows one state while writes go on. Keeps nothing when nothing is pinned, and of a
// key that is written often only what a pin needs. For one thread.
class History {
 public:
  explicit History(std::size_t bytes_max = kHistoryBytesMax) : bytes_max_(bytes_max) {}

  // Keeps the state at this position, the last one applied, from now on.
  void pin(Position at);
  // Ends one pin() of that position; does nothing if it is not kept.
  void unpin(Position at);
  // Whether the state at this position can still be read.
  bool keeps(Position at) const { return pins_.contains(at); }

  // Whether save() must be called before each change of an entry.
  bool wants_changes() const { return !pins_.empty(); }
  // A key's entry, or that there is none (null), is about to be changed at this position. When
  // there is no room for it all pins are dropped.
  void save(std::string_view key, const Entry* before, Position changed_at);

  // What a key was at a pinned position: null if it has not changed since, else an entry or
  // (nothing) that it was not there. Valid until the next call that is not const.
  const std::optional<Entry>* find(std::string_view key, Position at) const;

  // By key, and then by the position from which on it was no more so.
  using Versions = std::map<Position, std::optional<Entry>>;
  using VersionsOfKeys = std::map<std::string, Versions, std::less<>>;
  // For who goes through many keys in their order.
  const VersionsOfKeys& versions() const { return versions_; }
  static const std::optional<Entry>* find(const Versions& versions, Position at);

  std::size_t bytes() const { return bytes_; }

 private:
  void prune();
  void clear();

  const std::size_t bytes_max_;
  std::map<Position, std::size_t> pins_;  // how many there are of each
  VersionsOfKeys versions_;
  std::size_t bytes_ = 0;
};

}  // namespace rkv::kv
