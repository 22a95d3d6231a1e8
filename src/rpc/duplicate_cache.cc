#include "rpc/duplicate_cache.h"

#include <utility>

#include "base/check.h"

namespace rkv::rpc {
namespace {

// Of memory for each call, beside its bytes and its answer's, about.
constexpr std::size_t kCallOverhead = 192;

std::size_t cost_of(std::size_t key_size, std::size_t answer_size) {
  return key_size + answer_size + kCallOverhead;
}

}  // namespace

// A socket address begins with its family, which says how long it is: so two senders, or two
// messages, never make one key.
std::string DuplicateCache::key_of(const Address& sender, std::string_view message) {
  std::string key;
  key.reserve(sender.raw_size() + message.size());
  key.append(reinterpret_cast<const char*>(sender.raw()), sender.raw_size());
  key.append(message);
  return key;
}

std::optional<DuplicateCache::Known> DuplicateCache::find(std::string_view key) const {
  const auto found = calls_.find(key);
  if (found == calls_.end()) return std::nullopt;
  return Known{found->second.is_answered, found->second.answer};
}

std::optional<DuplicateCache::Call> DuplicateCache::begin(std::string key) {
  const std::size_t cost = cost_of(key.size(), limits_.answer_max);
  while (calls_.size() >= limits_.calls_max || bytes_ + cost > limits_.bytes_max) {
    if (answered_.empty()) return std::nullopt;
    forget_oldest();
  }
  const auto [place, is_new] = calls_.try_emplace(std::move(key));
  RKV_CHECK(is_new, "a call that is known is not begun again");
  bytes_ += cost;
  return Call(place);
}

void DuplicateCache::answered(Call call, std::string_view answer, TimePoint now) {
  State& state = call.place_->second;
  RKV_CHECK(!state.is_answered, "a call is answered once");
  RKV_CHECK(answer.size() <= limits_.answer_max, "an answer fits the room that was kept for it");
  bytes_ -= limits_.answer_max - answer.size();
  state.is_answered = true;
  state.answer = answer;
  state.answered_at = now;
  answered_.push_back(call.place_);
}

void DuplicateCache::expire(TimePoint now) {
  while (!answered_.empty() && now - answered_.front()->second.answered_at >= limits_.age_max) {
    forget_oldest();
  }
}

void DuplicateCache::forget_oldest() {
  const Calls::iterator oldest = answered_.front();
  answered_.pop_front();
  bytes_ -= cost_of(oldest->first.size(), oldest->second.answer.size());
  calls_.erase(oldest);
}

}  // namespace rkv::rpc
