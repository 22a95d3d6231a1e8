#pragma once

#include <string_view>

#include "base/status.h"
#include "rkv/options.h"

namespace rkv::cli {

// What a line of the shell asks for, on top of what the shell was started with. A line may have the
// options of its command and those that option_table() allows in a shell. `command` is as it was
// typed, and empty for an empty line or a comment. kInvalid with a line for the user when it makes
// no sense; whether the command exists, has these options, and its arguments are right is not
// looked at.
Result<Options> parse_shell_line(std::string_view line, const Options& shell_options);

// Whether a line that parse_shell_line() refuses was to begin a transaction of the lines behind it:
// a `txn` without a FILE. In doubt it was, as with a word that may be a FILE or the value of an
// option that there is not: lines that are taken for commands would run without its conditions.
bool begins_transaction(std::string_view line);

}  // namespace rkv::cli
