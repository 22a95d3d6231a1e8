#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace rkv::sim {

// Things with numbers. A number is not used again: one whose thing is gone finds nothing. Places
// are, so that a simulation that has warmed up allocates none.
template <typename T>
class Slab {
 public:
  using Id = std::uint64_t;  // never 0

  Id put(T thing) {
    std::uint32_t index;
    if (free_.empty()) {
      index = static_cast<std::uint32_t>(places_.size());
      places_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    Place& place = places_[index];
    place.thing = std::move(thing);
    place.used = true;
    return static_cast<Id>(++place.generation) << 32 | index;
  }

  // Null if it is gone. Valid until the next put().
  T* find(Id id) {
    const auto index = static_cast<std::uint32_t>(id);
    if (index >= places_.size()) return nullptr;
    Place& place = places_[index];
    return place.used && place.generation == id >> 32 ? &place.thing : nullptr;
  }

  // Takes a thing out, which must be there.
  T take(Id id) {
    Place& place = places_[static_cast<std::uint32_t>(id)];
    place.used = false;
    free_.push_back(static_cast<std::uint32_t>(id));
    return std::exchange(place.thing, T());
  }

  std::size_t size() const { return places_.size() - free_.size(); }

 private:
  struct Place {
    T thing{};
    std::uint32_t generation = 0;
    bool used = false;
  };
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
};

}  // namespace rkv::sim
