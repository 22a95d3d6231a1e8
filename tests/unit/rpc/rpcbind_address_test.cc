#include "rpc/rpcbind_address.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace rkv::rpc {
namespace {

Address address_of(const std::string& host, std::uint16_t port) {
  const Result<Address> address = Address::parse(host, port);
  CPPUNIT_ASSERT(address.ok());
  return address.value();
}

}  // namespace

class RpcbindAddressTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RpcbindAddressTest);
  CPPUNIT_TEST(netids);
  CPPUNIT_TEST(universal_addresses);
  CPPUNIT_TEST(universal_addresses_are_read_back);
  CPPUNIT_TEST(what_is_no_universal_address);
  CPPUNIT_TEST(wildcards);
  CPPUNIT_TEST_SUITE_END();

 public:
  void netids() {
    const Address v4 = address_of("127.0.0.1", 1);
    const Address v6 = address_of("::1", 1);
    CPPUNIT_ASSERT(netid_of({Transport::kTcp, v4}) == "tcp");
    CPPUNIT_ASSERT(netid_of({Transport::kTcp, v6}) == "tcp6");
    CPPUNIT_ASSERT(netid_of({Transport::kUdp, v4}) == "udp");
    CPPUNIT_ASSERT(netid_of({Transport::kUdp, v6}) == "udp6");
  }

  void universal_addresses() {
    const auto of = [](const char* host, std::uint16_t port) {
      return universal_address(address_of(host, port));
    };
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1.28.243"), of("127.0.0.1", 7411));
    CPPUNIT_ASSERT_EQUAL(std::string("0.0.0.0.0.111"), of("0.0.0.0", 111));
    CPPUNIT_ASSERT_EQUAL(std::string("::.255.255"), of("::", 65535));
    CPPUNIT_ASSERT_EQUAL(std::string("2001:db8::1.1.0"), of("2001:db8::1", 256));
  }

  void universal_addresses_are_read_back() {
    for (const char* const host : {"127.0.0.1", "0.0.0.0", "192.0.2.255", "::", "::1", "fe80::1"}) {
      for (const std::uint16_t port :
           std::initializer_list<std::uint16_t>{1, 255, 256, 7411, 65535}) {
        const Address address = address_of(host, port);
        const Result<Address> read = parse_universal_address(universal_address(address));
        CPPUNIT_ASSERT(read.ok());
        CPPUNIT_ASSERT_EQUAL(address.to_string(), read.value().to_string());
        CPPUNIT_ASSERT_EQUAL(address.family(), read.value().family());
      }
    }
  }

  void what_is_no_universal_address() {
    for (const char* const text :
         {"", ".", "1.2", "127.0.0.1", "127.0.0.1.1", "127.0.0.1.1.256", "127.0.0.1.-1.1",
          "127.0.0.1.1.", "127.0.0.1.1. 1", "127.0.0.1.1.1.1", "/run/rpcbind.sock", "::1.1",
          "::1.1.1x", "localhost.1.1", "127.0.0.1.0x1.1"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !parse_universal_address(text).ok());
    }
  }

  void wildcards() {
    CPPUNIT_ASSERT(is_wildcard(address_of("0.0.0.0", 1)));
    CPPUNIT_ASSERT(is_wildcard(address_of("::", 1)));
    CPPUNIT_ASSERT(!is_wildcard(address_of("127.0.0.1", 1)));
    CPPUNIT_ASSERT(!is_wildcard(address_of("::1", 1)));
    const auto reached = [](const char* host) {
      return reachable_address(address_of(host, 7411)).to_string();
    };
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1:7411"), reached("0.0.0.0"));
    CPPUNIT_ASSERT_EQUAL(std::string("[::1]:7411"), reached("::"));
    CPPUNIT_ASSERT_EQUAL(std::string("192.0.2.1:7411"), reached("192.0.2.1"));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RpcbindAddressTest);

}  // namespace rkv::rpc
