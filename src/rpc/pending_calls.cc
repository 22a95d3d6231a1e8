#include "rpc/pending_calls.h"

#include <algorithm>

#include "base/check.h"

namespace rkv::rpc {

std::uint32_t PendingCalls::draw_xid() {
  while (calls_.contains(next_xid_)) ++next_xid_;
  return next_xid_++;
}

void PendingCalls::add(std::uint32_t xid, PendingCall call) {
  // Most deadlines are later than all before them.
  if (call.deadline != kNever) deadlines_.emplace_hint(deadlines_.end(), call.deadline, xid);
  const bool is_new = calls_.emplace(xid, std::move(call)).second;
  RKV_CHECK(is_new, "an xid names one call");
}

const PendingCall* PendingCalls::find(std::uint32_t xid) const {
  const auto found = calls_.find(xid);
  return found == calls_.end() ? nullptr : &found->second;
}

PendingCall PendingCalls::take(std::uint32_t xid) {
  const auto found = calls_.find(xid);
  RKV_CHECK(found != calls_.end(), "a call is taken once");
  PendingCall call = std::move(found->second);
  calls_.erase(found);
  if (call.deadline != kNever) deadlines_.erase({call.deadline, xid});
  return call;
}

std::vector<PendingCall> PendingCalls::take_due(TimePoint now) {
  std::vector<PendingCall> due;
  while (first_deadline() <= now && !deadlines_.empty()) {
    due.push_back(take(deadlines_.begin()->second));
  }
  return due;
}

std::vector<PendingCall> PendingCalls::take_before(std::uint64_t position) {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> found;
  for (const auto& [xid, call] : calls_) {
    if (call.extent.begin < position) found.emplace_back(call.extent.begin, xid);
  }
  std::sort(found.begin(), found.end());
  std::vector<PendingCall> taken;
  taken.reserve(found.size());
  for (const auto& [begin, xid] : found) taken.push_back(take(xid));
  return taken;
}

}  // namespace rkv::rpc
