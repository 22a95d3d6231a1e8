#pragma once

#include <rpc/rpc.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rkv::rpc {

// The head of an RPC call (RFC 5531, section 9), with views into the record it was read from.
struct CallHeader {
  std::uint32_t xid = 0;
  std::uint32_t program = 0;
  std::uint32_t version = 0;
  std::uint32_t procedure = 0;
  std::uint32_t credential_flavor = 0;
  std::string_view credential;
  std::uint32_t verifier_flavor = 0;
  std::string_view verifier;
  std::string_view arguments;  // the rest of the record
};

enum class CallParse {
  kCall,           // understood
  kRpcMismatch,    // a call of another RPC version; only the xid is set
  kBadCredential,  // a credential or verifier longer than RFC 5531 allows; only the xid is set
  kNotACall,       // anything else: a reply, or bytes that end too soon
};
CallParse parse_call(std::string_view record, CallHeader* header);

// A credential of flavor AUTH_SYS (RFC 5531, appendix A): what the client says of itself, no proof.
struct SystemCredential {
  static constexpr std::size_t kMachineNameMax = 255;
  static constexpr std::size_t kGroupsMax = 16;
  std::uint32_t stamp = 0;
  std::array<char, kMachineNameMax + 1> machine_name{};  // ends with NUL
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::size_t group_count = 0;
  std::array<gid_t, kGroupsMax> groups{};
};
// False if the body is not one, whole, within its bounds and with nothing behind it.
bool parse_system_credential(std::string_view body, SystemCredential* credential);

// The head of a reply.
struct ReplyHeader {
  std::uint32_t xid = 0;
  // RPC_SUCCESS, or what the server said instead (RPC_PROGUNAVAIL, RPC_AUTHERROR, ...), with its
  // details in `error` as clnt_geterr() would give them.
  rpc_err error{};
  std::string_view results;  // the rest of the record, on success
};
// False if the record is not a reply that RFC 5531 knows.
bool parse_reply(std::string_view record, ReplyHeader* header);

// Writes the head of a successful reply, with an AUTH_NONE verifier; the results follow.
constexpr std::size_t kSuccessHeaderSize = 24;
bool encode_success_header(XDR* xdr, std::uint32_t xid);
// Writes the head of a call; `auth` marshals credential and verifier.
bool encode_call_header(XDR* xdr, std::uint32_t xid, std::uint32_t program, std::uint32_t version,
                        std::uint32_t procedure, AUTH* auth);

}  // namespace rkv::rpc
