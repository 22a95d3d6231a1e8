#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace rkv::cli {

// How far a long command is.
struct ProgressState {
  std::uint64_t done = 0;   // of `total`
  std::uint64_t total = 0;  // 0: not known
  std::uint64_t keys = 0;
  Duration elapsed;
};

// That on one line of less than `columns` characters: a bar where there is room for one, percent
// (both only if the total is known), keys and keys per second.
std::string progress_line(const ProgressState& state, std::size_t columns);

// A progress line on standard error, if that is a terminal that can erase a line; else nothing.
class Progress {
 public:
  Progress();
  // Erases the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Draws the line anew, at most ten times a second.
  void show(std::uint64_t done, std::uint64_t total, std::uint64_t keys);
  // Makes room for other output; the next show() draws the line again.
  void erase();

 private:
  const bool is_wanted_;
  bool is_drawn_ = false;
  const TimePoint started_;
  TimePoint drawn_at_;
};

}  // namespace rkv::cli
