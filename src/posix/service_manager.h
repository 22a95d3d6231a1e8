#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace rkv::posix {

// A socket that the service manager made for this process. Close-on-exec and non-blocking. A stream
// socket listens already.
struct InheritedSocket {
  std::string name;  // FileDescriptorName= of its unit
  int descriptor = -1;
  bool is_datagram = false;
};

// The service manager that started this process, as systemd's protocols have it: it may hand over
// sockets (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES: sd_listen_fds(3)), and may want to be told when
// the service is ready (NOTIFY_SOCKET: sd_notify(3)). Without one, there are no sockets, and
// notifications do nothing. For one thread.
class ServiceManager {
 public:
  static constexpr std::size_t kSocketsMax = 16;  // more are refused

  // Reads the variables and removes them from the environment, so that no child takes them for its
  // own; so before any thread is started, and once. Sockets meant for another process are not
  // touched. Fails, naming the variable or the socket, on anything but TCP and UDP sockets over
  // IPv4 or IPv6 that listen; those handed over are closed then.
  static Result<ServiceManager> take_environment();

  // The caller owns their descriptors. Empty at the second call.
  std::vector<InheritedSocket> take_sockets();

  // The service takes calls; `status` is a line for a person. Takes at most a second, where the
  // manager is slow. An error is not worth more than a line in a log.
  Status ready(std::string_view status) const;
  // The service is about to end.
  Status stopping(std::string_view status) const;

 private:
  Status notify(std::string_view state, std::string_view status) const;

  std::string notify_socket_;  // empty: nobody wants to know
  std::vector<InheritedSocket> sockets_;
};

}  // namespace rkv::posix
