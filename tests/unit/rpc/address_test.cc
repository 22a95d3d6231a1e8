#include "rpc/address.h"

#include <cppunit/extensions/HelperMacros.h>
#include <netinet/in.h>
#include <unistd.h>

#include <string>

#include "rpc/byte_stream.h"

namespace rkv::rpc {

class AddressTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(AddressTest);
  CPPUNIT_TEST(parses_numeric_hosts_only);
  CPPUNIT_TEST(prints_ipv6_in_brackets);
  CPPUNIT_TEST(reads_a_mapped_ipv4_address_as_ipv4);
  CPPUNIT_TEST(splits_host_and_port);
  CPPUNIT_TEST(refuses_what_is_not_host_and_port);
  CPPUNIT_TEST(joins_host_and_port);
  CPPUNIT_TEST(tells_both_ends_of_a_connection);
  CPPUNIT_TEST(says_why_it_cannot_listen);
  CPPUNIT_TEST(says_that_nobody_listens);
  CPPUNIT_TEST_SUITE_END();

 public:
  void parses_numeric_hosts_only() {
    const Address v4 = Address::parse("127.0.0.1", 7411).value();
    CPPUNIT_ASSERT_EQUAL(AF_INET, v4.family());
    CPPUNIT_ASSERT_EQUAL(7411, static_cast<int>(v4.port()));
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1"), v4.host());
    CPPUNIT_ASSERT_EQUAL(AF_INET6, Address::parse("::1", 1).value().family());
    CPPUNIT_ASSERT_EQUAL(std::string("::1"), Address::parse("[::1]", 1).value().host());
    for (const char* text : {"", "localhost", "127.0.0", "127.0.0.1:80", "::1::", "[::1"}) {
      const Result<Address> parsed = Address::parse(text, 1);
      CPPUNIT_ASSERT_MESSAGE(text, !parsed.ok());
      CPPUNIT_ASSERT(parsed.status().code() == StatusCode::kInvalid);
    }
  }

  void prints_ipv6_in_brackets() {
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1:7411"),
                         Address::parse("127.0.0.1", 7411).value().to_string());
    CPPUNIT_ASSERT_EQUAL(std::string("[2001:db8::7]:65535"),
                         Address::parse("2001:db8::7", 65535).value().to_string());
  }

  void reads_a_mapped_ipv4_address_as_ipv4() {
    const Address mapped = Address::parse("::ffff:10.0.0.7", 5).value();
    CPPUNIT_ASSERT_EQUAL(std::string("10.0.0.7"), mapped.host());
  }

  void splits_host_and_port() {
    const auto split = [](std::string_view text) {
      const HostPort parts = split_host_port(text, 7411).value();
      return parts.host + "|" + std::to_string(parts.port);
    };
    CPPUNIT_ASSERT_EQUAL(std::string("alpha|7411"), split("alpha"));
    CPPUNIT_ASSERT_EQUAL(std::string("alpha|1"), split("alpha:1"));
    CPPUNIT_ASSERT_EQUAL(std::string("alpha|65535"), split("alpha:65535"));
    CPPUNIT_ASSERT_EQUAL(std::string("::1|7411"), split("::1"));
    CPPUNIT_ASSERT_EQUAL(std::string("::1|7411"), split("[::1]"));
    CPPUNIT_ASSERT_EQUAL(std::string("::1|80"), split("[::1]:80"));
  }

  void refuses_what_is_not_host_and_port() {
    for (const char* text :
         {"", ":80", "alpha:", "alpha:0", "alpha:65536", "alpha:+1", "alpha:-1", "alpha:8o",
          "alpha: 8", "alpha:99999999999", "[::1", "[]", "[]:80", "[::1]80", "[::1]:", "[::1]:0"}) {
      const Result<HostPort> parts = split_host_port(text, 7411);
      CPPUNIT_ASSERT_MESSAGE(text, !parts.ok());
      CPPUNIT_ASSERT(parts.status().code() == StatusCode::kInvalid);
    }
  }

  void joins_host_and_port() {
    CPPUNIT_ASSERT_EQUAL(std::string("alpha:7"), join_host_port("alpha", 7));
    CPPUNIT_ASSERT_EQUAL(std::string("[::1]:7"), join_host_port("::1", 7));
    CPPUNIT_ASSERT_EQUAL(std::string("[::1]:7"), join_host_port("[::1]", 7));
  }

  void tells_both_ends_of_a_connection() {
    const int listener = listen_tcp(Address::parse("127.0.0.1", 0).value()).value();
    const Address server = Address::local_of(listener).value();
    CPPUNIT_ASSERT(server.port() != 0);
    const int client = begin_tcp_connect(server).value();
    CPPUNIT_ASSERT_EQUAL(server.to_string(), Address::remote_of(client).value().to_string());
    CPPUNIT_ASSERT(!Address::remote_of(listener).ok());
    close(client);
    close(listener);
    CPPUNIT_ASSERT(!Address::local_of(listener).ok());
  }

  void says_why_it_cannot_listen() {
    const int listener = listen_tcp(Address::parse("127.0.0.1", 0).value()).value();
    const Address taken = Address::local_of(listener).value();
    const Result<int> second = listen_tcp(taken);
    CPPUNIT_ASSERT(!second.ok());
    CPPUNIT_ASSERT_EQUAL(taken.to_string() + ": cannot listen: Address already in use",
                         second.status().reason());
    close(listener);
  }

  void says_that_nobody_listens() {
    const int listener = listen_tcp(Address::parse("127.0.0.1", 0).value()).value();
    const Address gone = Address::local_of(listener).value();
    close(listener);
    const Result<int> client = begin_tcp_connect(gone);
    // On loopback the refusal comes with connect() or right behind it.
    const int error = client.ok() ? connect_outcome(client.value()) : ECONNREFUSED;
    CPPUNIT_ASSERT_EQUAL(ECONNREFUSED, error);
    if (client.ok()) close(client.value());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(AddressTest);

}  // namespace rkv::rpc
