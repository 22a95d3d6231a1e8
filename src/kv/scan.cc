#include "kv/scan.h"

#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "kv/history.h"

namespace rkv::kv {
namespace {

// A part of a map: from an iterator to another one.
template <typename Iterator>
struct Part {
  Iterator next;
  Iterator end;
  bool empty() const { return next == end; }
};

// The keys of a range in the order of the iterators, which go forward or in reverse, as they were
// at a position: what is there now and what was saved, in step.
template <typename Entries, typename Versions>
class Walk {
 public:
  Walk(Part<Entries> entries, Part<Versions> versions, Position at, bool reverse)
      : entries_(entries), versions_(versions), at_(at), reverse_(reverse) {}

  // A key, and its entry; null if it was not there.
  struct Place {
    const std::string* key = nullptr;
    const Entry* entry = nullptr;
  };
  // Nothing at the end.
  std::optional<Place> next() {
    if (entries_.empty() && versions_.empty()) return std::nullopt;
    const int order = compare();
    Place place;
    if (order <= 0) {
      place = {&entries_.next->first, &entries_.next->second};
      ++entries_.next;
    }
    if (order >= 0) {
      place.key = &versions_.next->first.key;
      const std::optional<Entry>* saved = next_saved();
      if (saved != nullptr) place.entry = *saved ? &**saved : nullptr;
    }
    return place;
  }

 private:
  // Which of the two is next: below 0 the entry, above 0 the version, 0 they are of one key.
  int compare() const {
    if (versions_.empty()) return -1;
    if (entries_.empty()) return 1;
    const int order = entries_.next->first.compare(versions_.next->first.key);
    return reverse_ ? -order : order;
  }

  // Passes all versions of the next key, and finds the earliest one that is changed above the
  // position; null if there is none.
  const std::optional<Entry>* next_saved() {
    const std::string& key = versions_.next->first.key;
    const std::optional<Entry>* earliest = nullptr;
    for (; !versions_.empty() && versions_.next->first.key == key; ++versions_.next) {
      const bool is_above = versions_.next->first.changed_at > at_;
      if (is_above && (reverse_ || earliest == nullptr)) earliest = &versions_.next->second;
    }
    return earliest;
  }

  Part<Entries> entries_;
  Part<Versions> versions_;
  const Position at_;
  const bool reverse_;
};

// Takes up keys until one does not fit any more.
class Page {
 public:
  Page(const Scan& scan, Position position) : scan_(scan) { page_.position = position; }

  // Whether it did fit, and there may be room for more.
  bool add(const std::string& key, const Entry& entry) {
    const std::size_t size = size_of(key, entry);
    if (page_.count > 0 && (page_.count >= scan_.entries_max || size > scan_.size_max - size_)) {
      page_.more = true;
      return false;
    }
    size_ = size > scan_.size_max ? scan_.size_max : size_ + size;
    ++page_.count;
    last_ = &key;
    if (scan_.what == Scan::What::kCount) return true;
    page_.entries.push_back({key, scan_.what == Scan::What::kKeys ? std::string() : entry.value,
                             entry.version, entry.created, entry.position});
    return true;
  }

  // Whether another key may be looked at behind one that was not there.
  bool skip(const std::string& key) {
    if (++skipped_ < kScanSkipsMax) return true;
    last_ = &key;
    page_.more = true;
    return false;
  }

  ScanPage finish() {
    if (last_ != nullptr) page_.last = *last_;
    return std::move(page_);
  }

 private:
  std::size_t size_of(const std::string& key, const Entry& entry) const {
    switch (scan_.what) {
      case Scan::What::kEntries:
        return key.size() + entry.value.size();
      case Scan::What::kKeys:
        return key.size();
      case Scan::What::kCount:
        break;
    }
    return 0;
  }

  const Scan& scan_;
  ScanPage page_;
  std::size_t size_ = 0;  // at most size_max
  std::size_t skipped_ = 0;
  const std::string* last_ = nullptr;
};

template <typename Entries, typename Versions>
ScanPage read_page(const Scan& scan, Position position, Walk<Entries, Versions> walk) {
  Page page(scan, position);
  while (const auto place = walk.next()) {
    const bool goes_on =
        place->entry == nullptr ? page.skip(*place->key) : page.add(*place->key, *place->entry);
    if (!goes_on) break;
  }
  return page.finish();
}

template <typename Iterator>
Part<std::reverse_iterator<Iterator>> reversed(const Part<Iterator>& part) {
  return {std::reverse_iterator(part.end), std::reverse_iterator(part.next)};
}

Part<EntryMap::const_iterator> entries_of(const EntryMap& entries, const Scan& scan) {
  return {entries.lower_bound(scan.first),
          scan.end.empty() ? entries.end() : entries.lower_bound(scan.end)};
}

// Nothing, of the state as it is now.
Part<History::Versions::const_iterator> versions_of(const History& history, const Scan& scan) {
  const History::Versions& versions = history.versions();
  if (scan.at == 0) return {versions.end(), versions.end()};
  return {
      versions.lower_bound(History::VersionView{scan.first, 0}),
      scan.end.empty() ? versions.end() : versions.lower_bound(History::VersionView{scan.end, 0})};
}

}  // namespace

Scan rest_of(const Scan& scan, const ScanPage& page) {
  Scan rest = scan;
  if (scan.reverse) {
    rest.end = page.last;
  } else {
    rest.first = page.last + '\0';
  }
  return rest;
}

ScanPage scan_entries(const EntryMap& entries, const History& history, const Scan& scan,
                      Position now) {
  RKV_CHECK(scan.entries_max > 0, "a page has room for one entry at least");
  ScanPage page;
  page.position = scan.at == 0 ? now : scan.at;
  page.gone = scan.at != 0 && !history.keeps(scan.at, scan.first, scan.end);
  const bool is_empty = !scan.end.empty() && scan.end <= scan.first;
  if (page.gone || is_empty) return page;
  const auto there = entries_of(entries, scan);
  const auto saved = versions_of(history, scan);
  if (scan.reverse) {
    return read_page(scan, page.position, Walk(reversed(there), reversed(saved), scan.at, true));
  }
  return read_page(scan, page.position, Walk(there, saved, scan.at, false));
}

}  // namespace rkv::kv
