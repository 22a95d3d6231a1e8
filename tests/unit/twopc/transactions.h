#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/effect.h"
#include "twopc/message.h"
#include "twopc/transaction.h"

namespace rkv::twopc {

constexpr ReplicaId kSelf{1};
constexpr ReplicaId kSecond{2};
constexpr ReplicaId kThird{3};
constexpr Incarnation kIncarnation = 1;  // of every other replica

inline SharedBytes shared(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

// Transaction `number` of another replica, which writes "value" to the keys. Its age is its clock.
inline TransactionPtr transaction_of(ReplicaId coordinator, std::uint64_t number,
                                     std::vector<std::string> keys, std::uint64_t clock) {
  auto transaction = std::make_shared<Transaction>();
  transaction->id = {coordinator, kIncarnation, number};
  transaction->timestamp = {clock, coordinator};
  transaction->origin = {coordinator, kIncarnation, number};
  transaction->keys = std::move(keys);
  transaction->command = shared("value");
  return transaction;
}

// The effects of one kind, in their order.
template <typename Kind>
std::vector<Kind> all_of(const protocol::Effects& effects) {
  std::vector<Kind> found;
  for (const protocol::Effect& effect : effects) {
    if (const Kind* one = std::get_if<Kind>(&effect)) found.push_back(*one);
  }
  return found;
}

// The messages of one kind, and where they go.
template <typename MessageType>
struct SentMessage {
  ReplicaId to;
  protocol::CallId call = 0;
  protocol::SyncPoint after = 0;
  std::shared_ptr<const MessageType> message;
};
template <typename MessageType>
std::vector<SentMessage<MessageType>> sent(const protocol::Effects& effects, int tag) {
  std::vector<SentMessage<MessageType>> found;
  for (const protocol::Send& send : all_of<protocol::Send>(effects)) {
    if (send.message->tag() != tag) continue;
    found.push_back({send.to, send.call, send.after,
                     std::static_pointer_cast<const MessageType>(send.message)});
  }
  return found;
}

}  // namespace rkv::twopc
