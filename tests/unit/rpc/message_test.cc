#include "rpc/message.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "raw_client.h"

namespace rkv::rpc {
namespace {

WireCall full_call() {
  WireCall call;
  call.xid = 0xFEDCBA98;
  call.procedure = 7;
  call.credential = {AUTH_SYS, system_credential("host", 1, 2, {3, 4})};
  call.verifier = {9, "abcde"};  // with padding
  return call;
}

// A reply of the given words, with `tail` behind.
std::string reply_of(const std::vector<std::uint32_t>& words, std::string_view tail = "") {
  std::string out;
  for (const std::uint32_t word : words) append_uint32(out, word);
  out += tail;
  return out;
}

clnt_stat status_of(const std::string& record) {
  ReplyHeader header;
  CPPUNIT_ASSERT(parse_reply(record, &header));
  CPPUNIT_ASSERT_EQUAL(5u, header.xid);
  return header.error.re_status;
}

bool is_reply(const std::string& record) {
  ReplyHeader header;
  return parse_reply(record, &header);
}

bool is_system_credential(const std::string& body) {
  SystemCredential credential;
  return parse_system_credential(body, &credential);
}

}  // namespace

class MessageTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(MessageTest);
  CPPUNIT_TEST(parses_a_call);
  CPPUNIT_TEST(refuses_every_truncation_of_a_call);
  CPPUNIT_TEST(tells_another_rpc_version);
  CPPUNIT_TEST(refuses_a_reply_as_a_call);
  CPPUNIT_TEST(bounds_credential_and_verifier);
  CPPUNIT_TEST(parses_a_system_credential);
  CPPUNIT_TEST(bounds_a_system_credential);
  CPPUNIT_TEST(parses_a_success);
  CPPUNIT_TEST(parses_every_refusal);
  CPPUNIT_TEST(refuses_what_is_no_reply);
  CPPUNIT_TEST(refuses_every_truncation_of_a_reply);
  CPPUNIT_TEST(encodes_what_it_parses);
  CPPUNIT_TEST_SUITE_END();

 public:
  void parses_a_call() {
    const WireCall call = full_call();
    const std::string bytes = encode_call(call, "args");
    CallHeader header;
    CPPUNIT_ASSERT(parse_call(bytes, &header) == CallParse::kCall);
    CPPUNIT_ASSERT_EQUAL(call.xid, header.xid);
    CPPUNIT_ASSERT_EQUAL(call.program, header.program);
    CPPUNIT_ASSERT_EQUAL(call.version, header.version);
    CPPUNIT_ASSERT_EQUAL(call.procedure, header.procedure);
    CPPUNIT_ASSERT_EQUAL(1u, header.credential_flavor);
    CPPUNIT_ASSERT(header.credential == call.credential.body);
    CPPUNIT_ASSERT_EQUAL(9u, header.verifier_flavor);
    CPPUNIT_ASSERT(header.verifier == "abcde");
    CPPUNIT_ASSERT(header.arguments == "args");
  }

  void refuses_every_truncation_of_a_call() {
    const std::string bytes = encode_call(full_call());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      // On the heap and of that very size, so that ASan sees a read behind it.
      const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      CallHeader header;
      CPPUNIT_ASSERT_MESSAGE(std::to_string(size),
                             parse_call({cut.data(), cut.size()}, &header) == CallParse::kNotACall);
    }
    CallHeader header;
    CPPUNIT_ASSERT(parse_call(bytes, &header) == CallParse::kCall);
    CPPUNIT_ASSERT(header.arguments.empty());
  }

  void tells_another_rpc_version() {
    for (const std::uint32_t version : {0u, 1u, 3u, 0xFFFFFFFFu}) {
      WireCall call = full_call();
      call.rpc_version = version;
      CallHeader header;
      // Nothing behind the version need be there: its layout is that version's.
      const std::string bytes = encode_call(call).substr(0, 12);
      CPPUNIT_ASSERT(parse_call(bytes, &header) == CallParse::kRpcMismatch);
      CPPUNIT_ASSERT_EQUAL(call.xid, header.xid);
    }
  }

  void refuses_a_reply_as_a_call() {
    for (const std::uint32_t direction : {1u, 2u}) {
      WireCall call = full_call();
      call.direction = direction;
      CallHeader header;
      CPPUNIT_ASSERT(parse_call(encode_call(call), &header) == CallParse::kNotACall);
    }
  }

  void bounds_credential_and_verifier() {
    for (const bool of_verifier : {false, true}) {
      WireCall call;
      WireAuth& auth = of_verifier ? call.verifier : call.credential;
      auth = {5, std::string(400, 'c')};
      CallHeader header;
      const std::string longest = encode_call(call, "args");
      CPPUNIT_ASSERT(parse_call(longest, &header) == CallParse::kCall);
      CPPUNIT_ASSERT(header.arguments == "args");
      auth.body += 'c';
      CPPUNIT_ASSERT(parse_call(encode_call(call, "args"), &header) == CallParse::kBadCredential);
      CPPUNIT_ASSERT_EQUAL(call.xid, header.xid);
    }
  }

  void parses_a_system_credential() {
    SystemCredential credential;
    const std::string body =
        system_credential(std::string(255, 'h'), 1000, 100, std::vector<std::uint32_t>(16, 77));
    CPPUNIT_ASSERT(parse_system_credential(body, &credential));
    CPPUNIT_ASSERT_EQUAL(12345u, credential.stamp);
    CPPUNIT_ASSERT_EQUAL(std::string(255, 'h'), std::string(credential.machine_name.data()));
    CPPUNIT_ASSERT_EQUAL(1000u, credential.uid);
    CPPUNIT_ASSERT_EQUAL(100u, credential.gid);
    CPPUNIT_ASSERT_EQUAL(std::size_t{16}, credential.group_count);
    CPPUNIT_ASSERT_EQUAL(77u, credential.groups[15]);
    // A short name after a long one: nothing of the long one shows.
    CPPUNIT_ASSERT(parse_system_credential(system_credential("a", 0, 0, {}), &credential));
    CPPUNIT_ASSERT_EQUAL(std::string("a"), std::string(credential.machine_name.data()));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, credential.group_count);
  }

  void bounds_a_system_credential() {
    CPPUNIT_ASSERT(is_system_credential(system_credential("h", 1, 2, {3})));
    CPPUNIT_ASSERT(!is_system_credential(system_credential(std::string(256, 'h'), 1, 2, {})));
    CPPUNIT_ASSERT(
        !is_system_credential(system_credential("h", 1, 2, std::vector<std::uint32_t>(17, 1))));
    std::string lying = system_credential("h", 1, 2, {});
    lying.replace(lying.size() - 4, 4, "\xFF\xFF\xFF\xFF", 4);  // that many groups
    CPPUNIT_ASSERT(!is_system_credential(lying));
    std::string one_more = system_credential("h", 1, 2, std::vector<std::uint32_t>(16, 1));
    CPPUNIT_ASSERT(is_system_credential(one_more));
    one_more[one_more.size() - 16 * 4 - 1] = 17;  // of which 16 are there
    CPPUNIT_ASSERT(!is_system_credential(one_more));
    CPPUNIT_ASSERT(!is_system_credential(system_credential("h", 1, 2, {}) + "more"));
    const std::string whole = system_credential("host", 1, 2, {3, 4});
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CPPUNIT_ASSERT_MESSAGE(std::to_string(size), !is_system_credential(whole.substr(0, size)));
    }
  }

  void parses_a_success() {
    ReplyHeader header;
    const std::string plain = reply_of({5, 1, 0, 0, 0, 0}, "results!");
    CPPUNIT_ASSERT(parse_reply(plain, &header));
    CPPUNIT_ASSERT_EQUAL(RPC_SUCCESS, header.error.re_status);
    CPPUNIT_ASSERT(header.results == "results!");
    const std::string verified = reply_of({5, 1, 0, 7, 5, 0x61626364, 0x65000000, 0}, "results!");
    CPPUNIT_ASSERT(parse_reply(verified, &header));
    CPPUNIT_ASSERT(header.results == "results!");
  }

  void parses_every_refusal() {
    CPPUNIT_ASSERT_EQUAL(RPC_PROGUNAVAIL, status_of(reply_of({5, 1, 0, 0, 0, PROG_UNAVAIL})));
    CPPUNIT_ASSERT_EQUAL(RPC_PROCUNAVAIL, status_of(reply_of({5, 1, 0, 0, 0, PROC_UNAVAIL})));
    CPPUNIT_ASSERT_EQUAL(RPC_CANTDECODEARGS, status_of(reply_of({5, 1, 0, 0, 0, GARBAGE_ARGS})));
    CPPUNIT_ASSERT_EQUAL(RPC_SYSTEMERROR, status_of(reply_of({5, 1, 0, 0, 0, SYSTEM_ERR})));
    ReplyHeader header;
    CPPUNIT_ASSERT(parse_reply(reply_of({5, 1, 0, 0, 0, PROG_MISMATCH, 2, 3}), &header));
    CPPUNIT_ASSERT_EQUAL(RPC_PROGVERSMISMATCH, header.error.re_status);
    CPPUNIT_ASSERT_EQUAL(2u, static_cast<unsigned>(header.error.re_vers.low));
    CPPUNIT_ASSERT_EQUAL(3u, static_cast<unsigned>(header.error.re_vers.high));
    CPPUNIT_ASSERT(parse_reply(reply_of({5, 1, 1, RPC_MISMATCH, 4, 6}), &header));
    CPPUNIT_ASSERT_EQUAL(RPC_VERSMISMATCH, header.error.re_status);
    CPPUNIT_ASSERT_EQUAL(4u, static_cast<unsigned>(header.error.re_vers.low));
    CPPUNIT_ASSERT_EQUAL(6u, static_cast<unsigned>(header.error.re_vers.high));
    CPPUNIT_ASSERT(parse_reply(reply_of({5, 1, 1, AUTH_ERROR, AUTH_TOOWEAK}), &header));
    CPPUNIT_ASSERT_EQUAL(RPC_AUTHERROR, header.error.re_status);
    CPPUNIT_ASSERT_EQUAL(AUTH_TOOWEAK, header.error.re_why);
  }

  void refuses_what_is_no_reply() {
    CPPUNIT_ASSERT(!is_reply(encode_call(full_call())));
    CPPUNIT_ASSERT(!is_reply(reply_of({5, 1, 2, 0, 0, 0})));               // neither reply_stat
    CPPUNIT_ASSERT(!is_reply(reply_of({5, 1, 0, 0, 0, SYSTEM_ERR + 1})));  // no accept_stat
    CPPUNIT_ASSERT(!is_reply(reply_of({5, 1, 1, 2, 0})));                  // no reject_stat
    CPPUNIT_ASSERT(!is_reply(reply_of({5, 1, 0, 0, 401}, std::string(408, '\0'))));
    CPPUNIT_ASSERT(!is_reply(reply_of({5, 1, 0, 0, 0, PROG_UNAVAIL, 0})));  // bytes left over
  }

  void refuses_every_truncation_of_a_reply() {
    const std::vector<std::string> replies = {
        reply_of({5, 1, 0, 7, 5, 0x61626364, 0x65000000, 0}),
        reply_of({5, 1, 0, 0, 0, PROG_MISMATCH, 2, 3}), reply_of({5, 1, 1, RPC_MISMATCH, 2, 2}),
        reply_of({5, 1, 1, AUTH_ERROR, AUTH_BADCRED}), reply_of({5, 1, 0, 0, 0, SYSTEM_ERR})};
    for (const std::string& reply : replies) {
      CPPUNIT_ASSERT(is_reply(reply));
      for (std::size_t size = 0; size < reply.size(); ++size) {
        CPPUNIT_ASSERT_MESSAGE(std::to_string(size), !is_reply(reply.substr(0, size)));
      }
    }
  }

  void encodes_what_it_parses() {
    std::array<char, 256> bytes{};
    XDR xdr;
    xdrmem_create(&xdr, bytes.data(), bytes.size(), XDR_ENCODE);
    AUTH* auth = authnone_create();
    CPPUNIT_ASSERT(encode_call_header(&xdr, 8, 100, 2, 3, auth));
    WireCall call{8, 0, 2, 100, 2, 3, {}, {}};
    CPPUNIT_ASSERT(encode_call(call) == std::string_view(bytes.data(), XDR_GETPOS(&xdr)));
    XDR_SETPOS(&xdr, 0);
    CPPUNIT_ASSERT(encode_success_header(&xdr, 5));
    CPPUNIT_ASSERT(reply_of({5, 1, 0, 0, 0, 0}) ==
                   std::string_view(bytes.data(), XDR_GETPOS(&xdr)));
    // A partial write can leave the output at any offset, aligned or not.
    for (std::size_t offset = 1; offset < 4; ++offset) {
      xdrmem_create(&xdr, bytes.data() + offset, 24, XDR_ENCODE);
      CPPUNIT_ASSERT(encode_success_header(&xdr, 5));
      CPPUNIT_ASSERT(reply_of({5, 1, 0, 0, 0, 0}) ==
                     std::string_view(bytes.data() + offset, XDR_GETPOS(&xdr)));
    }
    xdrmem_create(&xdr, bytes.data(), 23, XDR_ENCODE);
    CPPUNIT_ASSERT(!encode_success_header(&xdr, 5));
    CPPUNIT_ASSERT(!encode_call_header(&xdr, 8, 100, 2, 3, auth));
    AUTH_DESTROY(auth);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(MessageTest);

}  // namespace rkv::rpc
