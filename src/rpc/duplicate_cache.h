#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "rpc/address.h"

namespace rkv::rpc {

// The calls that came in datagrams and must not be run twice, so that a copy of one is known: who
// gets no reply sends the same bytes again, and the network may double them too. A call is known by
// its sender's address and port and by all bytes of its datagram (xid, credentials, arguments).
// They are kept and compared, not a hash of them: so two calls that differ are never taken for one,
// whatever anybody chooses to send; and kept in an order, so nobody can make a look-up slow.
//
// A call is under way from begin() to answered(), and then has its answer until it is forgotten:
// when it is old, or when a new call needs its room. The oldest answers go first, and calls under
// way never. For one thread.
class DuplicateCache {
 public:
  struct Limits {
    std::size_t calls_max = 0;   // under way and answered
    std::size_t bytes_max = 0;   // of memory, about
    std::size_t answer_max = 0;  // bytes of one answer: a call under way has room for it
    Duration age_max;            // from the answer on
  };

  // A call under way; ends with answered().
  class Call;

  explicit DuplicateCache(const Limits& limits) : limits_(limits) {}
  DuplicateCache(const DuplicateCache&) = delete;
  DuplicateCache& operator=(const DuplicateCache&) = delete;

  // What find() and begin() know a call by.
  static std::string key_of(const Address& sender, std::string_view message);

  struct Known {
    bool is_answered = false;  // else under way
    std::string_view answer;   // valid until the next change
  };
  // Nothing if it is a new call, or one that has been forgotten.
  std::optional<Known> find(std::string_view key) const;

  // Takes note of a new call, which is about to be run. Nothing if there is no room, since too many
  // are under way: then it must not be run.
  std::optional<Call> begin(std::string key);
  // Its answer, of at most `answer_max` bytes. `now` must not go back from one answer to the next.
  void answered(Call call, std::string_view answer, TimePoint now);
  // Forgets the answers that are too old.
  void expire(TimePoint now);

  std::size_t calls() const { return calls_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct State {
    bool is_answered = false;
    std::string answer;
    TimePoint answered_at;
  };
  using Calls = std::map<std::string, State, std::less<>>;

  void forget_oldest();

  const Limits limits_;
  Calls calls_;
  std::deque<Calls::iterator> answered_;  // in the order of their answers
  std::size_t bytes_ = 0;
};

class DuplicateCache::Call {
 private:
  friend class DuplicateCache;
  explicit Call(Calls::iterator place) : place_(place) {}

  Calls::iterator place_;
};

}  // namespace rkv::rpc
