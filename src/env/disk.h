#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"

namespace rkv::env {

// The files of one directory, as a log wants them: of a size that is fixed when they are made,
// written in place, durable when it is said so.
//
// What changes something takes its time and ends with its callback, on the caller's thread, in a
// later turn; several may be under way, and those on one file are done in the order of the calls.
// After the first failure nothing is known of what that file holds: who gets one must not try
// again, but stop; whatever is asked for after it fails too. Callbacks that have not run when the
// disk is destroyed never run.
//
// Reading blocks, and comes while no change is under way: at the start, or when all that was asked
// for is done.
class Disk {
 public:
  virtual ~Disk() = default;

  using Done = std::function<void(const Status& status)>;

  // The names of all files, in no order.
  virtual Result<std::vector<std::string>> list() = 0;
  // The whole content of a file. It is made durable first: a process that was killed may have left
  // what the next one can read and a power cut would take away.
  virtual Result<std::string> read(const std::string& name) = 0;

  // Makes a file of `size` zero bytes; fails if there is one of that name. Durable, with its name,
  // when done; until then a crash leaves no file, or one of zeros that may be shorter.
  virtual void create(const std::string& name, std::size_t size, Done done) = 0;
  // Writes into a file that is there, within its size. Durable when done. Until then a crash leaves
  // any part of it, sector by sector (kSectorSize), as it was or as it is to be.
  virtual void write(const std::string& name, std::size_t offset, std::string bytes, Done done) = 0;
  // Removes a file that is there; durable when done.
  virtual void remove(const std::string& name, Done done) = 0;

  // How many bytes can still be given to new files; an estimate.
  virtual std::uint64_t free_bytes() = 0;

  // What a disk writes whole or not at all.
  static constexpr std::size_t kSectorSize = 512;
};

}  // namespace rkv::env
