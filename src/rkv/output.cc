#include "rkv/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace rkv::cli {
namespace {

int first_output_error = 0;  // an errno

}  // namespace

void write_output(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() &&
      first_output_error == 0) {
    first_output_error = errno;
  }
}

ExitStatus close_output(ExitStatus status) {
  if (std::fflush(stdout) != 0 && first_output_error == 0) first_output_error = errno;
  if (first_output_error == 0) return status;
  write_error(fmt::format("standard output: {}", std::strerror(first_output_error)));
  return status == kExitOk ? kExitError : status;
}

bool output_is_terminal() { return isatty(STDOUT_FILENO) == 1; }

void write_error(std::string_view line) {
  // In one piece, so that lines of several processes on one terminal do not mix.
  const std::string text = fmt::format("rkv: {}\n", line);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

ExitStatus report(std::string_view what, const Status& status) {
  write_error(fmt::format("{}: {}", what, status.to_string()));
  return exit_status_of(status.code());
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

}  // namespace rkv::cli
