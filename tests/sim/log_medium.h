#pragma once

#include <memory>

#include "base/status.h"
#include "base/time.h"
#include "env/log_device.h"

namespace rkv::sim {

// Which log replicas have: SimLog, or DiskLog.
enum class LogKind { kFast, kDisk };

// Where a replica's log is kept over all its starts: a disk, or what stands for one. Says what can
// be done to it from outside. What is synced survives a crash.
class LogMedium {
 public:
  virtual ~LogMedium() = default;

  // Opens the log at the start of a process. The device before it must be gone. Fails when what is
  // there cannot be read.
  virtual Result<std::unique_ptr<env::LogDevice>> open() = 0;
  // The process ends, after its device: what is not synced may be lost.
  virtual void crash() = 0;

  // Nothing is synced until this much time has passed.
  virtual void stall(Duration time) = 0;
  // How long a sync takes from now on.
  virtual void set_sync_time(Duration mean) = 0;
  // The next sync fails, and with it the process (Host::fatal).
  virtual void fail_next_sync() = 0;
  virtual void set_full(bool full) = 0;
  // Damages something that is synced; while no process runs. False if there was nothing to damage.
  virtual bool rot() = 0;
};

}  // namespace rkv::sim
