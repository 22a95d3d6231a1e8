#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "env/disk.h"

namespace rkv::sim {

// What goes wrong on a simulated disk. As it is made here, nothing does.
struct DiskFaults {
  Duration delay_min = microseconds(50);   // that each change takes
  Duration delay_mean = microseconds(85);  // at least delay_min
  std::uint32_t stall_per_million = 0;     // changes that take long
  Duration stall_max = seconds(5);

  // Changes that fail. After a failure all do, until the disk is restarted.
  std::uint32_t error_per_million = 0;
  // The change that fails, counted from 1 over the life of the disk, as counters().changes are; 0:
  // none.
  std::uint64_t failing_change = 0;

  // What all files may have together, in bytes; creating more fails.
  std::uint64_t capacity = UINT64_MAX;
};

// What was done, and what was done to it.
struct DiskCounters {
  std::uint64_t changes = 0;  // asked for
  std::uint64_t creates = 0;
  std::uint64_t writes = 0;
  std::uint64_t removes = 0;
  std::uint64_t bytes_written = 0;

  std::uint64_t stalls = 0;
  std::uint64_t errors = 0;  // out_of_space among them
  std::uint64_t out_of_space = 0;
  std::uint64_t crashes = 0;
  std::uint64_t writes_kept = 0;  // at a crash, of those that were not durable yet
  std::uint64_t writes_dropped = 0;
  std::uint64_t writes_torn = 0;
  std::uint64_t creates_torn = 0;  // at a crash: the file is there, but shorter or not durable
  std::uint64_t flipped_bits = 0;
  std::uint64_t rotten_sectors = 0;
};

// A disk in memory. It knows what of each file is durable and what is on its way; a crash keeps,
// drops or tears each of the latter. All it does depends on its Random and on the schedule.
class SimDisk final : public env::Disk {
 public:
  // Runs a task after some simulated time.
  using Schedule = std::function<void(Duration delay, std::function<void()> task)>;
  // The content of each file, by its name.
  using Image = std::map<std::string, std::string>;

  // `random` must outlive the disk.
  SimDisk(Random& random, Schedule schedule);
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  Result<std::vector<std::string>> list() override;
  Result<std::string> read(const std::string& name) override;
  void create(const std::string& name, std::size_t size, Done done) override;
  void write(const std::string& name, std::size_t offset, std::string bytes, Done done) override;
  void remove(const std::string& name, Done done) override;
  std::uint64_t free_bytes() override;

  DiskFaults& faults() { return faults_; }
  const DiskCounters& counters() const { return counters_; }

  // The power goes: callbacks that have not run never run, and of what was not durable each write
  // is kept, dropped, or kept in some sectors; so for each file that was being made or removed. An
  // error that was there is gone.
  void crash();
  // The process ends, but not the machine: callbacks that have not run never run, and all that was
  // asked for is as if done, though not durable before it is read.
  void kill();

  // Damage to what is durable: a bit from 0 to 7 of a byte.
  void flip_bit(const std::string& name, std::size_t offset, unsigned bit);
  // Damage to a sector drawn at random among those of all files that are not zero: one bit, some
  // bytes, or all. False if there is none.
  bool rot();

  // What is durable.
  Image image() const;
  void set_image(const Image& image);

 private:
  enum class Kind { kCreate, kWrite, kRemove };
  struct Change {
    Kind kind = Kind::kCreate;
    std::size_t offset = 0;
    std::size_t size = 0;  // of a file that is made
    std::string bytes;
    Done done;
    bool fails = false;
  };
  struct File {
    bool exists = false;
    std::string content;         // durable
    std::deque<Change> changes;  // on their way, in order
    bool busy = false;           // the first of them is scheduled
  };

  void submit(const std::string& name, Change change);
  void begin_next(const std::string& name);
  void finish_first(const std::string& name);
  Status try_change(File& file, const std::string& name, const Change& change);
  Duration draw_delay();
  bool draw(std::uint32_t per_million) { return random_.below(1'000'000) < per_million; }
  static void apply(File& file, const Change& change);
  void tear(File& file, const Change& change);
  void forget_callbacks();
  std::uint64_t used() const;

  Random& random_;
  const Schedule schedule_;
  DiskFaults faults_;
  DiskCounters counters_;
  std::map<std::string, File> files_;
  bool broken_ = false;
  // Scheduled tasks hold this weakly; it is replaced when the power or the process goes.
  std::shared_ptr<bool> power_;
};

}  // namespace rkv::sim
