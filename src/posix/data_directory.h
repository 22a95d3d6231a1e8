#pragma once

#include <string>

#include "base/status.h"

namespace rkv::posix {

// A replica's data directory, held by this process alone for as long as the object lives: an
// exclusive lock on the file `lock` in it, which holds the process id of its owner.
class DataDirectory {
 public:
  enum class Content { kEmpty, kReplica };

  // Opens a directory; makes it first if it is missing and `may_create`. Fails, naming the
  // directory and what to do, if it is missing, in use by another process, or holds something else
  // than a replica.
  static Result<DataDirectory> open(const std::string& path, bool may_create);

  DataDirectory(DataDirectory&& other) noexcept;
  DataDirectory& operator=(DataDirectory&&) = delete;
  ~DataDirectory();

  // What was in it when it was opened.
  Content content() const { return content_; }
  const std::string& path() const { return path_; }
  // The folder of the store.
  std::string store_path() const { return path_ + "/store"; }
  // The folder of the log, for a replica that keeps one; make_log_folder() makes it, durably.
  std::string log_path() const { return path_ + "/log"; }
  bool has_log_folder() const;
  Status make_log_folder() const;

 private:
  DataDirectory(std::string path, int lock, Content content)
      : path_(std::move(path)), lock_(lock), content_(content) {}

  std::string path_;
  int lock_ = -1;
  Content content_ = Content::kEmpty;
};

}  // namespace rkv::posix
