#pragma once

#include <functional>
#include <memory>

#include "env/disk.h"

namespace rkv::contract {

// A disk without files, and what it needs around it.
class DiskWorld {
 public:
  virtual ~DiskWorld() = default;
  virtual env::Disk& disk() = 0;
  // Puts another disk object onto the same files, as the next process would.
  virtual void restart() = 0;
  // Lets the disk do what it has to do, until the condition holds; false if it never will.
  virtual bool run_until(const std::function<bool()>& condition) = 0;
};

std::unique_ptr<DiskWorld> posix_disk_world();
std::unique_ptr<DiskWorld> sim_disk_world();

}  // namespace rkv::contract
