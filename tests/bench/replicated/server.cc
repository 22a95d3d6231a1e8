#include "server.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <fstream>

#include "../fail.h"

namespace rkv::bench {

Server::Server(const std::vector<std::string>& command, const std::string& log) : log_(log) {
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t bench = getpid();
  pid_ = fork();
  if (pid_ < 0) fail_errno("fork");
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != bench) _exit(127);  // it has ended before that
  const int output = open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execvp(words[0], words.data());
  _exit(127);
}

Server::~Server() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Server::check_runs() {
  siginfo_t about{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &about, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      about.si_pid == 0) {
    return;
  }
  std::ifstream log(log_);
  std::string line;
  while (std::getline(log, line)) std::fprintf(stderr, "%s\n", line.c_str());
  fail("a server has ended; what it said stands above");
}

double Server::cpu_seconds() const {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    fail("no processor time of a server");
  }
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

std::string Server::proc(const char* file) const {
  return "/proc/" + std::to_string(pid_) + "/" + file;
}

std::size_t Server::peak_memory() const {
  constexpr std::string_view kField = "VmHWM:";
  std::ifstream status(proc("status"));
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(kField)) return std::stoul(line.substr(kField.size())) * 1024;
  }
  fail("no memory figure of a server");
}

void Server::forget_peak_memory() {
  constexpr const char* kForgetPeak = "5\n";  // proc(5)
  std::ofstream(proc("clear_refs")) << kForgetPeak;
}

}  // namespace rkv::bench
