#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "deadline.h"
#include "wire.h"

namespace rkv::attacks {

// A client's side of a connection, or a UDP socket, to a port of this host; never blocks longer
// than it is told. What goes wrong in the attacker itself is a std::runtime_error; what the server
// does is an answer.
class Socket {
 public:
  static constexpr std::size_t kReadSize = 64 * 1024;

  // Begins a connection; what is sent waits for its end. `from` is an address of this host,
  // `receive_size` what the kernel may hold of what is not read (0: as much as it likes).
  explicit Socket(std::uint16_t port, const char* from = "127.0.0.1", int receive_size = 0);
  // A socket for datagrams to this port.
  static Socket udp(std::uint16_t port);
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  // Sends as much as is taken at once, and says how much that was.
  std::size_t send_some(std::string_view bytes);
  // Sends all; false if the server closed the connection or did not take it in time.
  bool send_all(std::string_view bytes, Duration limit = patience());
  // What there is to read now, `size_max` bytes of it at most; may be nothing.
  std::string read_some(std::size_t size_max);
  // Waits until there is something to read, or the connection is closed.
  void wait_to_read(Duration limit) const;
  // The next record without its mark, or the next datagram; nothing when the connection was closed
  // or it took too long. Reads so many bytes at a time.
  std::optional<std::string> read_message(Duration limit = patience(),
                                          std::size_t at_a_time = kReadSize);
  // Sends a message and reads the answer to it. "closed" or "no answer" stand for its `what` when
  // there is none.
  Answer ask(std::string_view message, Duration limit = patience());
  // Whether the server closes the connection in time. Reads what it sends until then.
  bool closed_within(Duration limit);
  // Whether the server was seen to close the connection.
  bool closed() const { return closed_; }
  // Ends the connection with a reset, which leaves nothing behind in the kernel.
  void reset();

 private:
  Socket() = default;
  bool wait_for(short events, const Deadline& deadline) const;
  bool has_message() const;
  void receive(std::size_t size_max);

  int descriptor_ = -1;
  bool is_udp_ = false;
  bool closed_ = false;
  std::string received_;  // and not yet handed out
};

}  // namespace rkv::attacks
