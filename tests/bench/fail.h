#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace rkv::bench {

// Ends this process of the bench: half a table would be taken for a whole one.
[[noreturn]] inline void fail(const char* what) {
  std::fprintf(stderr, "bench: %s\n", what);
  std::exit(1);
}

// The same, for a system call that went wrong.
[[noreturn]] inline void fail_errno(const char* what) {
  std::fprintf(stderr, "bench: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

}  // namespace rkv::bench
