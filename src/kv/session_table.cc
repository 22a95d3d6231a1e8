#include "kv/session_table.h"

#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "kv/state_hash.h"

namespace rkv::kv {

SessionTable::SessionTable(const SessionLimits& limits) : limits_(limits) {
  RKV_CHECK(limits.sessions_max > 0 && limits.replies_per_client_max > 0,
            "a session table remembers something");
  RKV_CHECK(limits.replies_max >= limits.replies_per_client_max,
            "one client's replies fit into the table");
}

// The reply at a session's last position carries the first_outstanding that held from there on:
// nothing but a write changes it, and the reply to the last write is never dropped before the next.
void SessionTable::load(const ReplyId& id, const Reply& reply) {
  RKV_CHECK(id.client != 0, "only clients with an identity have sessions");
  RKV_CHECK(reply.applied.position != 0, "what is remembered has been applied");
  Session& session = sessions_[id.client];
  const bool added = session.replies.emplace(id.sequence, reply.applied).second;
  RKV_CHECK(added, "a store keeps one reply for each id");
  ++replies_;
  session.first_outstanding = std::max(session.first_outstanding, reply.first_outstanding);
  if (reply.applied.position > session.last_used) {
    use(session, id.client, reply.applied.position);
  }
  RKV_CHECK(sessions_.size() <= limits_.sessions_max && replies_ <= limits_.replies_max &&
                session.replies.size() <= limits_.replies_per_client_max,
            "a store keeps no more than the limits allow");
}

std::optional<Applied> SessionTable::answer(const OperationId& operation, Position position) const {
  const Applied expired{Applied::Outcome::kExpired, 0, position};
  if (operation.sequence < operation.first_outstanding) return expired;
  const auto found = sessions_.find(operation.client);
  if (found == sessions_.end()) return std::nullopt;
  const Session& session = found->second;
  if (operation.sequence < session.first_outstanding) return expired;
  const auto reply = session.replies.find(operation.sequence);
  if (reply != session.replies.end()) return reply->second;
  // Its reply would be the lowest, and so the one to go to make room for it.
  const bool full = session.replies.size() >= limits_.replies_per_client_max;
  if (full && operation.sequence < session.replies.begin()->first) return expired;
  return std::nullopt;
}

std::vector<ReplyChange> SessionTable::remember(const OperationId& operation,
                                                const Applied& applied) {
  RKV_CHECK(operation.client != 0, "only clients with an identity have sessions");
  RKV_CHECK(by_last_used_.empty() || applied.position > by_last_used_.rbegin()->first,
            "commands are remembered in the order of their positions");
  std::vector<ReplyChange> changes;
  Session& session = sessions_[operation.client];
  session.first_outstanding = std::max(session.first_outstanding, operation.first_outstanding);
  drop_replies_below(session, operation.client, changes);
  if (session.replies.size() >= limits_.replies_per_client_max) {
    session.first_outstanding = session.replies.begin()->first + 1;
    drop_replies_below(session, operation.client, changes);
  }
  RKV_CHECK(operation.sequence >= session.first_outstanding, "what has expired is not applied");
  const bool added = session.replies.emplace(operation.sequence, applied).second;
  RKV_CHECK(added, "what is remembered is not applied again");
  ++replies_;
  use(session, operation.client, applied.position);
  const Reply reply{applied, session.first_outstanding};
  changes.push_back({{operation.client, operation.sequence}, reply});
  while (sessions_.size() > limits_.sessions_max || replies_ > limits_.replies_max) {
    drop_session(by_last_used_.begin()->second, changes);
  }
  return changes;
}

void SessionTable::use(Session& session, std::uint64_t client, Position position) {
  if (session.last_used != 0) by_last_used_.erase(session.last_used);
  session.last_used = position;
  const bool added = by_last_used_.emplace(position, client).second;
  RKV_CHECK(added, "one command has one position");
}

void SessionTable::drop_replies_below(Session& session, std::uint64_t client,
                                      std::vector<ReplyChange>& changes) {
  auto reply = session.replies.begin();
  while (reply != session.replies.end() && reply->first < session.first_outstanding) {
    changes.push_back({{client, reply->first}, std::nullopt});
    reply = session.replies.erase(reply);
    --replies_;
  }
}

void SessionTable::drop_session(std::uint64_t client, std::vector<ReplyChange>& changes) {
  const auto dropped = sessions_.find(client);
  for (const auto& [sequence, applied] : dropped->second.replies) {
    changes.push_back({{client, sequence}, std::nullopt});
  }
  replies_ -= dropped->second.replies.size();
  by_last_used_.erase(dropped->second.last_used);
  sessions_.erase(dropped);
}

std::array<std::uint8_t, 16> SessionTable::digest() const {
  StateHasher hasher;
  std::string key;
  std::string record;
  for (const auto& [client, session] : sessions_) {
    key.clear();
    append_uint64(key, client);
    record.clear();
    append_uint64(record, session.last_used);
    for (const auto& [sequence, applied] : session.replies) {
      append_uint64(record, sequence);
      append_uint32(record, static_cast<std::uint32_t>(applied.outcome));
      append_uint64(record, applied.version);
      append_uint64(record, applied.position);
    }
    hasher.add(key, session.first_outstanding, record);
  }
  return hasher.finish(0).hash;
}

}  // namespace rkv::kv
