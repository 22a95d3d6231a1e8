#include "posix/system.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/check.h"

namespace rkv::posix {

Result<std::string> read_file(const std::string& path, std::size_t size_max) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Status::invalid(path + ": " + std::strerror(errno));
  std::string content;
  std::array<char, 64 * 1024> block{};
  while (true) {
    const ssize_t size = read(descriptor, block.data(), block.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      const int error = size < 0 ? errno : 0;
      close(descriptor);
      if (error != 0) return Status::invalid(path + ": " + std::strerror(error));
      return content;
    }
    content.append(block.data(), static_cast<std::size_t>(size));
    if (content.size() > size_max) {
      close(descriptor);
      return Status(StatusCode::kOverLimit,
                    path + ": larger than " + std::to_string(size_max) + " bytes");
    }
  }
}

void fill_random(void* bytes, std::size_t size) {
  RKV_CHECK(size <= 256, "getrandom() gives this many bytes in one piece");
  const ssize_t got = getrandom(bytes, size, 0);
  RKV_CHECK(got == static_cast<ssize_t>(size), "the kernel gives random bytes");
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  }
  return limit.rlim_cur;
}

int take_over_signals() {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  RKV_CHECK(pthread_sigmask(SIG_BLOCK, &stops, nullptr) == 0, "signals can be blocked");
  const int descriptor = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
  RKV_CHECK(descriptor >= 0, "there is a descriptor for signals");
  return descriptor;
}

int read_signal(int descriptor) {
  signalfd_siginfo info{};
  const ssize_t size = read(descriptor, &info, sizeof info);
  return size == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace rkv::posix
