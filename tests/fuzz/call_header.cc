// parse_call() and parse_system_credential(), beside libtirpc's xdr_callmsg() and
// xdr_authunix_parms(): both take the same calls and understand the same of them, and what was
// understood can be encoded again. Input: a record.

#include <rpc/rpc.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "fuzz.h"
#include "rpc/message.h"
#include "rpc/xdr.h"

namespace rkv::fuzz {
namespace {

using rpc::CallHeader;
using rpc::CallParse;
using rpc::SystemCredential;

bool is_within(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

std::string_view body_of(const opaque_auth& auth) { return {auth.oa_base, auth.oa_length}; }

// libtirpc's view of a record; it allocates the bodies.
class StockCall {
 public:
  explicit StockCall(std::string_view record) {
    XDR xdr;
    xdrmem_create(&xdr, const_cast<char*>(record.data()), static_cast<u_int>(record.size()),
                  XDR_DECODE);
    accepted_ = xdr_callmsg(&xdr, &message_) != FALSE;
    size_ = XDR_GETPOS(&xdr);
  }
  ~StockCall() {
    std::free(message_.rm_call.cb_cred.oa_base);
    std::free(message_.rm_call.cb_verf.oa_base);
  }
  StockCall(const StockCall&) = delete;
  StockCall& operator=(const StockCall&) = delete;

  bool accepted() const { return accepted_; }
  std::size_t size() const { return size_; }
  rpc_msg& message() { return message_; }

 private:
  rpc_msg message_{};
  bool accepted_ = false;
  std::size_t size_ = 0;
};

// An AUTH that marshals the credential and verifier it was given.
struct GivenAuth {
  AUTH auth{};
  opaque_auth verifier{};
};
bool_t marshal_given(AUTH* auth, XDR* xdr) {
  auto* given = reinterpret_cast<GivenAuth*>(auth->ah_private);
  return xdr_opaque_auth(xdr, &auth->ah_cred) != FALSE &&
                 xdr_opaque_auth(xdr, &given->verifier) != FALSE
             ? TRUE
             : FALSE;
}

// encode_call_header() writes what libtirpc writes, and parse_call() understands it.
void check_encoding(const CallHeader& header, rpc_msg& message) {
  std::array<char, 1024> stock{};
  XDR xdr;
  xdrmem_create(&xdr, stock.data(), stock.size(), XDR_ENCODE);
  RKV_CHECK(xdr_callmsg(&xdr, &message) != FALSE, "libtirpc encodes what it decoded");
  const std::size_t size = XDR_GETPOS(&xdr);

  AUTH::auth_ops operations{};
  operations.ah_marshal = marshal_given;
  GivenAuth given;
  given.auth.ah_ops = &operations;
  given.auth.ah_private = &given;
  given.auth.ah_cred = message.rm_call.cb_cred;
  given.verifier = message.rm_call.cb_verf;
  std::array<char, 1024> own{};
  xdrmem_create(&xdr, own.data(), own.size(), XDR_ENCODE);
  RKV_CHECK(rpc::encode_call_header(&xdr, header.xid, header.program, header.version,
                                    header.procedure, &given.auth),
            "what was understood can be encoded");
  RKV_CHECK(XDR_GETPOS(&xdr) == size && own == stock, "both encode a call alike");

  CallHeader again;
  RKV_CHECK(rpc::parse_call({own.data(), size}, &again) == CallParse::kCall,
            "a call that was encoded is understood");
  RKV_CHECK(again.xid == header.xid && again.program == header.program &&
                again.version == header.version && again.procedure == header.procedure &&
                again.credential == header.credential && again.verifier == header.verifier &&
                again.arguments.empty(),
            "nothing is lost on the way");
}

void check_call(std::string_view record, const CallHeader& header, StockCall& stock) {
  RKV_CHECK(is_within(header.credential, record) && is_within(header.verifier, record),
            "views are within the record");
  RKV_CHECK(header.arguments.data() + header.arguments.size() == record.data() + record.size(),
            "the arguments are the end of the record");
  RKV_CHECK(header.credential.size() <= MAX_AUTH_BYTES && header.verifier.size() <= MAX_AUTH_BYTES,
            "bodies are within RFC 5531's limit");
  rpc_msg& message = stock.message();
  const call_body& body = message.rm_call;
  RKV_CHECK(header.xid == message.rm_xid && header.program == body.cb_prog &&
                header.version == body.cb_vers && header.procedure == body.cb_proc,
            "libtirpc reads the same numbers");
  RKV_CHECK(header.credential_flavor == static_cast<std::uint32_t>(body.cb_cred.oa_flavor) &&
                header.verifier_flavor == static_cast<std::uint32_t>(body.cb_verf.oa_flavor),
            "libtirpc reads the same flavors");
  RKV_CHECK(header.credential == body_of(body.cb_cred) && header.verifier == body_of(body.cb_verf),
            "libtirpc reads the same credential and verifier");
  RKV_CHECK(record.size() - header.arguments.size() == stock.size(),
            "libtirpc has the arguments begin at the same place");
  check_encoding(header, message);
}

// Why a record is no call: the reasons that parse_call() gives must be true.
void check_refusal(std::string_view record, CallParse parsed) {
  XdrReader reader(record);
  reader.read_uint32();
  const std::uint32_t direction = reader.read_uint32();
  const std::uint32_t version = reader.read_uint32();
  const bool is_call = reader.ok() && direction == CALL;
  if (parsed == CallParse::kRpcMismatch) {
    RKV_CHECK(is_call && version != RPC_MSG_VERSION, "another RPC version");
  } else if (parsed == CallParse::kBadCredential) {
    RKV_CHECK(is_call && version == RPC_MSG_VERSION && record.size() >= 32,
              "a call up to the length of its credential");
  } else {
    RKV_CHECK(!is_call || version == RPC_MSG_VERSION, "a call of this version that ends too soon");
  }
}

void check_credential(std::string_view body) {
  SystemCredential own;
  const bool accepted = rpc::parse_system_credential(body, &own);
  std::array<char, SystemCredential::kMachineNameMax + 1> name{};
  std::array<gid_t, SystemCredential::kGroupsMax> groups{};
  authunix_parms stock{};
  stock.aup_machname = name.data();
  stock.aup_gids = groups.data();
  XDR xdr;
  xdrmem_create(&xdr, const_cast<char*>(body.data()), static_cast<u_int>(body.size()), XDR_DECODE);
  const bool stock_accepted =
      xdr_authunix_parms(&xdr, &stock) != FALSE && XDR_GETPOS(&xdr) == body.size();
  RKV_CHECK(accepted == stock_accepted, "libtirpc takes the same credentials");
  if (!accepted) return;
  RKV_CHECK(own.stamp == stock.aup_time && own.uid == stock.aup_uid && own.gid == stock.aup_gid,
            "libtirpc reads the same numbers of a credential");
  RKV_CHECK(own.machine_name == name, "libtirpc reads the same name");
  RKV_CHECK(own.group_count == stock.aup_len && own.groups == groups,
            "libtirpc reads the same groups");
}

void run(std::string_view record) {
  CallHeader header;
  const CallParse parsed = rpc::parse_call(record, &header);
  StockCall stock(record);
  RKV_CHECK((parsed == CallParse::kCall) == stock.accepted(), "libtirpc takes the same calls");
  if (parsed == CallParse::kCall) {
    check_call(record, header, stock);
    check_credential(ExactCopy(header.credential).view());
  } else {
    check_refusal(record, parsed);
  }
  check_credential(record);
}

}  // namespace
}  // namespace rkv::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rkv::fuzz::run(rkv::fuzz::view_of(data, size));
  return 0;
}
