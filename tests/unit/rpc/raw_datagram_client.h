#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "raw_client.h"
#include "rpc/address.h"

namespace rkv::rpc {

// A client that is nothing but a UDP socket: sends any datagram anywhere, and reads what comes. A
// wait that does not end within kPatience fails the test.
class RawDatagramClient {
 public:
  // `from` is the address that the server sees.
  explicit RawDatagramClient(const Address& server, const std::string& from = "127.0.0.1");
  ~RawDatagramClient();
  RawDatagramClient(const RawDatagramClient&) = delete;
  RawDatagramClient& operator=(const RawDatagramClient&) = delete;

  void send(std::string_view bytes) { send_to(server_, bytes); }
  void send_to(const Address& server, std::string_view bytes);
  void send_call(const WireCall& call, std::string_view arguments = "") {
    send(encode_call(call, arguments));
  }

  struct Datagram {
    std::string bytes;
    Address from;
  };
  Datagram read();
  // The next one, taken apart.
  WireReply read_reply() { return decode_reply(read().bytes); }
  // Sends a call of procedure 0 with an xid of its own, and reads its reply, which must come next:
  // so nothing that was sent before has got one.
  void expect_nothing_before_this();

 private:
  const Address server_;
  const int descriptor_;
  std::uint32_t next_probe_ = 0xf0000000;
};

}  // namespace rkv::rpc
