#pragma once

#include <string_view>

#include "rkv/exit_status.h"
#include "rkv/line_source.h"
#include "rkv/options.h"
#include "rkv/session.h"

namespace rkv::cli {

// txn [FILE|-]: a transaction from a file, from standard input, typed at a terminal, or from the
// next lines of a shell. kExitOk when every condition held, kExitNotFound when one did not.
ExitStatus run_txn(const Options& options, Session& session);

// Whether a line of the shell that asks for this begins a transaction of the lines behind it.
// Where that line is refused, they are no commands either: its error ends with kLinesAreDropped,
// and drop_transaction() reads them up to the line `end`. A lack of that is on standard error.
bool has_lines_of_its_own(const Options& options);
constexpr std::string_view kLinesAreDropped = "; the lines up to 'end' are dropped";
void drop_transaction(LineSource& lines);

}  // namespace rkv::cli
