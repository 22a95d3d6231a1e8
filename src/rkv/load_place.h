#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace rkv::cli {

// How far a load of a file is, in a file beside it, FILE.loaded: so many of its keys, from the
// first one on, are stored. Without it, a load begins anew, which costs time and nothing else.
class LoadPlace {
 public:
  explicit LoadPlace(std::string path);

  // Reads it, if it is there. kInvalid if the file has changed since.
  Status read();
  // How many keys need not be put again.
  std::uint64_t keys() const { return keys_; }

  Status note(std::uint64_t keys);
  // The load is complete.
  void remove();

 private:
  const std::string path_;        // of the file
  const std::string place_path_;  // of what this class writes
  std::uint64_t keys_ = 0;
};

}  // namespace rkv::cli
