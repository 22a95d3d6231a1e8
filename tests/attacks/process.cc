#include "process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace rkv::attacks {
namespace {

constexpr int kFailedToStart = 127;

// In the child, between fork() and exec(): the process that was forked has one thread.
[[noreturn]] void become(const std::vector<char*>& arguments, const char* log, pid_t parent,
                         std::size_t descriptors_max) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kFailedToStart);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_DFL);
  const int output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (descriptors_max > 0) {
    const rlimit limit{descriptors_max, descriptors_max};
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  execv(arguments.front(), arguments.data());
  _exit(kFailedToStart);
}

std::size_t kibibytes_of(const std::string& status, const std::string& name) {
  const std::size_t at = status.find("\n" + name + ":");
  return at == std::string::npos ? 0 : std::stoul(status.substr(at + name.size() + 2)) * 1024;
}

std::string read_all(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const std::string& log,
                 std::size_t descriptors_max) {
  std::vector<char*> words;
  words.reserve(arguments.size() + 1);
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (pid_ == 0) become(words, log.c_str(), parent, descriptors_max);
}

Process::~Process() {
  if (ended_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool Process::running() {
  if (!ended_ && waitpid(pid_, nullptr, WNOHANG) == pid_) ended_ = true;
  return !ended_;
}

std::string Process::proc(const char* file) const {
  return "/proc/" + std::to_string(pid_) + "/" + file;
}

Usage Process::usage() const {
  Usage usage;
  const std::string status = read_all(proc("status"));
  usage.memory = kibibytes_of(status, "VmRSS");
  usage.memory_peak = kibibytes_of(status, "VmHWM");
  // The program's name, which may hold anything, ends with the last parenthesis; user and system
  // time are the 12th and 13th field behind it.
  const std::string stat = read_all(proc("stat"));
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user_ticks = 0;
  double system_ticks = 0;
  fields >> user_ticks >> system_ticks;
  usage.cpu_seconds = (user_ticks + system_ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(proc("task"), gone)) {
    // Nanoseconds on a processor, then those of waiting for one.
    std::istringstream times(read_all(task.path().string() + "/schedstat"));
    double ran_ns = 0;
    double waited_ns = 0;
    times >> ran_ns >> waited_ns;
    usage.waited_seconds += waited_ns / 1e9;
  }
  const std::filesystem::directory_iterator open_files(proc("fd"), gone);
  usage.descriptors = static_cast<std::size_t>(std::distance(begin(open_files), end(open_files)));
  return usage;
}

void Process::reset_memory_peak() const { std::ofstream(proc("clear_refs")) << "5"; }

}  // namespace rkv::attacks
