#include "child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>

#include "fail.h"

namespace rkv::bench {

Child::Child(const std::string& path, unsigned seconds) {
  int ends[2];
  if (pipe(ends) != 0) fail_errno("pipe");
  pid_ = fork();
  if (pid_ < 0) fail_errno("fork");
  if (pid_ == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    const std::string limit = std::to_string(seconds);
    execl(path.c_str(), path.c_str(), limit.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  FILE* const said = fdopen(ends[0], "r");
  unsigned port = 0;
  if (said == nullptr || std::fscanf(said, "%u", &port) != 1) fail("a server did not start");
  std::fclose(said);
  port_ = static_cast<std::uint16_t>(port);
}

Child::~Child() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::size_t Child::memory() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stoul(line.substr(6)) * 1024;
  }
  fail("no memory figure of a server");
}

}  // namespace rkv::bench
