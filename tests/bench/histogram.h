#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace rkv::bench {

// Counts of numbers in buckets that are 1/128 of their power of two wide: a quantile is exact to
// 0.8 %.
class Histogram {
 public:
  void add(std::uint64_t number, std::uint64_t times = 1) {
    counts_[bucket_of(number)] += times;
    total_ += times;
  }

  // The lower bound of the bucket in which the quantile is.
  std::uint64_t quantile(double fraction) const {
    const auto wanted = static_cast<std::uint64_t>(fraction * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return lower_bound_of(i);
    }
    return 0;
  }

  std::uint64_t total() const { return total_; }

 private:
  static constexpr unsigned kBits = 7;
  static constexpr std::size_t kWidth = 1 << kBits;

  static std::size_t bucket_of(std::uint64_t number) {
    if (number < kWidth) return number;
    const auto power = static_cast<unsigned>(std::bit_width(number)) - 1;
    return (power - kBits + 1) * kWidth + (number >> (power - kBits)) - kWidth;
  }
  static std::uint64_t lower_bound_of(std::size_t bucket) {
    if (bucket < kWidth) return bucket;
    return (bucket % kWidth + kWidth) << (bucket / kWidth - 1);
  }

  std::array<std::uint64_t, 64 * kWidth> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace rkv::bench
