#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "operation.h"

namespace rkv::history {

// A history as text: one line for each operation, in any order, of words that are parted by blanks.
//
//   PROCESS INVOKED RETURNED put KEY VALUE RESULT
//   PROCESS INVOKED RETURNED get KEY RESULT
//   PROCESS INVOKED RETURNED del KEY RESULT
//
//   PROCESS   a number, for people
//   INVOKED   when the request left: a number, on one clock for all lines
//   RETURNED  when the answer came, at or after INVOKED; `-` if none came
//   RESULT    ok VERSION          put: the key's new version; del: the version removed
//             ok VERSION VALUE    get: what was read; each VERSION is a number, or `-` if not told
//             none                get, del: there was no such key
//             refused             surely nothing happened
//             unknown             it may have happened; RETURNED is not looked at
//
// KEY and VALUE are their bytes, where a byte that is no printable ASCII, a blank or a `%` is
// written %XX (hexadecimal), and no byte at all is written `%`. Words NAME=TEXT may follow
// (replica, slot, ...) and are not looked at. Empty lines and lines that begin with `#` are
// skipped.

// The line of an operation, without its end.
std::string to_line(const Operation& operation);

// The operations of a text; fails at the first line that is none, and names `name` and its number.
Result<History> parse_history(std::string_view text, std::string_view name);

}  // namespace rkv::history
