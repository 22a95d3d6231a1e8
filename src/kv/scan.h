#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "kv/entry.h"

namespace rkv::kv {

class History;

// Entries in the bytewise order of their keys.
using EntryMap = std::map<std::string, Entry, std::less<>>;

// How many keys that were not there at a pinned position, but are now or were in between, a page
// passes over before it ends early.
constexpr std::size_t kScanSkipsMax = 10'000;

// A page of a range of keys, to be read.
struct Scan {
  enum class What : std::uint32_t { kEntries = 0, kKeys = 1, kCount = 2 };

  std::string first;     // empty: from the first key on
  std::string end;       // not itself; empty: to the last key
  bool reverse = false;  // from the end to the first
  What what = What::kEntries;
  std::size_t entries_max = kEntriesMax;  // at least 1; also of what is only counted
  // Bytes of keys and values; the first entry is taken even if it is larger. Not of kCount.
  std::size_t size_max = kPageSizeMax;
  Position at = 0;  // the state that is read, which a pin() must have kept; 0: as it is now
  // Which of the listings of that state the page is of (replica::Listings); a store does not look
  // at it.
  std::uint32_t listing = 0;
};

struct ScannedEntry {
  std::string key;
  std::string value;  // empty with kKeys
  std::uint64_t version = 0;
  Position created = 0;
  Position modified = 0;
  bool operator==(const ScannedEntry&) const = default;
};

struct ScanPage {
  std::vector<ScannedEntry> entries;  // in the order that was asked for; none with kCount
  std::uint64_t count = 0;            // of the keys that the page covers
  std::string last;  // where the page ends: a key; meaningless if nothing is behind
  // There are keys of the range behind it; or, after kScanSkipsMax, there may be. Such a page can
  // be empty. With Scan::at 0 there always are.
  bool more = false;
  bool gone = false;          // the state to be read is not kept: there is nothing else
  Position position = 0;      // of the state that was read
  std::uint32_t listing = 0;  // Scan::listing of the page behind it; not from a store
};

// What is left of a range behind a page of it that has more.
Scan rest_of(const Scan& scan, const ScanPage& page);

// Reads a page from entries as they are, at position `now`, and from what `history` has saved of
// them.
ScanPage scan_entries(const EntryMap& entries, const History& history, const Scan& scan,
                      Position now);

}  // namespace rkv::kv
