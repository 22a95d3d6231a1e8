#include "sim/sim_store.h"

#include "base/check.h"
#include "sim/draw.h"

namespace rkv::sim {

void StateImage::handle(EventKind kind, std::uint64_t argument) {
  RKV_CHECK(kind == EventKind::kStoreWritten, "not an event of a store");
  if (store_ == nullptr || argument != process_) return;
  if (host_.put_off(*this, kind, argument)) return;
  store_->finish_write();
}

SimStore::SimStore(StateImage& image, Watcher watcher, SavedWatcher saved_watcher)
    : image_(image),
      watcher_(std::move(watcher)),
      saved_watcher_(std::move(saved_watcher)),
      state_(image.state_),
      durable_(image.position()) {
  RKV_CHECK(image_.store_ == nullptr, "a state is opened by one process at a time");
  image_.store_ = this;
  ++image_.process_;
}

SimStore::~SimStore() { image_.store_ = nullptr; }

void SimStore::apply(Position position, std::vector<kv::Change> changes,
                     kv::SessionChanges sessions) {
  if (watcher_) watcher_(position, changes);
  unwritten_.push_back({position, changes, sessions});
  state_.apply(position, std::move(changes), std::move(sessions));
}

void SimStore::write_sealed() {
  if (writing_ != 0) {
    again_ = true;
  } else if (sealed_ > durable_) {
    begin_write();
  }
}

void SimStore::begin_write() {
  writing_ = sealed_;
  constexpr Duration kWriteMin = milliseconds(1);
  constexpr Duration kWriteMean = milliseconds(5);
  image_.scheduler_.after(kWriteMin + draw_exponential(image_.random_, kWriteMean), image_,
                          EventKind::kStoreWritten, image_.process_);
}

void SimStore::finish_write() {
  while (!unwritten_.empty() && unwritten_.front().position <= writing_) {
    Unwritten& first = unwritten_.front();
    image_.state_.apply(first.position, std::move(first.changes), std::move(first.sessions));
    unwritten_.pop_front();
  }
  durable_ = std::exchange(writing_, 0);
  if (saved_watcher_) saved_watcher_(durable_);
  if (std::exchange(again_, false) && sealed_ > durable_) begin_write();
  if (listener_) listener_(durable_);
}

}  // namespace rkv::sim
