#include "disk_world.h"

#include <map>
#include <string>
#include <utility>

#include "../sim/sim_disk.h"
#include "base/check.h"
#include "base/random.h"
#include "posix/posix_disk.h"
#include "task_loop.h"
#include "temporary_directory.h"

namespace rkv::contract {
namespace {

class PosixDiskWorld final : public DiskWorld {
 public:
  PosixDiskWorld() { restart(); }

  env::Disk& disk() override { return *disk_; }
  void restart() override {
    disk_.reset();
    posix::PosixDisk::Options options;
    options.directory = directory_.path();
    options.post = [this](std::function<void()> task) { loop_.post(std::move(task)); };
    auto opened = posix::PosixDisk::open(options);
    RKV_CHECK(opened.ok(), opened.status().reason());
    disk_ = std::move(opened).value();
  }
  bool run_until(const std::function<bool()>& condition) override {
    return loop_.run_until(condition);
  }

 private:
  const TemporaryDirectory directory_;
  TaskLoop loop_;
  std::unique_ptr<posix::PosixDisk> disk_;
};

class SimDiskWorld final : public DiskWorld {
 public:
  SimDiskWorld()
      : disk_(random_, [this](Duration delay, std::function<void()> task) {
          tasks_.emplace(now_ns_ + delay.ns, std::move(task));
        }) {}

  env::Disk& disk() override { return disk_; }
  void restart() override { disk_.kill(); }
  bool run_until(const std::function<bool()>& condition) override {
    while (!condition()) {
      if (tasks_.empty()) return false;
      auto first = tasks_.extract(tasks_.begin());
      now_ns_ = first.key();
      first.mapped()();
    }
    return true;
  }

 private:
  Random random_{1};
  std::multimap<std::int64_t, std::function<void()>> tasks_;
  std::int64_t now_ns_ = 0;
  sim::SimDisk disk_;
};

}  // namespace

std::unique_ptr<DiskWorld> posix_disk_world() { return std::make_unique<PosixDiskWorld>(); }
std::unique_ptr<DiskWorld> sim_disk_world() { return std::make_unique<SimDiskWorld>(); }

}  // namespace rkv::contract
