#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "base/ids.h"
#include "kv/session_table.h"

namespace rkv::sim {

// What a session table must answer, by the rules in kv/session_table.h, counted anew each time.
class SessionModel {
 public:
  explicit SessionModel(const kv::SessionLimits& limits) : limits_(limits) {}

  enum class Verdict {
    kDo,        // it is done
    kRepeat,    // it has the first answer
    kExpired,   // nothing is done
    kTooEarly,  // the same: its epoch is far
    kFull,      // the same
  };
  // What a command with this id, whose client is not 0, comes to.
  Verdict judge(const OperationId& operation) const;
  // It was done, and told so many bytes.
  void remember(const OperationId& operation, std::size_t told_size);
  // The command that begins an epoch was applied.
  void begin_epoch(std::uint64_t epoch);

  std::uint64_t epoch() const { return epoch_; }

 private:
  struct Session {
    std::uint64_t first_outstanding = 0;
    std::map<std::uint64_t, std::size_t> told_sizes;  // of what is remembered, by sequence
  };

  bool is_over(std::uint64_t sequence) const { return kv::epoch_of(sequence) + 1 < epoch_; }
  void make_room(Session& session, const OperationId& operation) const;
  bool is_full(const OperationId& operation) const;

  const kv::SessionLimits limits_;
  std::map<std::uint64_t, Session> sessions_;
  std::uint64_t epoch_ = 0;
};

}  // namespace rkv::sim
