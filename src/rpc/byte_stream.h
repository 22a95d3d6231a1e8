#pragma once

#include <cstddef>
#include <memory>

#include "base/status.h"
#include "rpc/address.h"

namespace rkv::rpc {

// What one read or write did.
struct IoResult {
  enum class Kind {
    kBytes,       // `bytes` were moved, at least one
    kWouldBlock,  // nothing now; wait for readiness
    kEnd,         // the other side has closed (reads only)
    kError,       // `error` is an errno; the stream is dead
  };
  Kind kind = Kind::kError;
  std::size_t bytes = 0;
  int error = 0;
};

// A connected, non-blocking stream of bytes under an RPC connection. TCP is one; TLS (RFC 9289) can
// be another one on top of it. Used by one thread. Closes its descriptor when it is destroyed.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  virtual IoResult read(char* buffer, std::size_t size) = 0;
  virtual IoResult write(const char* data, std::size_t size) = 0;

  // Tells the other side that nothing more will be written; reading goes on.
  virtual void finish_output() = 0;

  // What to watch for readiness.
  virtual int descriptor() const = 0;
  // Whether read() can return bytes although the descriptor may never become readable again: they
  // were taken off it already. A reader must go on until this is false.
  virtual bool has_buffered_input() const = 0;
};

// Takes ownership of a connected, non-blocking TCP socket and sets TCP_NODELAY.
std::unique_ptr<ByteStream> make_tcp_stream(int descriptor);

// Begins to connect a non-blocking TCP socket. The descriptor becomes writable when the outcome is
// known, which connect_outcome() then tells: 0, or an errno. The caller owns the descriptor.
Result<int> begin_tcp_connect(const Address& address);
int connect_outcome(int descriptor);

// A listening, non-blocking TCP socket; IPv6 sockets take IPv6 only. The caller owns the
// descriptor.
Result<int> listen_tcp(const Address& address);

}  // namespace rkv::rpc
