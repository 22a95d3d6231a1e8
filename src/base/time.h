#pragma once

#include <compare>
#include <cstdint>

namespace rkv {

// A span of time in nanoseconds.
struct Duration {
  std::int64_t ns = 0;
  auto operator<=>(const Duration&) const = default;
  constexpr std::int64_t ms() const { return ns / 1'000'000; }
};

constexpr Duration microseconds(std::int64_t n) { return {n * 1'000}; }
constexpr Duration milliseconds(std::int64_t n) { return {n * 1'000'000}; }
constexpr Duration seconds(std::int64_t n) { return {n * 1'000'000'000}; }

constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
constexpr Duration operator*(Duration a, std::int64_t factor) { return {a.ns * factor}; }
constexpr Duration operator/(Duration a, std::int64_t divisor) { return {a.ns / divisor}; }

// A moment on one machine's clock that never goes back. Only moments of one clock compare.
struct TimePoint {
  std::int64_t ns = 0;
  auto operator<=>(const TimePoint&) const = default;
};

// Later than any moment: "no deadline".
constexpr TimePoint kNever{INT64_MAX};
// Earlier than any moment, and far enough from the end of the numbers to calculate with.
constexpr TimePoint kLongAgo{INT64_MIN / 2};

constexpr TimePoint operator+(TimePoint t, Duration d) { return {t.ns + d.ns}; }
constexpr Duration operator-(TimePoint a, TimePoint b) { return {a.ns - b.ns}; }

}  // namespace rkv
