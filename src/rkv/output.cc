#include "rkv/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "base/bytes.h"

namespace rkv::cli {
namespace {

int first_output_error = 0;  // an errno

using Cells = std::vector<std::string>;

// Of UTF-8, how many characters; wide and combining ones count as one.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// The columns of a table that is drawn: how wide each is, and which have numbers only.
struct Columns {
  std::vector<std::size_t> widths;
  std::vector<bool> are_numbers;

  // With the blanks and lines between them.
  std::size_t width_from(std::size_t first) const {
    std::size_t width = 3 * (widths.size() - first - 1);
    for (std::size_t i = first; i < widths.size(); ++i) width += widths[i];
    return width;
  }
};

bool is_number(const std::string& cell) {
  return cell == "-" || (!cell.empty() && cell.find_first_not_of("0123456789") == cell.npos);
}

Columns measure(const std::vector<Cells>& rows) {
  Columns columns;
  const std::size_t count = rows.front().size();
  columns.widths.resize(count, 0);
  columns.are_numbers.resize(count, rows.size() > 1);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    // What a spanning cell needs is known when all the widths are.
    const std::size_t own = rows[r].size() == count ? count : rows[r].size() - 1;
    for (std::size_t i = 0; i < own; ++i) {
      columns.widths[i] = std::max(columns.widths[i], width_of(rows[r][i]));
      if (r > 0 && !is_number(rows[r][i])) columns.are_numbers[i] = false;
    }
  }
  for (const Cells& row : rows) {
    const std::size_t needed = width_of(row.back());
    const std::size_t there = columns.width_from(row.size() - 1);
    if (needed > there) columns.widths.back() += needed - there;
  }
  return columns;
}

std::string draw_row(const Cells& row, const Columns& columns, bool is_head) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool spans = i + 1 == row.size();
    const std::size_t width = spans ? columns.width_from(i) : columns.widths[i];
    const std::string padding(width - width_of(row[i]), ' ');
    const bool is_own = !spans || row.size() == columns.widths.size();
    const bool to_right = !is_head && is_own && columns.are_numbers[i];
    line += to_right ? fmt::format("| {}{} ", padding, row[i])
                     : fmt::format("| {}{} ", row[i], padding);
  }
  return line + "|\n";
}

}  // namespace

void write_output(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() &&
      first_output_error == 0) {
    first_output_error = errno;
  }
}

bool flush_output() {
  if (std::fflush(stdout) != 0 && first_output_error == 0) first_output_error = errno;
  return first_output_error == 0;
}

ExitStatus close_output(ExitStatus status) {
  if (flush_output()) return status;
  write_error(fmt::format("standard output: {}", std::strerror(first_output_error)));
  return status == kExitOk ? kExitError : status;
}

bool output_is_terminal() { return isatty(STDOUT_FILENO) == 1; }
bool error_is_terminal() { return isatty(STDERR_FILENO) == 1; }

void write_error(std::string_view line) {
  // In one piece, so that lines of several processes on one terminal do not mix.
  const std::string text = fmt::format("rkv: {}\n", line);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

ExitStatus report(std::string_view what, const Status& status) {
  write_error(fmt::format("{}: {}", what, status.to_string()));
  return exit_status_of(status.code());
}

ExitStatus report_write(std::string_view what, const Status& status) {
  constexpr std::string_view kNothing = "; nothing happened";
  constexpr std::string_view kUnknown = "; outcome unknown";
  const std::string& reason = status.reason();
  // That there was nothing to remove, at which replicas something is missing, or a code that says
  // it in its name, says it all.
  const bool says_it =
      status.code() == StatusCode::kNotFound || status.code() == StatusCode::kPartlyApplied ||
      status.code() == StatusCode::kUnknown || status.code() == StatusCode::kExpired ||
      reason.ends_with(kNothing) || reason.ends_with(kUnknown);
  if (says_it) return report(what, status);
  const bool is_nothing = certainty_of(status.code()) == Certainty::kNothingHappened;
  return report(
      what, Status(status.code(), fmt::format("{}{}", reason, is_nothing ? kNothing : kUnknown)));
}

ExitStatus report_not_tried(std::string_view what, const Status& status) {
  return report(what, Status(status.code(), status.reason() + "; nothing happened"));
}

std::string on_one_line(std::string_view bytes) {
  if (!is_text(bytes)) return printable(bytes, SIZE_MAX);
  std::string line;
  line.reserve(bytes.size());
  for (const char c : bytes) {
    if (c == '\\') {
      line += "\\\\";
    } else if (c == '\n') {
      line += "\\x0a";
    } else if (c == '\t') {
      line += "\\x09";
    } else {
      line += c;
    }
  }
  return line;
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    if (widths.size() < row.size()) widths.resize(row.size(), 0);
  }
  for (const std::vector<std::string>& row : rows) {
    const std::size_t aligned = row.size() == widths.size() ? row.size() : row.size() - 1;
    for (std::size_t i = 0; i < aligned; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      text += last ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    text += '\n';
  }
  return text;
}

std::string draw_table(const std::vector<std::vector<std::string>>& rows) {
  const Columns columns = measure(rows);
  std::string border;
  for (const std::size_t width : columns.widths) border += "+" + std::string(width + 2, '-');
  border += "+\n";
  std::string text = border;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    text += draw_row(rows[r], columns, r == 0);
    if (r == 0) text += border;
  }
  return text + border;
}

std::string render_table(const std::vector<std::vector<std::string>>& rows, OutputFormat format) {
  return format == OutputFormat::kTable ? draw_table(rows) : format_table(rows);
}

}  // namespace rkv::cli
