#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace rkv::cli {

// Tells a file from others, and from what it was before it was changed.
struct FileStamp {
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::uint64_t modified_ns = 0;
};

// An open descriptor that is read from.
class InputFile {
 public:
  // A file to read; kInternal with its name and the system's reason if that fails, or for a
  // directory.
  static Result<std::unique_ptr<InputFile>> open(const std::string& path);
  static std::unique_ptr<InputFile> standard_input();
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // Reads up to `size` bytes; 0 only at the end. Waits for them.
  Result<std::size_t> read(char* buffer, std::size_t size);
  // Whether read() would return at once.
  bool ready() const;
  // How many bytes are left to read of a regular file; 0 where nobody knows.
  std::uint64_t size() const;
  // As it is now; of the open file, whatever its name stands for meanwhile.
  Result<FileStamp> stamp() const;
  // Back to the first byte. Of a regular file.
  Status rewind();
  const std::string& name() const { return name_; }

 private:
  InputFile(int descriptor, std::string name, bool owned);

  const int descriptor_;
  const std::string name_;  // as error lines have it
  const bool owned_;
};

// Cuts what it reads into lines, in bounded memory.
class LineReader {
 public:
  // `file` outlives the reader. No line may have more than `line_max` bytes.
  LineReader(InputFile& file, std::size_t line_max) : file_(file), line_max_(line_max) {}

  // The next line without its newline, as soon as it is there; nothing at the end. kOverLimit for a
  // line that is too long, which is skipped: the one behind it comes next.
  Result<std::optional<std::string>> next();

 private:
  InputFile& file_;
  const std::size_t line_max_;
  std::string buffer_;        // read and not yet given out
  std::size_t searched_ = 0;  // of the buffer: there is no newline
  bool ended_ = false;
};

// Everything up to the end. More than `size_max` bytes are kOverLimit.
Result<std::string> read_all(InputFile& file, std::size_t size_max);
Result<std::string> read_file(const std::string& path, std::size_t size_max);

// Writes a file anew: it is the old one or the new one, whatever happens meanwhile to this program.
Status replace_file(const std::string& path, std::string_view content);

}  // namespace rkv::cli
