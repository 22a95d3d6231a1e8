#include "sim/scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace rkv::sim {

void Scheduler::at(TimePoint time, EventHandler& handler, EventKind kind, std::uint64_t argument) {
  RKV_CHECK(time >= now_, "nothing happens in the past");
  heap_.push_back({time, next_sequence_++, &handler, argument, kind});
  std::push_heap(heap_.begin(), heap_.end(), Later());
}

bool Scheduler::run_next() {
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), Later());
  const Event event = heap_.back();
  heap_.pop_back();
  now_ = event.time;
  ++events_;
  note(static_cast<std::uint64_t>(event.time.ns));
  note(static_cast<std::uint64_t>(event.kind) << 56 ^ event.argument);
  event.handler->handle(event.kind, event.argument);
  return true;
}

}  // namespace rkv::sim
