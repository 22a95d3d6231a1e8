#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "sim/host.h"
#include "sim/scheduler.h"
#include "sim/slab.h"

namespace rkv::sim {

// Callbacks as events, for what brings its own. With a host they are run as its process runs: not
// while it is paused.
class Tasks final : public EventHandler {
 public:
  // What is passed must outlive the object; `host` may be null.
  Tasks(Scheduler& scheduler, Host* host) : scheduler_(scheduler), host_(host) {}

  void after(Duration delay, std::function<void()> task) {
    scheduler_.after(delay, *this, EventKind::kTask, tasks_.put(std::move(task)));
  }

  void handle(EventKind kind, std::uint64_t argument) override {
    if (host_ != nullptr && host_->put_off(*this, kind, argument)) return;
    const std::function<void()> task = tasks_.take(argument);
    task();
  }

 private:
  Scheduler& scheduler_;
  Host* const host_;
  Slab<std::function<void()>> tasks_;
};

}  // namespace rkv::sim
