#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace rkv::bench {

// A program that was started for the bench, and what it uses. It is killed with this object, and by
// the kernel if the bench ends before.
class Server {
 public:
  // Starts `command`, found as execvp() finds it; what it prints goes to the file `log`.
  Server(const std::vector<std::string>& command, const std::string& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Ends the bench, with where the log is, if the program has ended.
  void check_runs();

  // Of all its threads, since it was started, in seconds.
  double cpu_seconds() const;
  // The most bytes that it had resident since the last call of forget_peak_memory().
  std::size_t peak_memory() const;
  void forget_peak_memory();

 private:
  std::string proc(const char* file) const;

  const std::string log_;
  pid_t pid_ = -1;
};

}  // namespace rkv::bench
