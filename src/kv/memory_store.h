#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kv/store.h"

namespace rkv::kv {

// A store in memory: everything is durable as soon as it is written, and gone with the object.
// Every callback is run before the call returns. For tests and simulation.
class MemoryStore final : public Store {
 public:
  using ReplyTable = std::map<ReplyId, Reply>;
  // What other stores that keep a table of replies do with it.
  static void change(ReplyTable& table, const std::vector<ReplyChange>& changes);

  void get(std::string_view key, GetDone done) override;
  void apply(Position position, std::vector<Change> changes,
             std::vector<ReplyChange> replies) override;
  void visit_replies(ReplyVisitor visitor) const override;
  void write() override;
  void set_durable_listener(DurableListener listener) override;
  void hash(HashDone done) override;
  Position applied() const override { return applied_; }
  Position durable() const override { return durable_; }
  std::uint64_t keys() const override { return table_.size(); }

 private:
  std::map<std::string, Entry, std::less<>> table_;
  ReplyTable replies_;
  Position applied_ = 0;
  Position durable_ = 0;
  DurableListener listener_;
};

}  // namespace rkv::kv
