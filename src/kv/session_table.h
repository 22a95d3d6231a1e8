#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "kv/command.h"
#include "kv/store.h"

namespace rkv::kv {

// How much a session table remembers. Part of the replicated state: replicas with other limits
// would refuse at other positions what the others apply.
struct SessionLimits {
  std::size_t sessions_max = 65'536;          // clients
  std::size_t replies_per_client_max = 1024;  // so many writes of a client may be under way at once
  std::size_t replies_max = 131'072;          // in all; at least replies_per_client_max
  // Of Applied::told of all replies. What is under way when it is reached may go beyond it: one
  // write where each is asked about as it is applied; where many are asked about before one of them
  // is (under 2pc), those that were then voted on.
  std::size_t told_bytes_max = 32U << 20;
};

// The upper bits of an operation's sequence are its epoch.
constexpr int kEpochShift = 32;
constexpr std::uint64_t epoch_of(std::uint64_t sequence) { return sequence >> kEpochShift; }
// The first sequence of an epoch; the one with 0 below is not used.
constexpr std::uint64_t first_sequence_of(std::uint64_t epoch) { return epoch << kEpochShift | 1; }

// Remembers, for each client, the replies to its latest writes, so that a write which is sent twice
// is applied once. Replicated state: filled by the commands in the order of their positions and by
// nothing else, no clock among it, so that it is equal on all replicas that applied the same. For
// one thread.
//
// What it promises. Each (client, sequence) is applied at most once, ever: the first command with
// it is applied; a later one gets the reply of the first while that is remembered, and is refused
// (kExpired) when it may not be any more. Why it is right: a reply is forgotten only
// - as its client says that it does not wait for it (a higher first_outstanding), which is
//   remembered with the client's later replies; or
// - as the lowest of a client that has more than replies_per_client_max, which is remembered in the
//   same way; or
// - as its epoch is over: the upper bits of its sequence are below the epoch before the current
//   one. What is that old is refused from its own number, so nothing needs to be remembered of it,
//   nor of its client: when a client's last reply goes in this way, every sequence that it ever
//   used is of an epoch that is over.
// The epoch only grows, by commands at positions of their own (begin_epoch()); no clock and no
// order of use is in it. So the rule is right also where replicas apply in different orders, and
// forget before or after they applied a write: what an epoch ends is refused by every replica that
// has begun the next but one, remembered or not.
//
// What it costs. A client must learn the epoch before its first write: one question to any one
// replica, which that answers out of its memory, and again when it was told kExpired of a write
// that it had sent once. A write whose answer does not come for a whole epoch cannot be retried any
// more: its outcome stays unknown to the client. An epoch lasts 15 minutes of a leader's office, or
// until the table is three quarters full (wants_epoch()); so whoever fills it shortens that for
// all. When it is full before the next epoch begins, new writes are refused (kFull).
//
// A client must not use an operation id for two different writes: the second would be answered with
// the reply of the first.
class SessionTable {
 public:
  explicit SessionTable(const SessionLimits& limits = {});

  // Takes up the epoch, and then the replies, that a store kept. Only into a table that has
  // remembered nothing; the replies in any order. What one table handed out as changes fits into
  // another one with the same limits.
  void load_epoch(std::uint64_t epoch);
  void load(const ReplyId& id, const Reply& reply);

  // What is known of an operation, whose client is not 0: the remembered reply, or kExpired, at
  // this position; nothing if it has not been applied. Changes nothing; nor does answer().
  std::optional<Applied> known(const OperationId& operation, Position position) const;
  // What a command with this id at this position is answered without being applied: what is known
  // of it, else kInvalid (its epoch is still far) or kFull; nothing if it must be applied.
  std::optional<Applied> answer(const OperationId& operation, Position position) const;

  // Remembers what a command did of which nothing is known. Takes it also when the table is full:
  // where it matters, answer() was asked before. Returns what has to be kept and dropped in the
  // store with it.
  std::vector<ReplyChange> remember(const OperationId& operation, const Applied& applied);

  std::uint64_t epoch() const { return epoch_; }
  // Whether it is time for the next epoch, as there is not much room left.
  bool wants_epoch() const;
  // Begins this epoch, if it is the next one; else nothing happens (somebody began it before).
  // Returns what has to be kept and dropped in the store with it.
  SessionChanges begin_epoch(std::uint64_t epoch);

  std::size_t sessions() const { return sessions_.size(); }
  std::size_t replies() const { return replies_; }
  std::size_t told_bytes() const { return told_bytes_; }

  // A hash over everything that is remembered: equal tables have equal ones. Reads everything.
  std::array<std::uint8_t, 16> digest() const;

 private:
  struct Session {
    std::uint64_t first_outstanding = 0;       // the highest seen; nothing below is remembered
    std::map<std::uint64_t, Applied> replies;  // by sequence; never empty between calls
  };

  std::uint64_t kept_from() const;
  bool has_room_for(const OperationId& operation) const;
  void drop_below(Session& session, std::uint64_t client, std::uint64_t sequence,
                  std::vector<ReplyChange>& changes);

  const SessionLimits limits_;
  std::uint64_t epoch_ = 0;
  std::map<std::uint64_t, Session> sessions_;  // by client
  std::size_t replies_ = 0;
  std::size_t told_bytes_ = 0;
};

}  // namespace rkv::kv
