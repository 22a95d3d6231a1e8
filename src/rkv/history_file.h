#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace rkv::cli {

// The lines that were typed into shells, oldest first, one for each line of a file. Several shells
// may add to it at the same time. It has no more than 2 * kLinesMax lines, but for those that other
// shells add, and kLinesMax after load().
class HistoryFile {
 public:
  static constexpr std::size_t kLinesMax = 1000;
  static constexpr std::size_t kLineSizeMax = 4096;  // bytes; longer ones are not kept

  // ${XDG_STATE_HOME:-~/.local/state}/rkv/history; empty if neither variable is of use.
  static std::string default_path();

  // Touches nothing yet.
  explicit HistoryFile(std::string path);

  // The latest kLinesMax lines; none if there is no file. Cuts the file down to them.
  Result<std::vector<std::string>> load();

  // Adds a line, which has no newline. The file and its directory are made when they are missing,
  // for the user alone. An empty line, one that begins with a blank and one that is too long are
  // left out.
  Status add(std::string_view line);

  // Whether add() would keep the line.
  static bool keeps(std::string_view line);

 private:
  const std::string path_;
  std::size_t lines_ = 0;  // in the file, as far as is known here
};

}  // namespace rkv::cli
