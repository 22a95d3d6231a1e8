#include "replica/listings.h"

#include <algorithm>
#include <iterator>

namespace rkv::replica {
namespace {

// Of the positions of a map, the one that ends first.
constexpr auto kEndsSooner = [](const auto& a, const auto& b) {
  return a.second.until < b.second.until;
};

}  // namespace

// One pin for each position, however many listings begin there.
void Listings::began(Position at, TimePoint now) {
  const auto [open, is_new] = open_.try_emplace(at);
  if (!is_new) store_.unpin(at);
  ++open->second.listings;
  open->second.until = now + limits_.idle_max;
  if (open_.size() <= limits_.positions_max) return;
  end(std::min_element(open_.begin(), open_.end(), kEndsSooner));
}

bool Listings::went_on(Position at, bool is_last, TimePoint now) {
  const auto found = open_.find(at);
  if (found == open_.end()) return false;
  Open& open = found->second;
  if (is_last && open.listings > 0) --open.listings;
  open.until = now + (open.listings == 0 ? limits_.repeat_max : limits_.idle_max);
  return true;
}

bool Listings::is_one(Position at) const {
  const auto found = open_.find(at);
  return found != open_.end() && found->second.listings == 1;
}

void Listings::tick(TimePoint now) {
  for (auto open = open_.begin(); open != open_.end();) {
    open = open->second.until <= now ? end(open) : std::next(open);
  }
}

TimePoint Listings::next_tick() const {
  const auto first = std::min_element(open_.begin(), open_.end(), kEndsSooner);
  return first == open_.end() ? kNever : first->second.until;
}

Listings::OpenAt::iterator Listings::end(OpenAt::iterator open) {
  store_.unpin(open->first);
  return open_.erase(open);
}

}  // namespace rkv::replica
