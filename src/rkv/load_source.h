#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "rkv/files.h"

namespace rkv::cli {

// Where what is to be loaded goes.
struct LoadSink {
  std::function<void(std::string key, std::string value)> put;
  // Something could not be read. `name` is the line or directory; empty where the reason names the
  // file.
  std::function<void(const std::string& name, const Status& status)> fail;
  // Waits until every put has ended. Called before a source waits for more input.
  std::function<void()> settle;
  // Whether to go on.
  std::function<bool()> wanted;
  // How much of the source has been handed on, in files or in bytes; `total` is 0 where nobody
  // knows.
  std::function<void(std::uint64_t done, std::uint64_t total)> reached = [](std::uint64_t,
                                                                            std::uint64_t) {};
};

// Each regular file under the directory, its path from there as key, in bytewise order of the keys.
// Symbolic links to regular files count as files; those to directories are not followed. Returns
// how many entries were neither files nor directories, and so left out.
std::uint64_t load_directory(const std::string& directory, const LoadSink& sink);

// A dump, or lines. What begins as a dump does, with kDumpBeginning, is one: of what is wrong with
// it, also that it is cut off, the sink is told, with the line, and the rest is not read.
//
// Of lines, each is `key<TAB>value`: the key ends at the first tab, the value at the newline, or at
// the end of the file; both hold any other bytes. A line without a tab fails, an empty one too.
void load_lines(InputFile& file, const LoadSink& sink);

// Reads a file to the end, unless it is no dump, and checks it. Whether it is one; a failure if it
// is damaged, or cannot be read. `reached`: as in LoadSink.
Result<bool> check_dump(InputFile& file,
                        const std::function<void(std::uint64_t, std::uint64_t)>& reached);

}  // namespace rkv::cli
