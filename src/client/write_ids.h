#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "base/ids.h"

namespace rkv::client {

// Gives operation ids to the writes of one client, in the order in which they are first sent, as
// kv_operation_id in kv.x says. Knows no time and no wire.
class WriteIds {
 public:
  // From the lowest sequence without a result on there are at most so many: the cluster remembers
  // that many replies of a client, and expires a write that is further back.
  static constexpr std::uint64_t kWindow = 1024;

  explicit WriteIds(std::uint64_t client) : client_(client) {}

  // Count on from here, if it is higher than where the count is.
  void open(std::uint64_t first_sequence) {
    if (first_sequence > next_) next_ = first_sequence;
  }

  // Whether another write may begin.
  bool has_room() const {
    return outstanding_.empty() || begun_ - outstanding_.begin()->second < kWindow;
  }

  // A new sequence, outstanding until end().
  std::uint64_t begin() {
    outstanding_.emplace_hint(outstanding_.end(), next_, begun_++);
    return next_++;
  }
  // There is a result, or none will be taken any more.
  void end(std::uint64_t sequence) { outstanding_.erase(sequence); }

  // As it has to be sent now: first_outstanding is of this moment.
  OperationId id_of(std::uint64_t sequence) const {
    return {client_, sequence, outstanding_.empty() ? sequence : outstanding_.begin()->first};
  }

 private:
  const std::uint64_t client_;
  std::uint64_t next_ = 0;
  std::uint64_t begun_ = 0;                             // writes so far
  std::map<std::uint64_t, std::uint64_t> outstanding_;  // sequences, and their number among all
};

}  // namespace rkv::client
