#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "state.h"

namespace rkv::history {

// A set of small numbers that fills up from below: whole words of ones at its start and of zeros
// at its end take no time.
class WindowBits {
 public:
  explicit WindowBits(std::size_t size) : words_(size / 64 + 1) {}

  bool test(std::size_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  void set(std::size_t i);
  void clear(std::size_t i);

  // The words from begin() up to, not with, end() tell the set: those below are all ones, those
  // from end() on zeros. begin() is never above end().
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return end_; }
  std::uint64_t word(std::size_t i) const { return words_[i]; }

 private:
  std::vector<std::uint64_t> words_;  // the last one is never all ones
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// Which operations a search has in its order.
struct Configuration {
  WindowBits answered{0};
  WindowBits unanswered{0};
};

// The configurations and states that a search has been in: it need not be there twice, and not with
// more unanswered operations used up than before either.
class ConfigurationSet {
 public:
  // Whether this is new, in which case it is added.
  bool add(const Configuration& configuration, const State& state);
  void clear();

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint32_t next = 0;   // in its bucket; 0: the last
    std::uint32_t words = 0;  // of both sets together, in words_ from `first` on
    std::uint64_t first = 0;
    std::uint32_t answered_begin = 0;
    std::uint32_t answered_end = 0;
    std::uint32_t unanswered_begin = 0;
    State state;
  };

  bool covers(const Entry& entry, const Configuration& configuration) const;
  void insert(std::uint64_t hash, const Configuration& configuration, const State& state);
  void grow();

  std::vector<std::uint32_t> buckets_;  // the first entry of each, from 1; 0: none
  std::vector<Entry> entries_;
  std::vector<std::uint64_t> words_;
};

}  // namespace rkv::history
