#include "configuration_set.h"

#include <algorithm>

namespace rkv::history {
namespace {

constexpr std::size_t kBucketsAtFirst = 64;  // a power of two, as every number of them

// Mixes another word into a hash (a multiplication and a fold, with an odd constant).
std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
  return hash ^ (hash >> 32);
}

std::uint64_t hash_of(const WindowBits& bits, const State& state) {
  std::uint64_t hash = mix(mix(bits.begin(), state.number), state.version);
  for (std::size_t i = bits.begin(); i < bits.end(); ++i) hash = mix(hash, bits.word(i));
  return hash;
}

}  // namespace

void WindowBits::set(std::size_t i) {
  words_[i / 64] |= std::uint64_t{1} << (i % 64);
  end_ = std::max(end_, i / 64 + 1);
  while (words_[begin_] == UINT64_MAX) ++begin_;
}

void WindowBits::clear(std::size_t i) {
  words_[i / 64] &= ~(std::uint64_t{1} << (i % 64));
  begin_ = std::min(begin_, i / 64);
  while (end_ > 0 && words_[end_ - 1] == 0) --end_;
}

bool ConfigurationSet::add(const Configuration& configuration, const State& state) {
  const std::uint64_t hash = hash_of(configuration.answered, state);
  if (!buckets_.empty()) {
    std::uint32_t at = buckets_[hash & (buckets_.size() - 1)];
    for (; at != 0; at = entries_[at - 1].next) {
      const Entry& entry = entries_[at - 1];
      if (entry.hash == hash && entry.state == state && covers(entry, configuration)) return false;
    }
  }
  insert(hash, configuration, state);
  return true;
}

// Whether the same answered operations are in the entry, and no other unanswered ones.
bool ConfigurationSet::covers(const Entry& entry, const Configuration& configuration) const {
  const WindowBits& answered = configuration.answered;
  if (entry.answered_begin != answered.begin() || entry.answered_end != answered.end()) {
    return false;
  }
  std::uint64_t at = entry.first;
  for (std::size_t i = answered.begin(); i < answered.end(); ++i) {
    if (words_[at++] != answered.word(i)) return false;
  }
  const WindowBits& unanswered = configuration.unanswered;
  if (entry.unanswered_begin > unanswered.begin()) return false;
  const std::uint64_t entry_end = entry.first + entry.words;
  for (std::size_t i = entry.unanswered_begin; at < entry_end; ++i, ++at) {
    const std::uint64_t used = i < unanswered.end() ? unanswered.word(i) : 0;
    if ((words_[at] & ~used) != 0) return false;
  }
  return true;
}

void ConfigurationSet::insert(std::uint64_t hash, const Configuration& configuration,
                              const State& state) {
  if (entries_.size() >= buckets_.size()) grow();
  const WindowBits& answered = configuration.answered;
  const WindowBits& unanswered = configuration.unanswered;
  Entry entry;
  entry.hash = hash;
  entry.first = words_.size();
  entry.answered_begin = static_cast<std::uint32_t>(answered.begin());
  entry.answered_end = static_cast<std::uint32_t>(answered.end());
  entry.unanswered_begin = static_cast<std::uint32_t>(unanswered.begin());
  entry.state = state;
  for (std::size_t i = answered.begin(); i < answered.end(); ++i) {
    words_.push_back(answered.word(i));
  }
  for (std::size_t i = unanswered.begin(); i < unanswered.end(); ++i) {
    words_.push_back(unanswered.word(i));
  }
  entry.words = static_cast<std::uint32_t>(words_.size() - entry.first);
  std::uint32_t& bucket = buckets_[hash & (buckets_.size() - 1)];
  entry.next = bucket;
  entries_.push_back(entry);
  bucket = static_cast<std::uint32_t>(entries_.size());
}

void ConfigurationSet::grow() {
  buckets_.assign(std::max(kBucketsAtFirst, buckets_.size() * 2), 0);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::uint32_t& bucket = buckets_[entries_[i].hash & (buckets_.size() - 1)];
    entries_[i].next = bucket;
    bucket = static_cast<std::uint32_t>(i + 1);
  }
}

void ConfigurationSet::clear() {
  buckets_.clear();
  entries_.clear();
  words_.clear();
}

}  // namespace rkv::history
