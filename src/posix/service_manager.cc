#include "posix/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

namespace rkv::posix {
namespace {

constexpr int kFirstDescriptor = 3;  // behind stdin, stdout and stderr
constexpr timeval kNotifyTimeout = {1, 0};

std::string take_variable(const char* name) {
  const char* const value = getenv(name);
  std::string taken = value == nullptr ? "" : value;
  unsetenv(name);
  return taken;
}

std::optional<std::size_t> parse_number(const std::string& text) {
  std::size_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names;
  std::size_t begin = 0;
  while (!text.empty()) {
    const std::size_t colon = text.find(':', begin);
    names.push_back(text.substr(begin, colon - begin));
    if (colon == std::string::npos) break;
    begin = colon + 1;
  }
  return names;
}

std::optional<int> socket_option(int descriptor, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  if (getsockopt(descriptor, SOL_SOCKET, name, &value, &size) != 0) return std::nullopt;
  return value;
}

Result<InheritedSocket> check_socket(std::string name, int descriptor) {
  const std::string what =
      "the inherited socket '" + name + "' (descriptor " + std::to_string(descriptor) + ")";
  const std::optional<int> type = socket_option(descriptor, SO_TYPE);
  if (!type) return Status::invalid(what + " is not a socket: " + std::strerror(errno));
  const int family = socket_option(descriptor, SO_DOMAIN).value_or(AF_UNSPEC);
  if (family != AF_INET && family != AF_INET6) {
    return Status::invalid(what + " is neither of IPv4 nor of IPv6");
  }
  if (*type != SOCK_STREAM && *type != SOCK_DGRAM) {
    return Status::invalid(what + " is neither of TCP nor of UDP");
  }
  if (*type == SOCK_STREAM && socket_option(descriptor, SO_ACCEPTCONN).value_or(0) == 0) {
    return Status::invalid(what + " does not listen; with systemd, write Accept=no in its unit");
  }
  const int flags = fcntl(descriptor, F_GETFL);
  if (fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0 || flags < 0 ||
      fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) {
    return Status::internal(what + " cannot be made non-blocking: " + std::strerror(errno));
  }
  return InheritedSocket{std::move(name), descriptor, *type == SOCK_DGRAM};
}

Result<std::vector<InheritedSocket>> check_sockets(std::size_t count,
                                                   const std::vector<std::string>& names) {
  if (names.size() != count) {
    return Status::invalid("LISTEN_FDS has " + std::to_string(count) + " sockets, LISTEN_FDNAMES " +
                           std::to_string(names.size()) +
                           " names; with systemd, write FileDescriptorName= in the .socket unit");
  }
  std::vector<InheritedSocket> sockets;
  for (const std::string& name : names) {
    Result<InheritedSocket> socket =
        check_socket(name, kFirstDescriptor + static_cast<int>(sockets.size()));
    if (!socket.ok()) return socket.status();
    sockets.push_back(std::move(socket).value());
  }
  return sockets;
}

}  // namespace

Result<ServiceManager> ServiceManager::take_environment() {
  ServiceManager manager;
  manager.notify_socket_ = take_variable("NOTIFY_SOCKET");
  const std::string process = take_variable("LISTEN_PID");
  const std::string count_text = take_variable("LISTEN_FDS");
  const std::string names = take_variable("LISTEN_FDNAMES");
  // Left over from a parent that did not remove them.
  if (process != std::to_string(getpid())) return manager;
  const std::optional<std::size_t> count = parse_number(count_text);
  if (!count || *count > kSocketsMax) {
    return Status::invalid("LISTEN_FDS is '" + count_text + "': a number up to " +
                           std::to_string(kSocketsMax));
  }
  Result<std::vector<InheritedSocket>> sockets = check_sockets(*count, split_names(names));
  if (!sockets.ok()) {
    for (std::size_t i = 0; i < *count; ++i) close(kFirstDescriptor + static_cast<int>(i));
    return sockets.status();
  }
  manager.sockets_ = std::move(sockets).value();
  return manager;
}

std::vector<InheritedSocket> ServiceManager::take_sockets() { return std::exchange(sockets_, {}); }

Status ServiceManager::ready(std::string_view status) const { return notify("READY=1", status); }

Status ServiceManager::stopping(std::string_view status) const {
  return notify("STOPPING=1", status);
}

Status ServiceManager::notify(std::string_view state, std::string_view status) const {
  if (notify_socket_.empty()) return {};
  const std::string what = "cannot tell the service manager at NOTIFY_SOCKET=" + notify_socket_;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (notify_socket_.size() >= sizeof address.sun_path) return Status::invalid(what + ": too long");
  std::memcpy(address.sun_path, notify_socket_.data(), notify_socket_.size());
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + notify_socket_.size());
  if (address.sun_path[0] == '@') {
    address.sun_path[0] = '\0';  // an abstract name, which ends with its last byte
  } else {
    ++size;
  }
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return Status::internal(what + ": " + std::strerror(errno));
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &kNotifyTimeout, sizeof kNotifyTimeout);
  const std::string message = std::string(state) + "\nSTATUS=" + std::string(status);
  const ssize_t sent = sendto(descriptor, message.data(), message.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address), size);
  const int error = errno;
  close(descriptor);
  if (sent < 0) return Status::unavailable(what + ": " + std::strerror(error));
  return {};
}

}  // namespace rkv::posix
