#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kv/scan.h"
#include "kv/store.h"

namespace rkv::storage {

// Keys and their entries, in memory: in the order of the keys for who reads all or many of them,
// and by a hash for who wants one, which is nearly everybody. For one thread.
class Table {
 public:
  // `seed` is of the hash. Where keys are chosen by others, it is not for them to know: they could
  // choose keys that all have one hash.
  explicit Table(std::uint64_t seed = 0) : places_(kBucketsMin, Hash{seed}) {}
  // What was moved from may be destroyed, and nothing else.
  Table(Table&&) = default;
  Table& operator=(Table&&) = delete;

  // Null if there is no such key; valid until the next change.
  const kv::Entry* find(std::string_view key) const;
  // Carries changes out, one after another.
  void change(std::vector<kv::Change> changes);
  // Adds an entry whose key comes behind all others.
  void append(std::string_view key, kv::Entry entry);

  std::size_t size() const { return entries_.size(); }
  // In the bytewise order of the keys.
  const kv::EntryMap& entries() const { return entries_; }

 private:
  struct Hash {
    std::uint64_t seed;
    std::size_t operator()(std::string_view key) const;
  };
  static constexpr std::size_t kBucketsMin = 64;

  kv::EntryMap entries_;
  // Where each key is in entries_; its view is of the key there. Looked up only, never iterated.
  std::unordered_map<std::string_view, kv::EntryMap::iterator, Hash> places_;
};

}  // namespace rkv::storage
