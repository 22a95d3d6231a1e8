#pragma once

#include <functional>
#include <memory>

#include "kv/store.h"

namespace rkv::contract {

// A new and empty store, and what it needs around it.
class StoreWorld {
 public:
  virtual ~StoreWorld() = default;
  virtual kv::Store& store() = 0;
  // Lets the store do what it has to do, until the condition holds; false if it never will.
  virtual bool run_until(const std::function<bool()>& condition) = 0;
};

std::unique_ptr<StoreWorld> memory_store_world();
std::unique_ptr<StoreWorld> rocks_store_world();          // its write-ahead log synced
std::unique_ptr<StoreWorld> flushed_rocks_store_world();  // the other durability
// Finishes what is deferred in an order drawn at random, the same one in each run.
std::unique_ptr<StoreWorld> deferring_store_world();

}  // namespace rkv::contract
