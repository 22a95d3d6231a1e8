#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "rkv/files.h"

namespace rkv::cli {

// How far a load of a file into a cluster is, in a file beside it, FILE.loaded: so many of its
// keys, from the first one on, are stored there. Without it, a load begins anew, which costs time
// and nothing else.
class LoadPlace {
 public:
  // `stamp`: of the open file that the keys come from, which `path` may not name any more later.
  // `cluster`: the id of the cluster that they go to.
  LoadPlace(const std::string& path, const FileStamp& stamp, std::string cluster);

  // Reads it, if it is there. kInvalid if it is about another file, about this one before it was
  // changed, or about another cluster, which may lack what this one has.
  Status read();
  // How many keys need not be put again.
  std::uint64_t keys() const { return keys_; }

  Status note(std::uint64_t keys);
  // The load is complete.
  void remove();

 private:
  const std::string place_path_;  // of what this class writes
  const FileStamp stamp_;
  const std::string cluster_;
  std::uint64_t keys_ = 0;
};

}  // namespace rkv::cli
