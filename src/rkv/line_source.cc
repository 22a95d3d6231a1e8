#include "rkv/line_source.h"

#include <utility>

#include "rkv/words.h"

namespace rkv::cli {

FileLines::FileLines(std::unique_ptr<InputFile> file)
    : file_(std::move(file)), lines_(*file_, kLineSizeMax) {}

Result<std::optional<std::string>> FileLines::next(const std::string&) { return lines_.next(); }

Result<std::optional<std::string>> TypedLines::next(const std::string& prompt) {
  editor_.set_prompt(prompt);
  return editor_.next();
}

}  // namespace rkv::cli
