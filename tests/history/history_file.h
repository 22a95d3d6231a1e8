#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "operation.h"

namespace rkv::history {

// A history as text, one JSON object on each line: docs/history.txt says which.

// The line of an operation, without its end. `replica` is who answered, for people; empty: nobody.
std::string to_line(const Operation& operation, std::string_view replica = {});

// The operations of a text; fails at the first line that is none, and names `name` and its number.
Result<History> parse_history(std::string_view text, std::string_view name);

}  // namespace rkv::history
