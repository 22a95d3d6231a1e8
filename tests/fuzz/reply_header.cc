// parse_reply(), beside libtirpc's xdr_replymsg() and _seterr_reply(): what it takes they take too,
// and understand the same; what it refuses they refuse too, but for bytes behind the end and for
// numbers that RFC 5531 does not know. Also encode_success_header(). Input: a record.

#include <rpc/rpc.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/bytes.h"
#include "fuzz.h"
#include "rpc/message.h"
#include "rpc/xdr.h"

// Exported by libtirpc, and in none of its headers.
extern "C" void _seterr_reply(rpc_msg*, rpc_err*);

namespace rkv::fuzz {
namespace {

using rpc::ReplyHeader;

// Results that are not looked at.
bool_t xdr_nothing(XDR* /*xdr*/, void* /*value*/) { return TRUE; }

// Where the reason stands in a reply that refuses the credential.
constexpr std::size_t kAuthErrorAt = 16;

class StockReply {
 public:
  explicit StockReply(std::string_view record) {
    XdrReader reader(record);
    reader.read_uint64();
    reply_stat_ = reader.read_uint32();
    XdrReader behind_verifier = reader;
    behind_verifier.read_uint32();
    behind_verifier.read_opaque(MAX_AUTH_BYTES);
    accept_stat_ = behind_verifier.read_uint32();
    message_.acpted_rply.ar_results.proc = rpc::untyped<void>(xdr_nothing);
    XDR xdr;
    xdrmem_create(&xdr, const_cast<char*>(record.data()), static_cast<u_int>(record.size()),
                  XDR_DECODE);
    accepted_ = xdr_replymsg(&xdr, &message_) != FALSE;
    size_ = XDR_GETPOS(&xdr);
  }
  ~StockReply() {
    if (reply_stat_ == MSG_ACCEPTED) std::free(message_.acpted_rply.ar_verf.oa_base);
  }
  StockReply(const StockReply&) = delete;
  StockReply& operator=(const StockReply&) = delete;

  bool accepted() const { return accepted_; }
  std::size_t size() const { return size_; }
  bool is_known() const { return reply_stat_ != MSG_ACCEPTED || accept_stat_ <= SYSTEM_ERR; }
  rpc_msg& message() { return message_; }

 private:
  rpc_msg message_{};
  // Read apart from the message: in C++ what is no value of an enum may not be looked at.
  std::uint32_t reply_stat_ = 0;
  std::uint32_t accept_stat_ = 0;
  bool accepted_ = false;
  std::size_t size_ = 0;
};

void check_accepted(std::string_view record, const ReplyHeader& header, StockReply& stock) {
  RKV_CHECK(stock.accepted(), "libtirpc takes every reply that is taken here");
  RKV_CHECK(header.xid == stock.message().rm_xid, "libtirpc reads the same xid");
  rpc_err error{};
  _seterr_reply(&stock.message(), &error);
  RKV_CHECK(header.error.re_status == error.re_status, "libtirpc reads the same status");
  if (error.re_status == RPC_SUCCESS) {
    RKV_CHECK(header.results.data() + header.results.size() == record.data() + record.size(),
              "the results are the end of the record");
    RKV_CHECK(record.size() - header.results.size() == stock.size(),
              "libtirpc has the results begin at the same place");
    return;
  }
  RKV_CHECK(stock.size() == record.size(), "nothing is behind an error");
  if (error.re_status == RPC_AUTHERROR) {
    const std::uint32_t why = XdrReader(record.substr(kAuthErrorAt)).read_uint32();
    const bool is_known = why <= RPCSEC_GSS_CTXPROBLEM;
    RKV_CHECK(header.error.re_why == (is_known ? static_cast<auth_stat>(why) : AUTH_FAILED),
              "the reason is the one that was sent");
  }
  if (error.re_status == RPC_VERSMISMATCH || error.re_status == RPC_PROGVERSMISMATCH) {
    RKV_CHECK(header.error.re_vers.low == error.re_vers.low &&
                  header.error.re_vers.high == error.re_vers.high,
              "libtirpc reads the same versions");
  }
}

void check_refused(std::string_view record, StockReply& stock) {
  if (!stock.accepted()) return;
  RKV_CHECK(!stock.is_known() || stock.size() < record.size(),
            "a reply is refused for what is behind it, or for a number that nobody knows");
}

// What this encodes libtirpc encodes too, at every alignment; without room, nothing is written.
void check_success_header(std::uint32_t xid, std::size_t room, std::size_t offset) {
  constexpr std::size_t kSize = 24;
  rpc_msg message{};
  message.rm_xid = xid;
  message.rm_direction = REPLY;
  message.rm_reply.rp_stat = MSG_ACCEPTED;
  message.acpted_rply.ar_verf = _null_auth;
  message.acpted_rply.ar_stat = SUCCESS;
  message.acpted_rply.ar_results.proc = rpc::untyped<void>(xdr_nothing);
  std::array<char, kSize> expected{};
  XDR xdr;
  xdrmem_create(&xdr, expected.data(), kSize, XDR_ENCODE);
  RKV_CHECK(xdr_replymsg(&xdr, &message) != FALSE, "libtirpc encodes a reply");

  const std::unique_ptr<char[]> block(new char[offset + room]);
  xdrmem_create(&xdr, block.get() + offset, static_cast<u_int>(room), XDR_ENCODE);
  RKV_CHECK(rpc::encode_success_header(&xdr, xid) == (room >= kSize), "it fits or it does not");
  if (room < kSize) return;
  RKV_CHECK(std::memcmp(block.get() + offset, expected.data(), kSize) == 0,
            "both encode a success alike");
}

void run(std::string_view record) {
  ReplyHeader header;
  const bool accepted = rpc::parse_reply(record, &header);
  StockReply stock(record);
  if (accepted) {
    check_accepted(record, header, stock);
  } else {
    check_refused(record, stock);
  }
  check_success_header(header.xid, record.size() % 64, header.xid % 8);
}

}  // namespace
}  // namespace rkv::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rkv::fuzz::run(rkv::fuzz::view_of(data, size));
  return 0;
}
