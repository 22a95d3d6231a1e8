#include "kv/history.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/check.h"

namespace rkv::kv {
namespace {

// What allocators add to a block, and the steps in which they make blocks larger; roughly.
constexpr std::size_t kBlockHead = 8;
constexpr std::size_t kBlockStep = 16;
constexpr std::size_t block(std::size_t size) {
  return (size + kBlockHead + kBlockStep - 1) / kBlockStep * kBlockStep;
}

// A node of the map, which has four words in front; and its place in a pin's list, which may be
// twice as long as what is in it.
constexpr std::size_t kVersionBytes =
    block(sizeof(History::Versions::value_type) + 4 * sizeof(void*)) +
    2 * sizeof(History::Versions::iterator);

// What a string takes besides itself.
std::size_t bytes_behind(std::size_t size) {
  const std::size_t inside = std::string().capacity();
  return size <= inside ? 0 : block(size + 1);
}

std::size_t bytes_of(std::string_view key, const Entry* entry) {
  return kVersionBytes + bytes_behind(key.size()) +
         (entry == nullptr ? 0 : bytes_behind(entry->value.size()));
}

History::VersionView view(const History::VersionKey& key) { return {key.key, key.changed_at}; }

}  // namespace

bool History::VersionLess::operator()(VersionView one, VersionView other) const {
  const int order = one.key.compare(other.key);
  return order < 0 || (order == 0 && one.changed_at < other.changed_at);
}
bool History::VersionLess::operator()(const VersionKey& one, const VersionKey& other) const {
  return (*this)(view(one), view(other));
}
bool History::VersionLess::operator()(const VersionKey& one, VersionView other) const {
  return (*this)(view(one), other);
}
bool History::VersionLess::operator()(VersionView one, const VersionKey& other) const {
  return (*this)(one, view(other));
}

void History::pin(Position at) {
  RKV_CHECK(pins_.empty() || pins_.rbegin()->first <= at, "what is pinned is the state as it is");
  Pin& pin = pins_[at];
  ++pin.count;
  pin.passed_below.clear();
  pin.passed_from.reset();
}

void History::pass(Position at, std::string_view bound, bool reverse) {
  const auto found = pins_.find(at);
  if (found == pins_.end()) return;
  Pin& pin = found->second;
  if (!reverse) {
    if (bound > pin.passed_below) pin.passed_below = bound;
  } else if (!pin.passed_from || bound < *pin.passed_from) {
    pin.passed_from = bound;
  }
}

bool History::keeps(Position at, std::string_view first, std::string_view end) const {
  const auto found = pins_.find(at);
  if (found == pins_.end()) return false;
  const Pin& pin = found->second;
  return first >= pin.passed_below &&
         (!pin.passed_from || (!end.empty() && end <= *pin.passed_from));
}

void History::unpin(Position at) {
  const auto pin = pins_.find(at);
  if (pin == pins_.end() || --pin->second.count > 0) return;
  const std::vector<Versions::iterator> versions = std::move(pin->second.versions);
  const auto next = pins_.erase(pin);
  if (next == pins_.begin()) {
    for (const Versions::iterator& version : versions) drop(version);
  } else {
    const auto earlier = std::prev(next);
    give_back(versions, earlier->second, earlier->first);
  }
}

// The pin that needed these versions is gone. The one before it, at this position, needs those of
// them before which the key was not changed since.
void History::give_back(const std::vector<Versions::iterator>& versions, Pin& earlier,
                        Position at) {
  for (const Versions::iterator& version : versions) {
    const auto first = versions_.upper_bound(VersionView{version->first.key, at});
    if (first == version) {
      earlier.versions.push_back(version);
    } else {
      drop(version);
    }
  }
}

void History::drop(Versions::iterator version) {
  const std::optional<Entry>& entry = version->second;
  bytes_ -= bytes_of(version->first.key, entry ? &*entry : nullptr);
  versions_.erase(version);
}

void History::clear() {
  pins_.clear();
  versions_.clear();
  bytes_ = 0;
}

// Whether the newest pin, and so every one, has what this key was.
bool History::is_saved_above(std::string_view key, Position at) const {
  const auto next = versions_.upper_bound(VersionView{key, std::numeric_limits<Position>::max()});
  if (next == versions_.begin()) return false;
  const VersionKey& last = std::prev(next)->first;
  return last.key == key && last.changed_at > at;
}

void History::save(std::string_view key, const Entry* before, Position changed_at) {
  if (pins_.empty()) return;
  const auto newest = pins_.rbegin();
  RKV_CHECK(changed_at > newest->first, "a pinned state is one before the change");
  const bool has_passed = std::all_of(
      pins_.begin(), pins_.end(), [key](const auto& pin) { return pin.second.has_passed(key); });
  if (has_passed || is_saved_above(key, newest->first)) return;
  const std::size_t bytes = bytes_of(key, before);
  if (bytes > bytes_max_ - bytes_) {
    clear();
    return;
  }
  bytes_ += bytes;
  const auto saved =
      versions_.try_emplace(VersionKey{std::string(key), changed_at},
                            before == nullptr ? std::nullopt : std::optional<Entry>(*before));
  newest->second.versions.push_back(saved.first);
}

const std::optional<Entry>* History::find(std::string_view key, Position at) const {
  const auto version = versions_.upper_bound(VersionView{key, at});
  const bool is_of_key = version != versions_.end() && version->first.key == key;
  return is_of_key ? &version->second : nullptr;
}

}  // namespace rkv::kv
