#include "workspace.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "../fail.h"

namespace rkv::bench {
namespace {

volatile pid_t worker = 0;

extern "C" void end_worker(int) { kill(worker, SIGKILL); }

}  // namespace

int run_in_workspace(const std::string& parent,
                     const std::function<void(const std::string& folder)>& task) {
  std::string folder = parent + "/bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) fail_errno("cannot make a folder");
  // What the worker leaves comes to this process, to be waited for: the kernel kills it with the
  // worker, and only then nobody writes into the folder any more.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t self = getpid();
  worker = fork();
  if (worker < 0) fail_errno("fork");
  if (worker == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != self) std::exit(1);  // it has ended before that
    task(folder);
    std::exit(0);
  }
  struct sigaction action {};
  action.sa_handler = end_worker;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  int worker_status = 1;
  while (true) {
    int status = 0;
    const pid_t ended = wait(&status);
    if (ended < 0 && errno == ECHILD) break;
    if (ended != worker) continue;
    if (WIFEXITED(status)) worker_status = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) std::fprintf(stderr, "bench: ended by signal %d\n", WTERMSIG(status));
  }
  std::filesystem::remove_all(folder);
  return worker_status;
}

}  // namespace rkv::bench
