#include "replica/listings.h"

#include <algorithm>
#include <iterator>

namespace rkv::replica {
namespace {

// Of the positions of a map, the one that ends first.
constexpr auto kEndsSooner = [](const auto& a, const auto& b) {
  return a.second.until < b.second.until;
};

constexpr std::uint64_t bit_of(Listings::Number number) { return std::uint64_t{1} << number; }

}  // namespace

// One pin for each position, however many listings begin there.
Listings::Number Listings::began(Position at, TimePoint now) {
  const auto [open, is_new] = open_.try_emplace(at);
  if (!is_new) store_.unpin(at);
  const Number number = open->second.begun < kNumberedMax ? ++open->second.begun : 0;
  open->second.going_on |= bit_of(number);
  open->second.until = now + limits_.idle_max;
  if (open_.size() > limits_.positions_max) {
    end(std::min_element(open_.begin(), open_.end(), kEndsSooner));
  }
  return number;
}

bool Listings::went_on(Position at, TimePoint now) {
  const auto found = open_.find(at);
  if (found == open_.end()) return false;
  found->second.until = now + limits_.idle_max;
  return true;
}

// The number comes from whoever asks, and may be any.
void Listings::ended(Position at, Number number, TimePoint now) {
  const auto found = open_.find(at);
  if (found == open_.end() || number == 0 || number > found->second.begun) return;
  Open& open = found->second;
  open.going_on &= ~bit_of(number);
  if (open.going_on == 0) open.until = now + limits_.repeat_max;
}

bool Listings::is_alone(Position at, Number number) const {
  const auto found = open_.find(at);
  return found != open_.end() && number != 0 && number <= found->second.begun &&
         found->second.going_on == bit_of(number);
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
