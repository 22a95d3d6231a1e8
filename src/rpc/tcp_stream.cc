#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "rpc/byte_stream.h"

namespace rkv::rpc {
namespace {

constexpr int kListenBacklog = 1024;

IoResult failed_io() {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    return {IoResult::Kind::kWouldBlock, 0, 0};
  }
  return {IoResult::Kind::kError, 0, errno};
}

class TcpStream final : public ByteStream {
 public:
  explicit TcpStream(int descriptor) : descriptor_(descriptor) {
    const int on = 1;
    setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~TcpStream() override { close(descriptor_); }
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  IoResult read(char* buffer, std::size_t size) override {
    const ssize_t count = recv(descriptor_, buffer, size, 0);
    if (count > 0) return {IoResult::Kind::kBytes, static_cast<std::size_t>(count), 0};
    if (count == 0) return {IoResult::Kind::kEnd, 0, 0};
    return failed_io();
  }

  IoResult write(const char* data, std::size_t size) override {
    const ssize_t count = send(descriptor_, data, size, MSG_NOSIGNAL);
    if (count >= 0) return {IoResult::Kind::kBytes, static_cast<std::size_t>(count), 0};
    return failed_io();
  }

  void finish_output() override { shutdown(descriptor_, SHUT_WR); }

  int descriptor() const override { return descriptor_; }
  bool has_buffered_input() const override { return false; }

 private:
  const int descriptor_;
};

Status socket_failure(const std::string& what, const Address& address) {
  return Status::unavailable(address.to_string() + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

std::unique_ptr<ByteStream> make_tcp_stream(int descriptor) {
  return std::make_unique<TcpStream>(descriptor);
}

Result<int> begin_tcp_connect(const Address& address) {
  const int descriptor =
      socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (descriptor < 0) return socket_failure("cannot make a socket", address);
  if (connect(descriptor, address.raw(), address.raw_size()) != 0 && errno != EINPROGRESS) {
    Status status = Status::unavailable(address.to_string() + ": " + std::strerror(errno));
    close(descriptor);
    return status;
  }
  return descriptor;
}

int connect_outcome(int descriptor) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

Result<int> listen_tcp(const Address& address) {
  const int descriptor =
      socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (descriptor < 0) return socket_failure("cannot make a socket", address);
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // One socket per family, as rpcbind's netids tcp and tcp6 have it.
  if (address.family() == AF_INET6) {
    setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (bind(descriptor, address.raw(), address.raw_size()) != 0 ||
      listen(descriptor, kListenBacklog) != 0) {
    Status status = socket_failure("cannot listen", address);
    close(descriptor);
    return status;
  }
  return descriptor;
}

}  // namespace rkv::rpc
