#include "sim/session_model.h"

#include <algorithm>

namespace rkv::sim {

SessionModel::Verdict SessionModel::judge(const OperationId& operation) const {
  const std::uint64_t sequence = operation.sequence;
  if (is_over(sequence) || sequence < operation.first_outstanding) return Verdict::kExpired;
  const auto found = sessions_.find(operation.client);
  if (found != sessions_.end()) {
    const Session& session = found->second;
    if (sequence < session.first_outstanding) return Verdict::kExpired;
    if (session.told_sizes.contains(sequence)) return Verdict::kRepeat;
    const bool has_most = session.told_sizes.size() >= limits_.replies_per_client_max;
    if (has_most && sequence < session.told_sizes.begin()->first) return Verdict::kExpired;
  }
  if (kv::epoch_of(sequence) > epoch_ + 1) return Verdict::kTooEarly;
  return is_full(operation) ? Verdict::kFull : Verdict::kDo;
}

// What goes of a client's replies as an operation of it comes.
void SessionModel::make_room(Session& session, const OperationId& operation) const {
  session.first_outstanding = std::max(session.first_outstanding, operation.first_outstanding);
  std::erase_if(session.told_sizes,
                [&session](const auto& it) { return it.first < session.first_outstanding; });
  if (session.told_sizes.size() < limits_.replies_per_client_max) return;
  session.first_outstanding = session.told_sizes.begin()->first + 1;
  session.told_sizes.erase(session.told_sizes.begin());
}

bool SessionModel::is_full(const OperationId& operation) const {
  std::map<std::uint64_t, Session> behind = sessions_;
  make_room(behind[operation.client], operation);
  std::size_t replies = 0;
  std::size_t bytes = 0;
  for (const auto& [client, session] : behind) {
    replies += session.told_sizes.size();
    for (const auto& [sequence, size] : session.told_sizes) bytes += size;
  }
  return behind.size() > limits_.sessions_max || replies >= limits_.replies_max ||
         bytes >= limits_.told_bytes_max;
}

void SessionModel::remember(const OperationId& operation, std::size_t told_size) {
  Session& session = sessions_[operation.client];
  make_room(session, operation);
  session.told_sizes[operation.sequence] = told_size;
}

void SessionModel::begin_epoch(std::uint64_t epoch) {
  if (epoch != epoch_ + 1) return;
  epoch_ = epoch;
  for (auto& [client, session] : sessions_) {
    std::erase_if(session.told_sizes, [this](const auto& it) { return is_over(it.first); });
  }
  std::erase_if(sessions_, [](const auto& it) { return it.second.told_sizes.empty(); });
}

}  // namespace rkv::sim
