#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "rpc/call_channel.h"
#include "rpc/call_output.h"

namespace rkv::rpc {

// A call that was encoded and has not ended.
struct PendingCall {
  std::uint32_t program = 0;
  std::uint32_t version = 0;
  std::uint32_t procedure = 0;
  TimePoint started;
  TimePoint deadline;
  CallOutput::Extent extent;  // where its record is in the output
  CallChannel::RawDone done;
};

// The calls of one channel that are under way, by xid and by deadline.
class PendingCalls {
 public:
  explicit PendingCalls(std::uint32_t first_xid) : next_xid_(first_xid) {}

  // A number that no call under way has.
  std::uint32_t draw_xid();
  void add(std::uint32_t xid, PendingCall call);
  // Null if there is none.
  const PendingCall* find(std::uint32_t xid) const;
  // There must be one.
  PendingCall take(std::uint32_t xid);
  // Those whose deadline is not after `now`, the earliest first.
  std::vector<PendingCall> take_due(TimePoint now);
  // Those whose record begins before `position` of the output, in the order of sending.
  std::vector<PendingCall> take_before(std::uint64_t position);

  TimePoint first_deadline() const {
    return deadlines_.empty() ? kNever : deadlines_.begin()->first;
  }
  std::size_t size() const { return calls_.size(); }

 private:
  std::uint32_t next_xid_;
  std::unordered_map<std::uint32_t, PendingCall> calls_;
  std::set<std::pair<TimePoint, std::uint32_t>> deadlines_;  // of those that have one
};

}  // namespace rkv::rpc
