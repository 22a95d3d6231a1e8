#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "rkv/files.h"
#include "rkv/line_editor.h"

namespace rkv::cli {

// Where the lines of a shell, or of a command of several lines, come from.
class LineSource {
 public:
  virtual ~LineSource() = default;
  // The next line without its newline; nothing at the end. The prompt is for a person to see.
  // kOverLimit for a line that is too long, which is skipped.
  virtual Result<std::optional<std::string>> next(const std::string& prompt) = 0;
  // Whether a person types them, and can correct a wrong one.
  virtual bool is_interactive() const = 0;
};

// Those of a file, of kLineSizeMax bytes at most.
class FileLines : public LineSource {
 public:
  explicit FileLines(std::unique_ptr<InputFile> file);
  Result<std::optional<std::string>> next(const std::string& prompt) override;
  bool is_interactive() const override { return false; }

 private:
  const std::unique_ptr<InputFile> file_;
  LineReader lines_;
};

// Those that are typed at a terminal.
class TypedLines : public LineSource {
 public:
  // `editor` must outlive it.
  explicit TypedLines(LineEditor& editor) : editor_(editor) {}
  Result<std::optional<std::string>> next(const std::string& prompt) override;
  bool is_interactive() const override { return true; }

 private:
  LineEditor& editor_;
};

}  // namespace rkv::cli
