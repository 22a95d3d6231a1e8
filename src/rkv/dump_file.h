#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "rkv/dump_format.h"

namespace rkv::cli {

// Where a dump goes on: behind a page of the listing that it is made from.
struct DumpPlace {
  std::string token;       // of the page behind it
  std::string server;      // that can go on with it
  std::uint64_t size = 0;  // bytes of the file up to there
  std::string range;       // what was asked for, as describe_range() has it
  std::uint64_t revision = 0;
};

// The file of a dump while it is written: FILE.part, and FILE.part.place, which says after every
// page how to go on. Both are there after a dump that was broken off; commit() makes FILE of them.
class DumpFile {
 public:
  explicit DumpFile(std::string path);
  ~DumpFile();
  DumpFile(const DumpFile&) = delete;
  DumpFile& operator=(const DumpFile&) = delete;

  // Whether there is a regular file in its place, or nothing; else kInvalid with what to do
  // instead. To be asked before the others: what is there would be replaced at the end.
  Status check_place() const;
  // Begins a new one, in place of what is left of another.
  Status create();
  // Opens what is left of a dump that was broken off, reads it into `hash`, and cuts off what is
  // behind the place. Nothing if there is none, or nothing of use.
  Result<std::optional<DumpPlace>> reopen(DumpHash* hash);

  // In one piece at the end; buffers nothing.
  Status write(std::string_view bytes);
  Status note_place(const DumpPlace& place);
  // Syncs the file, gives it its name, and removes the place.
  Status commit();
  // Removes both files: there is nothing to go on with.
  void discard();

  const std::string& part_path() const { return part_path_; }
  std::uint64_t size() const { return size_; }

 private:
  Status open_part(int flags);

  const std::string path_;
  const std::string part_path_;
  const std::string place_path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace rkv::cli
