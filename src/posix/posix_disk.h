#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "env/disk.h"

namespace rkv::posix {

// The files of a directory. A thread of its own works off what is asked for, in order. Writes to
// one file that follow one another share a sync; a file is made in pieces between the writes, so
// that these do not wait for it. After the first failure the disk is not touched again, and
// everything fails with the same reason.
class PosixDisk final : public env::Disk {
 public:
  static constexpr std::size_t kFileSizeMax = std::size_t{1} << 30;      // bytes that read() takes
  static constexpr std::size_t kCreatePieceSize = std::size_t{1} << 20;  // bytes
  static constexpr std::size_t kOpenFilesMax = 4;

  struct Options {
    std::string directory;  // must be there
    // Runs a task on the caller's thread, later. Called from the disk's thread until the disk is
    // destroyed.
    std::function<void(std::function<void()> task)> post;
  };
  // Fails, naming the directory, if it cannot be opened.
  static Result<std::unique_ptr<PosixDisk>> open(const Options& options);
  // Ends when all that was asked for is done. Callbacks that were not run by then are dropped.
  ~PosixDisk() override;
  PosixDisk(const PosixDisk&) = delete;
  PosixDisk& operator=(const PosixDisk&) = delete;

  Result<std::vector<std::string>> list() override;
  Result<std::string> read(const std::string& name) override;
  void create(const std::string& name, std::size_t size, Done done) override;
  void write(const std::string& name, std::size_t offset, std::string bytes, Done done) override;
  void remove(const std::string& name, Done done) override;
  // Asks the file system now and then, not each time.
  std::uint64_t free_bytes() override;

 private:
  struct Job {
    enum class Kind { kCreate, kWrite, kRemove };
    Kind kind = Kind::kCreate;
    std::string name;
    std::size_t position = 0;  // of a write: where; of a creation: how much is done
    std::size_t size = 0;      // of a creation
    std::string bytes;         // of a write
    Done done;
  };

  PosixDisk(const Options& options, int directory);
  std::string path(const std::string& name) const { return directory_path_ + "/" + name; }
  Status failure(const std::string& what, const std::string& name, int error) const;
  Status sync_directory() const;

  void submit(Job job);
  void run();
  std::vector<Job> take_jobs();
  void work_at(std::vector<Job> jobs);
  void create_piece();
  void finish(Job& job, const Status& status);

  Result<int> open_file(const std::string& name);
  void close_file(const std::string& name);
  Status write_at(int file, const std::string& name, std::string_view bytes, std::size_t offset);
  Status write_all(const std::vector<Job>& jobs);
  Status begin_file(const std::string& name);
  Status fill_piece(Job& job);
  Status remove_file(const std::string& name);

  const std::string directory_path_;
  const int directory_;  // descriptor
  const std::function<void(std::function<void()>)> post_;

  // Of the caller's thread:
  std::uint64_t free_bytes_ = 0;
  std::optional<std::chrono::steady_clock::time_point> free_bytes_read_;

  // Of the disk's thread:
  std::map<std::string, int> open_files_;
  std::optional<Job> creation_;
  Status failed_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_:
  std::deque<Job> jobs_;
  bool stop_ = false;

  // Posted tasks hold this weakly: none runs after the disk is gone.
  std::shared_ptr<bool> alive_;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace rkv::posix
