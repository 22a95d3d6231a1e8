#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kv/history.h"
#include "kv/store.h"

namespace rkv::kv {

// A store in memory: everything is durable as soon as it is written, and gone with the object.
// Every callback is run before the call returns. For tests and simulation.
class MemoryStore final : public Store {
 public:
  using ReplyTable = std::map<ReplyId, Reply>;
  // What other stores that keep a table of replies do with it.
  static void change(ReplyTable& table, const std::vector<ReplyChange>& changes);

  MemoryStore() = default;
  // With what the other one holds, but its listener and its pins.
  MemoryStore(const MemoryStore& other);
  MemoryStore& operator=(const MemoryStore&) = delete;

  void get(std::string_view key, GetDone done) override;
  void scan(const Scan& scan, ScanDone done) override;
  Position pin() override;
  void unpin(Position at) override { history_.unpin(at); }
  void pass(Position at, std::string_view bound, bool reverse) override {
    history_.pass(at, bound, reverse);
  }
  void apply(Position position, std::vector<Change> changes, SessionChanges sessions) override;
  void visit_replies(ReplyVisitor visitor) const override;
  std::uint64_t epoch() const override { return epoch_; }
  void seal() override { sealed_ = applied_; }
  void write_sealed() override;
  void set_durable_listener(DurableListener listener) override;
  void hash(HashDone done) override;
  Position applied() const override { return applied_; }
  Position durable() const override { return durable_; }
  std::uint64_t keys() const override { return table_.size(); }

 private:
  EntryMap table_;
  History history_;
  ReplyTable replies_;
  std::uint64_t epoch_ = 0;
  Position applied_ = 0;
  Position sealed_ = 0;
  Position durable_ = 0;
  DurableListener listener_;
};

}  // namespace rkv::kv
