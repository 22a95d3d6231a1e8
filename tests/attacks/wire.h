#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rkv::attacks {

// The bytes of calls and replies (RFC 5531, RFC 4506) and of kv.x, written and read by hand: what
// attacks a server must not share code with it, and has to be able to write what is wrong.

constexpr std::uint32_t kProgram = 0x20006b76;
constexpr std::uint32_t kPeerProgram = 0x20006b77;
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMarkSize = 4;  // bytes of a fragment's header

enum Procedure : std::uint32_t {
  kNull = 0,
  kPut = 1,
  kGet = 2,
  kDel = 3,
  kStatus = 5,
  kTxn = 6,
  kRange = 7,
  kRput = 1
};

// XDR, appended item by item.
class Bytes {
 public:
  Bytes& word(std::uint32_t value);
  Bytes& hyper(std::uint64_t value);
  // A variable-length opaque: its length, its bytes, zeros up to a multiple of four.
  Bytes& opaque(std::string_view value);
  Bytes& raw(std::string_view value);
  const std::string& str() const { return bytes_; }

 private:
  std::string bytes_;
};

// The head of a call; every field may be set to what no client would send.
struct CallHead {
  std::uint32_t procedure = kNull;
  std::uint32_t xid = 1;
  std::uint32_t direction = 0;  // CALL
  std::uint32_t rpc_version = 2;
  std::uint32_t program = kProgram;
  std::uint32_t version = kVersion;
  std::uint32_t credential_flavor = 0;
  std::string_view credential = {};
};

std::string call(const CallHead& head, std::string_view arguments = {});
std::string put_arguments(std::string_view key, std::string_view value);
std::string get_arguments(std::string_view key);
std::string put_call(std::uint32_t xid, std::string_view key, std::string_view value);
std::string get_call(std::uint32_t xid, std::string_view key);

// The header of a fragment that announces so many bytes (RFC 5531, section 11).
std::string mark(std::uint32_t size, bool is_last = true);
// A message as a record of one fragment.
std::string record(std::string_view message);

// The number in the four bytes there.
std::uint32_t word_at(std::string_view bytes, std::size_t offset);

struct Answer {
  std::uint32_t xid = 0;
  // "SUCCESS", "GARBAGE_ARGS", "PROG_MISMATCH 1..1", "RPC_MISMATCH 2..2", "AUTH_ERROR 2", ...;
  // "not a reply" for bytes that are none.
  std::string what;
  std::string results;  // behind a successful head

  // The kv_status that the results begin with; nothing if there is none.
  std::optional<std::uint32_t> status() const;
  // The value in the results of a successful GET; empty if there is none.
  std::string_view value() const;
};
Answer read_answer(std::string_view message);

}  // namespace rkv::attacks
