#include "storage/table.h"

#include <xxhash.h>

#include <utility>

#include "base/check.h"

namespace rkv::storage {

std::size_t Table::Hash::operator()(std::string_view key) const {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed);
}

const kv::Entry* Table::find(std::string_view key) const {
  const auto place = places_.find(key);
  return place == places_.end() ? nullptr : &place->second->second;
}

void Table::change(std::vector<kv::Change> changes) {
  for (kv::Change& change : changes) {
    const auto place = places_.find(change.key);
    const bool is_there = place != places_.end();
    if (change.entry && is_there) {
      place->second->second = std::move(*change.entry);
    } else if (change.entry) {
      const auto added = entries_.emplace(std::move(change.key), std::move(*change.entry)).first;
      places_.emplace(added->first, added);
    } else if (is_there) {
      const auto removed = place->second;
      places_.erase(place);
      entries_.erase(removed);
    }
  }
}

void Table::append(std::string_view key, kv::Entry entry) {
  RKV_CHECK(entries_.empty() || entries_.rbegin()->first < key, "it comes behind all others");
  const auto added = entries_.emplace_hint(entries_.end(), key, std::move(entry));
  places_.emplace(added->first, added);
}

}  // namespace rkv::storage
