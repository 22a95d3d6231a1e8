#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "rkv/exit_status.h"
#include "rkv/options.h"

namespace rkv::cli {

// Writes to standard output. Whether that worked, close_output() says at the end.
void write_output(std::string_view bytes);
// Flushes standard output and returns `status`; kExitError, with a line on standard error, if not
// everything could be written and `status` is kExitOk.
ExitStatus close_output(ExitStatus status);
// Flushes standard output. False if not everything could be written so far.
bool flush_output();
// Whether a person reads standard output, or standard error.
bool output_is_terminal();
bool error_is_terminal();

// Writes "rkv: " and the line to standard error.
void write_error(std::string_view line);

// Writes what failed to standard error, "rkv: <what>: <code>: <reason>", and returns its exit
// status.
ExitStatus report(std::string_view what, const Status& status);

// The same for what may have changed something: the line says whether nothing happened or the
// outcome is unknown, as certainty_of() does, where the reason does not say it already.
ExitStatus report_write(std::string_view what, const Status& status);

// The same for what failed before anything was asked of a server: the line says that nothing
// happened.
ExitStatus report_not_tried(std::string_view what, const Status& status);

// The bytes on one line, all of them: text as it is but for tabs, newlines and backslashes, what is
// not text with \xNN. Between double quotes the shell takes it back, a quote in it escaped.
std::string on_one_line(std::string_view bytes);

// Rows of cells as lines, the columns apart by two blanks and as wide as their widest cell. The
// last cell of a row takes the room it needs and does not widen its column unless the row is
// complete.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

// The same rows in a drawn table, the first of them as its head. Columns of numbers are aligned to
// the right. The last cell of a row that is not complete spans the columns that it lacks.
std::string draw_table(const std::vector<std::vector<std::string>>& rows);

// The one or the other of them: drawn if the format is kTable.
std::string render_table(const std::vector<std::vector<std::string>>& rows, OutputFormat format);

}  // namespace rkv::cli
