#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string_view>
#include <vector>

#include "kv/memory_store.h"
#include "kv/store.h"

namespace rkv::contract {

// A store that does everything the interface allows to be done later, later: a get, a scan, a hash
// and a write are finished only when the test says so, in whatever order it likes.
class DeferringStore final : public kv::Store {
 public:
  // What waits to be finished, the oldest first.
  std::size_t pending() const { return pending_.size(); }
  // Finishes one of them.
  void finish(std::size_t index);

  void get(std::string_view key, GetDone done) override;
  void scan(const kv::Scan& scan, ScanDone done) override;
  Position pin() override { return memory_.pin(); }
  void unpin(Position at) override { memory_.unpin(at); }
  void pass(Position at, std::string_view bound, bool reverse) override {
    memory_.pass(at, bound, reverse);
  }
  void apply(Position position, std::vector<kv::Change> changes,
             kv::SessionChanges sessions) override;
  void visit_replies(ReplyVisitor visitor) const override { memory_.visit_replies(visitor); }
  std::uint64_t epoch() const override { return memory_.epoch(); }
  void seal() override { sealed_ = memory_.applied(); }
  void write_sealed() override;
  void set_durable_listener(DurableListener listener) override;
  void hash(HashDone done) override;
  Position applied() const override { return memory_.applied(); }
  Position durable() const override { return durable_; }
  std::uint64_t keys() const override { return memory_.keys(); }

 private:
  kv::MemoryStore memory_;
  std::deque<std::function<void()>> pending_;
  Position sealed_ = 0;
  Position asked_ = 0;  // the last position sealed when write_sealed() was called
  Position durable_ = 0;
  DurableListener listener_;
};

}  // namespace rkv::contract
