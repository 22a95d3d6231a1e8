#include "kv/session_table.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "kv/state_hash.h"

namespace rkv::kv {
namespace {

constexpr const char* kFullReason =
    "there is no room to remember one more write until the next epoch begins; try again";

constexpr const char* kNotNearReason =
    "the operation's sequence is of an epoch that is not near; SESSION says where to begin";

std::size_t told_size(const Applied& applied) {
  return applied.told == nullptr ? 0 : applied.told->size();
}

}  // namespace

SessionTable::SessionTable(const SessionLimits& limits) : limits_(limits) {
  RKV_CHECK(limits.sessions_max > 0 && limits.replies_per_client_max > 0,
            "a session table remembers something");
  RKV_CHECK(limits.replies_max >= limits.replies_per_client_max,
            "one client's replies fit into the table");
}

void SessionTable::load_epoch(std::uint64_t epoch) {
  RKV_CHECK(epoch_ == 0 && replies_ == 0, "an epoch is loaded first");
  epoch_ = epoch;
}

// The reply at a session's last position carries the first_outstanding that held from there on:
// nothing but a write changes it, and the reply to the last write is never dropped before the next,
// unless its epoch is over, and then everything below is refused anyway.
void SessionTable::load(const ReplyId& id, const Reply& reply) {
  RKV_CHECK(id.client != 0, "only clients with an identity have sessions");
  RKV_CHECK(reply.applied.position != 0, "what is remembered has been applied");
  Session& session = sessions_[id.client];
  const bool added = session.replies.emplace(id.sequence, reply.applied).second;
  RKV_CHECK(added, "a store keeps one reply for each id");
  ++replies_;
  told_bytes_ += told_size(reply.applied);
  session.first_outstanding = std::max(session.first_outstanding, reply.first_outstanding);
}

// The first sequence that is of the current epoch or the one before.
std::uint64_t SessionTable::kept_from() const {
  return epoch_ == 0 ? 0 : (epoch_ - 1) << kEpochShift;
}

// Whether there is room for an operation's reply, when those of its client are gone that go as it
// comes. Of the bytes it is not known yet how many it takes: so what is under way may go over the
// limit (SessionLimits), but none behind it, also when each is the only one of its client.
bool SessionTable::has_room_for(const OperationId& operation) const {
  const auto found = sessions_.find(operation.client);
  if (found == sessions_.end()) {
    return replies_ < limits_.replies_max && told_bytes_ < limits_.told_bytes_max &&
           sessions_.size() < limits_.sessions_max;
  }
  const std::map<std::uint64_t, Applied>& replies = found->second.replies;
  std::size_t going = 0;
  std::size_t going_bytes = 0;
  const bool has_most = replies.size() >= limits_.replies_per_client_max;
  for (auto reply = replies.begin(); reply != replies.end(); ++reply) {
    const bool is_lowest_of_most = has_most && going == 0;
    if (reply->first >= operation.first_outstanding && !is_lowest_of_most) break;
    ++going;
    going_bytes += told_size(reply->second);
  }
  return (replies_ < limits_.replies_max || going > 0) &&
         told_bytes_ - going_bytes < limits_.told_bytes_max;
}

bool SessionTable::wants_epoch() const {
  const auto is_near = [](std::size_t count, std::size_t max) { return count * 4 >= max * 3; };
  return is_near(replies_, limits_.replies_max) || is_near(told_bytes_, limits_.told_bytes_max) ||
         is_near(sessions_.size(), limits_.sessions_max);
}

std::optional<Applied> SessionTable::known(const OperationId& operation, Position position) const {
  const Applied expired{Applied::Outcome::kExpired, 0, position};
  const bool is_over = operation.sequence < kept_from();
  if (operation.sequence < operation.first_outstanding || is_over) return expired;
  const auto found = sessions_.find(operation.client);
  if (found == sessions_.end()) return std::nullopt;
  const Session& session = found->second;
  if (operation.sequence < session.first_outstanding) return expired;
  const auto reply = session.replies.find(operation.sequence);
  if (reply != session.replies.end()) return reply->second;
  // Its reply would be the lowest, and so the one to go to make room for it.
  const bool has_most = session.replies.size() >= limits_.replies_per_client_max;
  if (has_most && operation.sequence < session.replies.begin()->first) return expired;
  return std::nullopt;
}

std::optional<Applied> SessionTable::answer(const OperationId& operation, Position position) const {
  if (std::optional<Applied> reply = known(operation, position)) return reply;
  const auto refused = [position](Applied::Outcome outcome, const char* reason) {
    return Applied{outcome, 0, position, std::make_shared<const std::string>(reason)};
  };
  if (epoch_of(operation.sequence) > epoch_ + 1) {
    return refused(Applied::Outcome::kInvalid, kNotNearReason);
  }
  if (has_room_for(operation)) return std::nullopt;
  return refused(Applied::Outcome::kFull, kFullReason);
}

std::vector<ReplyChange> SessionTable::remember(const OperationId& operation,
                                                const Applied& applied) {
  RKV_CHECK(operation.client != 0, "only clients with an identity have sessions");
  std::vector<ReplyChange> changes;
  Session& session = sessions_[operation.client];
  session.first_outstanding = std::max(session.first_outstanding, operation.first_outstanding);
  drop_below(session, operation.client, session.first_outstanding, changes);
  if (session.replies.size() >= limits_.replies_per_client_max) {
    session.first_outstanding = session.replies.begin()->first + 1;
    drop_below(session, operation.client, session.first_outstanding, changes);
  }
  RKV_CHECK(operation.sequence >= session.first_outstanding, "what has expired is not applied");
  const bool added = session.replies.emplace(operation.sequence, applied).second;
  RKV_CHECK(added, "what is remembered is not applied again");
  ++replies_;
  told_bytes_ += told_size(applied);
  const Reply reply{applied, session.first_outstanding};
  changes.push_back({{operation.client, operation.sequence}, reply});
  return changes;
}

SessionChanges SessionTable::begin_epoch(std::uint64_t epoch) {
  SessionChanges changes;
  if (epoch != epoch_ + 1) return changes;
  epoch_ = epoch;
  changes.epoch = epoch;
  for (auto session = sessions_.begin(); session != sessions_.end();) {
    drop_below(session->second, session->first, kept_from(), changes.replies);
    session = session->second.replies.empty() ? sessions_.erase(session) : std::next(session);
  }
  return changes;
}

void SessionTable::drop_below(Session& session, std::uint64_t client, std::uint64_t sequence,
                              std::vector<ReplyChange>& changes) {
  auto reply = session.replies.begin();
  while (reply != session.replies.end() && reply->first < sequence) {
    changes.push_back({{client, reply->first}, std::nullopt});
    told_bytes_ -= told_size(reply->second);
    reply = session.replies.erase(reply);
    --replies_;
  }
}

std::array<std::uint8_t, 16> SessionTable::digest() const {
  StateHasher hasher;
  hasher.add({}, epoch_, {});
  std::string key;
  std::string record;
  for (const auto& [client, session] : sessions_) {
    key.clear();
    append_uint64(key, client);
    record.clear();
    for (const auto& [sequence, applied] : session.replies) {
      append_uint64(record, sequence);
      append_uint32(record, static_cast<std::uint32_t>(applied.outcome));
      append_uint64(record, applied.version);
      append_uint64(record, applied.position);
      append_opaque(record, applied.told == nullptr ? std::string_view() : *applied.told);
    }
    // What an epoch ended is not told apart: a table that was loaded may not know the same of it.
    hasher.add(key, std::max(session.first_outstanding, kept_from()), record);
  }
  return hasher.finish(0).hash;
}

}  // namespace rkv::kv
