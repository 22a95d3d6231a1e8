#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "kv/memory_store.h"
#include "sim/host.h"
#include "sim/scheduler.h"

namespace rkv::sim {

class SimStore;

// A replica's state on disk, over all its starts: the last one that was written completely.
class StateImage final : public EventHandler {
 public:
  // What is passed by reference must outlive the object.
  StateImage(Scheduler& scheduler, Host& host, std::uint64_t seed)
      : scheduler_(scheduler), host_(host), random_(seed) {}

  // What a crash now would leave.
  Position position() const { return state_.applied(); }

  void handle(EventKind kind, std::uint64_t argument) override;

 private:
  friend class SimStore;

  Scheduler& scheduler_;
  Host& host_;
  Random random_;
  kv::MemoryStore state_;
  SimStore* store_ = nullptr;  // of the process that runs
  std::uint64_t process_ = 0;  // its number, which tells its events from those of earlier ones
};

// A store whose image on disk lags: a write takes its time, and is complete or was for nothing.
class SimStore final : public kv::Store {
 public:
  // Sees every change of the state as it is made.
  using Watcher = std::function<void(Position position, const std::vector<kv::Change>& changes)>;
  // Sees how far the image is, before durable() tells it.
  using SavedWatcher = std::function<void(Position position)>;

  // Begins with what the image holds. `image` must outlive the object, and be of no other store.
  SimStore(StateImage& image, Watcher watcher, SavedWatcher saved_watcher);
  ~SimStore() override;
  SimStore(const SimStore&) = delete;
  SimStore& operator=(const SimStore&) = delete;

  void get(std::string_view key, GetDone done) override { state_.get(key, std::move(done)); }
  void scan(const kv::Scan& scan, ScanDone done) override { state_.scan(scan, std::move(done)); }
  Position pin() override { return state_.pin(); }
  void unpin(Position at) override { state_.unpin(at); }
  void pass(Position at, std::string_view bound, bool reverse) override {
    state_.pass(at, bound, reverse);
  }
  void apply(Position position, std::vector<kv::Change> changes,
             kv::SessionChanges sessions) override;
  void visit_replies(ReplyVisitor visitor) const override { state_.visit_replies(visitor); }
  std::uint64_t epoch() const override { return state_.epoch(); }
  void seal() override { sealed_ = applied(); }
  void write_sealed() override;
  void set_durable_listener(DurableListener listener) override { listener_ = std::move(listener); }
  void hash(HashDone done) override { state_.hash(std::move(done)); }
  Position applied() const override { return state_.applied(); }
  Position durable() const override { return durable_; }
  std::uint64_t keys() const override { return state_.keys(); }

 private:
  friend class StateImage;
  struct Unwritten {
    Position position = 0;
    std::vector<kv::Change> changes;
    kv::SessionChanges sessions;
  };
  void begin_write();
  void finish_write();

  StateImage& image_;
  const Watcher watcher_;
  const SavedWatcher saved_watcher_;
  kv::MemoryStore state_;
  DurableListener listener_;
  std::deque<Unwritten> unwritten_;  // in the state and not in the image
  Position durable_ = 0;
  Position sealed_ = 0;
  Position writing_ = 0;  // up to here; 0: no write is under way
  bool again_ = false;    // another one was asked for meanwhile
};

}  // namespace rkv::sim
