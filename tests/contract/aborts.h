#pragma once

#include <cppunit/TestAssert.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <functional>

namespace rkv::contract {

// Whether a step breaks an invariant, that is, ends the process by abort().
inline bool aborts(const std::function<void()>& step) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit no_core = {0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::close(STDERR_FILENO);
    step();
    ::_exit(0);
  }
  int status = 0;
  CPPUNIT_ASSERT(::waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

}  // namespace rkv::contract
