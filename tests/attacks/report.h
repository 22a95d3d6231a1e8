#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attack.h"
#include "scene.h"
#include "target.h"

namespace rkv::attacks {

// What one attack came to, at each target; nothing where it was not run.
struct Line {
  const Attack* attack = nullptr;
  std::vector<std::pair<Kind, Outcome>> outcomes;
};

// One line for the person who waits: verdict, figures, and what is wrong.
void print_outcome(const Attack& attack, Kind kind, const Outcome& outcome);

// The table of docs/attacks.txt: every attack in one line, ours and stock libtirpc side by side,
// with what the columns mean. Throws std::runtime_error when the file cannot be written.
void write_table(const std::string& path, const std::vector<Line>& lines);

}  // namespace rkv::attacks
