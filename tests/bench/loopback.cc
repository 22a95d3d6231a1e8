#include "loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fail.h"

namespace rkv::bench {
namespace {

sockaddr_in loopback_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int new_socket() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  if (descriptor < 0) fail_errno("socket");
  return descriptor;
}

}  // namespace

int try_connect_to(std::uint16_t port) {
  const int descriptor = new_socket();
  const sockaddr_in address = loopback_address(port);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(descriptor);
    return -1;
  }
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return descriptor;
}

int connect_to(std::uint16_t port) {
  const int descriptor = try_connect_to(port);
  if (descriptor < 0) fail("cannot connect to a server");
  return descriptor;
}

std::vector<std::uint16_t> free_ports(std::size_t count) {
  std::vector<int> sockets;
  std::vector<std::uint16_t> ports;
  sockets.reserve(count);
  ports.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    sockets.push_back(new_socket());
    sockaddr_in address = loopback_address(0);
    socklen_t size = sizeof address;
    if (bind(sockets.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        getsockname(sockets.back(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      fail_errno("no free port");
    }
    ports.push_back(ntohs(address.sin_port));
  }
  for (const int descriptor : sockets) close(descriptor);
  return ports;
}

}  // namespace rkv::bench
