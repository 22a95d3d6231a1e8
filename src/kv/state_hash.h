#pragma once

#include <memory>
#include <string_view>

#include "kv/store.h"

namespace rkv::kv {

// Makes a StateHash from keys and entries, which must be added in bytewise order of the keys.
class StateHasher {
 public:
  StateHasher();
  ~StateHasher();
  StateHasher(const StateHasher&) = delete;
  StateHasher& operator=(const StateHasher&) = delete;

  void add(std::string_view key, std::uint64_t version, std::string_view value);
  // The hash of what was added; `position` is what it stands for.
  StateHash finish(Position position) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::uint64_t keys_ = 0;
};

}  // namespace rkv::kv
