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
// would forget at other positions, and then apply what the others refuse.
struct SessionLimits {
  std::size_t sessions_max = 65'536;          // clients
  std::size_t replies_per_client_max = 1024;  // so many writes of a client may be under way at once
  std::size_t replies_max = 262'144;          // in all; at least replies_per_client_max
};

// Remembers, for each client, the replies to its latest writes, so that a write which is sent twice
// is applied once. Replicated state: filled by the commands in the order of their positions and by
// nothing else, no clock among it, so that it is equal on all replicas that applied the same. For
// one thread.
//
// What it promises. While a client's session is held, each of its (client, sequence) is applied at
// most once: the first command with it is applied, a later one gets the reply of the first, and one
// of which the reply is not there any more is refused (kExpired). A reply is there until the client
// says that it does not wait for it (a higher first_outstanding), or the client has more than
// replies_per_client_max writes behind which the lowest one is still missing: then the lowest reply
// goes, and with it everything below. A client that keeps fewer writes under way never sees that.
//
// What it does not promise. When there is no room for another session or reply, the session whose
// last write was applied at the lowest position is dropped as a whole, and nothing is left of it. A
// retry that comes after that is taken for the first write of a new client and APPLIED AGAIN. It
// cannot be told apart here: a sequence above 1 or a first_outstanding above 1 from an unknown
// client is also what a client sends whose earlier writes were refused before they got a position,
// and a retry of sequence 1 is what a new client sends. To refuse them needs sessions that are
// opened through the log, or a horizon that operations carry. Until then: a client that goes on to
// retry while others fill the whole table (65,536 sessions, or 262,144 replies that are still
// outstanding) may see a write applied twice. A client whose session was dropped and that goes on
// with new writes notices nothing.
//
// A client must not use an operation id for two different writes: the second would be answered with
// the reply of the first.
class SessionTable {
 public:
  explicit SessionTable(const SessionLimits& limits = {});

  // Takes up a reply that a store kept. Only into a table that has remembered nothing; in any
  // order. What one table handed out as changes fits into another one with the same limits.
  void load(const ReplyId& id, const Reply& reply);

  // What a command with this id at this position is answered without being applied: the remembered
  // reply, or kExpired; nothing if it must be applied. Its client is not 0. Changes nothing: a
  // retry does not count as a use of its session.
  std::optional<Applied> answer(const OperationId& operation, Position position) const;

  // Remembers what a command did for which answer() had nothing, at a position above all before.
  // Returns what has to be kept and dropped in the store with it.
  std::vector<ReplyChange> remember(const OperationId& operation, const Applied& applied);

  std::size_t sessions() const { return sessions_.size(); }
  std::size_t replies() const { return replies_; }

  // A hash over everything that is remembered: equal tables have equal ones. Reads everything.
  std::array<std::uint8_t, 16> digest() const;

 private:
  struct Session {
    std::uint64_t first_outstanding = 0;       // the highest seen; nothing below is remembered
    Position last_used = 0;                    // of its last write
    std::map<std::uint64_t, Applied> replies;  // by sequence; never empty between calls
  };

  void use(Session& session, std::uint64_t client, Position position);
  void drop_replies_below(Session& session, std::uint64_t client,
                          std::vector<ReplyChange>& changes);
  void drop_session(std::uint64_t client, std::vector<ReplyChange>& changes);

  const SessionLimits limits_;
  std::map<std::uint64_t, Session> sessions_;       // by client
  std::map<Position, std::uint64_t> by_last_used_;  // the client whose last write was there
  std::size_t replies_ = 0;
};

}  // namespace rkv::kv
