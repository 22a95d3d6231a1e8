#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rkv::cli {

// What the tab key does to a line of the shell.
struct Completion {
  std::string inserted;                 // at the cursor; may be empty
  std::vector<std::string> candidates;  // the names that fit, where there are several
};

// Completes the verb that the line up to the cursor consists of, or the one behind "help", in upper
// or lower case as it was begun; behind a verb, an option of it that has been begun with "--", and
// what --output and --consistency may be. Anything else has no completion.
Completion complete(std::string_view line);

}  // namespace rkv::cli
