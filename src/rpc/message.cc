#include "rpc/message.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"

namespace rkv::rpc {
namespace {

constexpr std::uint32_t kRpcVersion = 2;

struct OpaqueAuth {
  std::uint32_t flavor = 0;
  std::string_view body;
  bool too_long = false;
};

// RFC 5531, section 8.2: a body has at most 400 bytes.
OpaqueAuth read_auth(XdrReader& reader) {
  OpaqueAuth auth;
  auth.flavor = reader.read_uint32();
  XdrReader ahead = reader;
  auth.too_long = ahead.read_uint32() > MAX_AUTH_BYTES && ahead.ok();
  auth.body = reader.read_opaque(MAX_AUTH_BYTES);
  return auth;
}

clnt_stat status_of(accept_stat stat) {
  switch (stat) {
    case SUCCESS:
      return RPC_SUCCESS;
    case PROG_UNAVAIL:
      return RPC_PROGUNAVAIL;
    case PROG_MISMATCH:
      return RPC_PROGVERSMISMATCH;
    case PROC_UNAVAIL:
      return RPC_PROCUNAVAIL;
    case GARBAGE_ARGS:
      return RPC_CANTDECODEARGS;
    case SYSTEM_ERR:
      return RPC_SYSTEMERROR;
  }
  return RPC_FAILED;
}

bool parse_accepted(XdrReader& reader, std::string_view record, ReplyHeader* header) {
  const OpaqueAuth verifier = read_auth(reader);
  const std::uint32_t stat = reader.read_uint32();
  if (!reader.ok() || stat > SYSTEM_ERR) return false;
  header->error.re_status = status_of(static_cast<accept_stat>(stat));
  if (stat == PROG_MISMATCH) {
    header->error.re_vers.low = reader.read_uint32();
    header->error.re_vers.high = reader.read_uint32();
    return reader.done();
  }
  if (stat != SUCCESS) return reader.done();
  // Six words, and the verifier's body in whole words, come before the results.
  header->results = record.substr(24 + (verifier.body.size() + 3) / 4 * 4);
  return true;
}

bool parse_denied(XdrReader& reader, ReplyHeader* header) {
  const std::uint32_t stat = reader.read_uint32();
  if (stat == RPC_MISMATCH) {
    header->error.re_status = RPC_VERSMISMATCH;
    header->error.re_vers.low = reader.read_uint32();
    header->error.re_vers.high = reader.read_uint32();
    return reader.done();
  }
  if (stat != AUTH_ERROR) return false;
  header->error.re_status = RPC_AUTHERROR;
  const std::uint32_t why = reader.read_uint32();
  header->error.re_why = why <= RPCSEC_GSS_CTXPROBLEM ? static_cast<auth_stat>(why) : AUTH_FAILED;
  return reader.done();
}

}  // namespace

CallParse parse_call(std::string_view record, CallHeader* header) {
  XdrReader reader(record);
  header->xid = reader.read_uint32();
  const std::uint32_t direction = reader.read_uint32();
  const std::uint32_t rpc_version = reader.read_uint32();
  if (!reader.ok() || direction != CALL) return CallParse::kNotACall;
  if (rpc_version != kRpcVersion) return CallParse::kRpcMismatch;
  header->program = reader.read_uint32();
  header->version = reader.read_uint32();
  header->procedure = reader.read_uint32();
  if (!reader.ok()) return CallParse::kNotACall;
  const OpaqueAuth credential = read_auth(reader);
  const OpaqueAuth verifier = read_auth(reader);
  if (credential.too_long || verifier.too_long) return CallParse::kBadCredential;
  if (!reader.ok()) return CallParse::kNotACall;
  header->credential_flavor = credential.flavor;
  header->credential = credential.body;
  header->verifier_flavor = verifier.flavor;
  header->verifier = verifier.body;
  const char* behind_header = verifier.body.data() + (verifier.body.size() + 3) / 4 * 4;
  header->arguments = record.substr(static_cast<std::size_t>(behind_header - record.data()));
  return CallParse::kCall;
}

bool parse_system_credential(std::string_view body, SystemCredential* credential) {
  XdrReader reader(body);
  credential->stamp = reader.read_uint32();
  const std::string_view name = reader.read_opaque(SystemCredential::kMachineNameMax);
  credential->machine_name.fill('\0');
  std::copy(name.begin(), name.end(), credential->machine_name.begin());
  credential->uid = reader.read_uint32();
  credential->gid = reader.read_uint32();
  credential->group_count = reader.read_uint32();
  if (credential->group_count > SystemCredential::kGroupsMax) return false;
  for (std::size_t i = 0; i < credential->group_count; ++i) {
    credential->groups[i] = reader.read_uint32();
  }
  return reader.done();
}

bool parse_reply(std::string_view record, ReplyHeader* header) {
  XdrReader reader(record);
  header->xid = reader.read_uint32();
  const std::uint32_t direction = reader.read_uint32();
  const std::uint32_t stat = reader.read_uint32();
  if (!reader.ok() || direction != REPLY) return false;
  if (stat == MSG_ACCEPTED) return parse_accepted(reader, record, header);
  if (stat == MSG_DENIED) return parse_denied(reader, header);
  return false;
}

bool encode_success_header(XDR* xdr, std::uint32_t xid) {
  // xid, REPLY, MSG_ACCEPTED, the verifier (AUTH_NONE, length 0), SUCCESS. In place: six calls of
  // libtirpc for these words cost more than everything else of a small reply.
  std::array<u_int, 6> words = {xid, REPLY, MSG_ACCEPTED, AUTH_NONE, 0, SUCCESS};
  std::int32_t* at = XDR_INLINE(xdr, static_cast<u_int>(sizeof words));
  if (at == nullptr) {
    // There is no room, or the place is not aligned: behind a part of a reply, say.
    return std::all_of(words.begin(), words.end(),
                       [xdr](u_int& word) { return xdr_u_int(xdr, &word) != FALSE; });
  }
  for (const u_int word : words) *at++ = static_cast<std::int32_t>(htonl(word));
  return true;
}

bool encode_call_header(XDR* xdr, std::uint32_t xid, std::uint32_t program, std::uint32_t version,
                        std::uint32_t procedure, AUTH* auth) {
  u_int words[6] = {xid, CALL, kRpcVersion, program, version, procedure};
  const bool ok = std::all_of(std::begin(words), std::end(words),
                              [xdr](u_int& word) { return xdr_u_int(xdr, &word) != FALSE; });
  return ok && AUTH_MARSHALL(auth, xdr) != FALSE;
}

}  // namespace rkv::rpc
