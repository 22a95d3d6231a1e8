#include "deferring_store.h"

#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"

namespace rkv::contract {

void DeferringStore::finish(std::size_t index) {
  RKV_CHECK(index < pending_.size(), "there is something to finish");
  const auto chosen = pending_.begin() + static_cast<std::ptrdiff_t>(index);
  const std::function<void()> task = std::move(*chosen);
  pending_.erase(chosen);
  task();
}

void DeferringStore::get(std::string_view key, GetDone done) {
  std::optional<kv::Entry> entry;
  memory_.get(key, [&entry](const kv::Entry* found) {
    if (found != nullptr) entry = *found;
  });
  pending_.emplace_back(
      [entry = std::move(entry), done = std::move(done)] { done(entry ? &*entry : nullptr); });
}

void DeferringStore::scan(const kv::Scan& scan, ScanDone done) {
  auto page = std::make_shared<kv::ScanPage>();
  memory_.scan(scan, [&page](kv::ScanPage&& read) { *page = std::move(read); });
  pending_.emplace_back(
      [page = std::move(page), done = std::move(done)] { done(std::move(*page)); });
}

void DeferringStore::apply(Position position, std::vector<kv::Change> changes,
                           kv::SessionChanges sessions) {
  memory_.apply(position, std::move(changes), std::move(sessions));
}

void DeferringStore::write_sealed() {
  if (asked_ == sealed_) return;
  asked_ = sealed_;
  pending_.emplace_back([this, position = asked_] {
    if (position <= durable_) return;
    durable_ = position;
    if (listener_) listener_(durable_);
  });
}

void DeferringStore::set_durable_listener(DurableListener listener) {
  listener_ = std::move(listener);
}

void DeferringStore::hash(HashDone done) {
  kv::StateHash now;
  memory_.hash([&now](const kv::StateHash& hash) { now = hash; });
  pending_.emplace_back([now, done = std::move(done)] { done(now); });
}

}  // namespace rkv::contract
