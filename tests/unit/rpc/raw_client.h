#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "rpc/address.h"

namespace rkv::rpc {

// How long a test waits for something that should come at once.
constexpr Duration kPatience = seconds(20);

// A credential or verifier as it is on the wire.
struct WireAuth {
  std::uint32_t flavor = 0;
  std::string body;
};

// The head of a call as it is on the wire; a test may set any field wrong.
struct WireCall {
  std::uint32_t xid = 1;
  std::uint32_t direction = 0;
  std::uint32_t rpc_version = 2;
  std::uint32_t program = 0x20001234;
  std::uint32_t version = 2;
  std::uint32_t procedure = 0;
  WireAuth credential;
  WireAuth verifier;
};

// A reply taken apart by code that shares nothing with src/rpc's.
struct WireReply {
  std::uint32_t xid = 0;
  bool accepted = false;
  std::uint32_t stat = 0;       // accept_stat, or reject_stat when denied
  std::uint32_t low = 0;        // of a mismatch
  std::uint32_t high = 0;       // of a mismatch
  std::uint32_t auth_stat = 0;  // of AUTH_ERROR
  std::string results;
};

// A call message without its record mark.
std::string encode_call(const WireCall& call, std::string_view arguments = "");
// Fails the test if the record is not a whole reply.
WireReply decode_reply(std::string_view record);

// A fragment with its mark; a record of one fragment; a record of fragments of at most `size`
// bytes.
std::string fragment(std::string_view bytes, bool is_last);
std::string record(std::string_view bytes);
std::string record_of_fragments(std::string_view bytes, std::size_t size);

// The body of an AUTH_SYS credential.
std::string system_credential(std::string_view machine, std::uint32_t uid, std::uint32_t gid,
                              const std::vector<std::uint32_t>& groups);

// Arguments of the ledger's procedures.
std::string ledger_entry_bytes(std::int64_t amount, std::string_view note = "");
std::string ledger_add_bytes(const std::vector<std::int64_t>& amounts);
std::int64_t read_int64(std::string_view bytes);

// A client that is nothing but a socket: sends any bytes, and reads records. Every wait that does
// not end within kPatience fails the test.
class RawClient {
 public:
  // `receive_buffer` 0 leaves the kernel's default; `from` is the address that the server sees.
  explicit RawClient(const Address& server, int receive_buffer = 0,
                     const std::string& from = "127.0.0.1");
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes);
  // Sends what the kernel takes now, and returns how much that was.
  std::size_t send_what_fits(std::string_view bytes);
  void send_call(const WireCall& call, std::string_view arguments = "") {
    send(record(encode_call(call, arguments)));
  }

  // The next record, put together from its fragments; nothing when the server closed the
  // connection.
  std::optional<std::string> read_record();
  // At most `size` bytes as they come; empty when the server closed the connection.
  std::string read_some(std::size_t size);
  // The next reply; fails the test when the connection is closed.
  WireReply read_reply();
  // Waits until the server has closed the connection; fails the test if bytes come before that.
  void expect_closed();
  // Whether the server has closed the connection, without waiting.
  bool is_closed() const;

  // Closes the sending side only.
  void finish_sending();
  // Closes at once with a reset.
  void reset();

  int descriptor() const { return descriptor_; }

 private:
  void wait_for(short events) const;
  bool fill(std::size_t size);

  int descriptor_ = -1;
  std::string received_;
};

}  // namespace rkv::rpc
