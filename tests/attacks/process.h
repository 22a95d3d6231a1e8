#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace rkv::attacks {

// What a process uses now, as /proc/PID tells it.
struct Usage {
  std::size_t memory = 0;       // resident bytes
  std::size_t memory_peak = 0;  // the most there were since reset_memory_peak()
  double cpu_seconds = 0;       // since its start
  double waited_seconds = 0;    // the same: ready to run, while others had the processor
  std::size_t descriptors = 0;
};

// A server under attack, as a process of its own: ends with this object, and with this process
// however that ends.
class Process {
 public:
  // `arguments` begins with the program's path; what it prints goes to the file `log`. With
  // `descriptors_max` it gets no more descriptors than that (0: as this process).
  Process(const std::vector<std::string>& arguments, const std::string& log,
          std::size_t descriptors_max);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool running();
  // All 0 when the process is gone.
  Usage usage() const;
  void reset_memory_peak() const;

 private:
  std::string proc(const char* file) const;

  pid_t pid_ = -1;
  bool ended_ = false;
};

}  // namespace rkv::attacks
