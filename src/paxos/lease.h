#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

#include "base/time.h"
#include "paxos/options.h"

namespace rkv::paxos {

// What a leader knows of its acceptors by when they last answered: whether a majority still follows
// it, and until when none of that majority can have promised anybody else something.
//
// An acceptor that takes a message gives its word for one lease, counted from when it took it. The
// leader counts from when it sent that message, which was earlier, and takes off what one clock may
// gain on the other in that time. So the leader's lease ends first, whatever the network does.
class LeaderLease {
 public:
  // `majority` of `members`, the leader itself among them.
  LeaderLease(const Options& options, std::size_t members, std::size_t majority)
      : length_(options.lease - options.lease * options.drift_per_mille / 1000),
        majority_(majority),
        heard_(members, kLongAgo) {}

  // A member has answered, as a follower, a message sent at this time.
  void heard_from(std::size_t member, TimePoint sent_at) {
    heard_[member] = std::max(heard_[member], sent_at);
  }

  // A majority has answered what was sent at this time or later.
  TimePoint majority_heard_at() const {
    std::vector<TimePoint> times = heard_;
    const auto last = times.begin() + static_cast<std::ptrdiff_t>(majority_) - 1;
    std::nth_element(times.begin(), last, times.end(), std::greater<>());
    return *last;
  }
  TimePoint holds_until() const { return majority_heard_at() + length_; }

 private:
  const Duration length_;
  const std::size_t majority_;
  std::vector<TimePoint> heard_;
};

}  // namespace rkv::paxos
