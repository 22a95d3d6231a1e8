#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"

namespace rkv::kv {

// What is stored under a key.
struct Entry {
  std::string value;
  std::uint64_t version = 0;  // how often the key was written since it was created, from 1
  Position position = 0;      // of the write that made it so
  Position created = 0;       // of the write that made the key; 0: from before this was kept
  bool operator==(const Entry&) const = default;
};

}  // namespace rkv::kv
