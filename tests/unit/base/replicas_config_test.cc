#include "base/replicas_config.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace rkv {
namespace {

std::string reason_of(std::string_view text) {
  const Result<std::vector<ReplicaAddress>> parsed = parse_replicas(text, "replicas.conf");
  if (parsed.ok()) return "parsed";
  CPPUNIT_ASSERT(parsed.status().code() == StatusCode::kInvalid);
  return parsed.status().reason();
}

std::vector<ReplicaAddress> parsed(std::string_view text) {
  Result<std::vector<ReplicaAddress>> result = parse_replicas(text, "replicas.conf");
  CPPUNIT_ASSERT_EQUAL_MESSAGE(result.status().to_string(), true, result.ok());
  return std::move(result).value();
}

}  // namespace

class ReplicasConfigTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ReplicasConfigTest);
  CPPUNIT_TEST(takes_names_and_addresses);
  CPPUNIT_TEST(takes_comments_blank_lines_and_any_line_end);
  CPPUNIT_TEST(refuses_bad_ids);
  CPPUNIT_TEST(refuses_bad_hosts);
  CPPUNIT_TEST(refuses_bad_ports);
  CPPUNIT_TEST(refuses_too_many_fields);
  CPPUNIT_TEST(refuses_duplicates);
  CPPUNIT_TEST(refuses_an_empty_file);
  CPPUNIT_TEST(refuses_more_than_the_limit);
  CPPUNIT_TEST(escapes_what_it_quotes);
  CPPUNIT_TEST_SUITE_END();

 public:
  void takes_names_and_addresses() {
    const std::vector<ReplicaAddress> expected = {
        {ReplicaId{3}, "kv3.example.org", 7411, 7412},
        {ReplicaId{1}, "127.0.0.1", 7501, 7412},
        {ReplicaId{2}, "::1", 7501, 7502},
        {ReplicaId{4294967295}, "fe80::1%eth0", 1, 65535},
    };
    CPPUNIT_ASSERT(parsed("3 kv3.example.org\n"
                          "1 127.0.0.1 7501\n"
                          "2 [::1] 7501 7502\n"
                          "4294967295 fe80::1%eth0 1 65535\n") == expected);
  }

  void takes_comments_blank_lines_and_any_line_end() {
    const std::vector<ReplicaAddress> expected = {{ReplicaId{1}, "a", 7411, 7412},
                                                  {ReplicaId{2}, "b", 7411, 7412}};
    CPPUNIT_ASSERT(parsed("# all of them\r\n\r\n  \t\n\t1\ta # one\r\n 2  b#two") == expected);
  }

  void refuses_bad_ids() {
    CPPUNIT_ASSERT_EQUAL(std::string("replicas.conf:1: id 0 is not a number from 1 to 4294967295"),
                         reason_of("0 a"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("replicas.conf:2: id 4294967296 is not a number from 1 to 4294967295"),
        reason_of("1 a\n4294967296 b"));
    for (const char* id : {"-1", "+1", "1x", "x", "0x1", "1.0"}) {
      CPPUNIT_ASSERT(reason_of(fmt::format("{} a", id)).starts_with("replicas.conf:1: id "));
    }
  }

  void refuses_bad_hosts() {
    CPPUNIT_ASSERT_EQUAL(std::string("replicas.conf:1: replica 1 has no host"), reason_of("1"));
    CPPUNIT_ASSERT_EQUAL(std::string("replicas.conf:1: host 10.0.0.1:7411 has a port in it; the "
                                     "ports are fields of their own"),
                         reason_of("1 10.0.0.1:7411"));
    for (const char* host :
         {"10.0.0.256", "10.0.0", "10.0.0.1.2", "1.2..4", "7411", "a/b", "a@b"}) {
      CPPUNIT_ASSERT_EQUAL(fmt::format("replicas.conf:1: {} is not a host name or address", host),
                           reason_of(fmt::format("1 {}", host)));
    }
    for (const char* host : {"[::1", "[::1]:7411", "[10.0.0.1]", "[", "[]"}) {
      CPPUNIT_ASSERT_EQUAL(
          fmt::format("replicas.conf:1: {} is not an IPv6 address in brackets", host),
          reason_of(fmt::format("1 {}", host)));
    }
    CPPUNIT_ASSERT_EQUAL(std::string("parsed"), reason_of("1 " + std::string(255, 'h')));
    CPPUNIT_ASSERT(
        reason_of("1 " + std::string(256, 'h')).ends_with("has 256 bytes, 255 are allowed"));
  }

  void refuses_bad_ports() {
    CPPUNIT_ASSERT_EQUAL(
        std::string("replicas.conf:1: client port 0 is not a number from 1 to 65535"),
        reason_of("1 a 0"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("replicas.conf:1: peer port 65536 is not a number from 1 to 65535"),
        reason_of("1 a 7411 65536"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("replicas.conf:1: client port http is not a number from 1 to 65535"),
        reason_of("1 a http"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("replicas.conf:1: port 7412 is both client port and peer port"),
        reason_of("1 a 7412"));
  }

  void refuses_too_many_fields() {
    CPPUNIT_ASSERT_EQUAL(std::string("replicas.conf:1: x is one field too many: id host "
                                     "[client-port [peer-port]]"),
                         reason_of("1 a 1 2 x"));
  }

  void refuses_duplicates() {
    CPPUNIT_ASSERT_EQUAL(std::string("replicas.conf:3: id 2 was given before, in line 1"),
                         reason_of("2 a\n# and\n2 b"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("replicas.conf:2: port 7411 of host A.org was given before, in line 1"),
        reason_of("1 a.org 7411 1\n2 A.org 7411 2"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("replicas.conf:2: port 20 of host a was given before, in line 1"),
        reason_of("1 a 10 20\n2 a 20 30"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("replicas.conf:2: port 20 of host a was given before, in line 1"),
        reason_of("1 a 10 20\n2 a 30 20"));
    CPPUNIT_ASSERT_EQUAL(std::string("parsed"), reason_of("1 a 10 20\n2 a 30 40\n3 b 10 20"));
  }

  void refuses_an_empty_file() {
    CPPUNIT_ASSERT_EQUAL(std::string("replicas.conf: names no replica"), reason_of(""));
    CPPUNIT_ASSERT_EQUAL(std::string("replicas.conf: names no replica"), reason_of("\n# 1 a\n"));
  }

  void refuses_more_than_the_limit() {
    std::string text;
    for (int id = 1; id <= 16; ++id) text += fmt::format("{} host{}\n", id, id);
    CPPUNIT_ASSERT_EQUAL(std::string("parsed"), reason_of(text));
    CPPUNIT_ASSERT_EQUAL(std::string("replicas.conf:17: a cluster has at most 16 replicas"),
                         reason_of(text + "17 host17"));
  }

  void escapes_what_it_quotes() {
    CPPUNIT_ASSERT_EQUAL(
        std::string("replicas.conf:1: \\x00\\x1b[1m is not a host name or address"),
        reason_of(std::string_view("1 \0\x1b[1m", 7)));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ReplicasConfigTest);

}  // namespace rkv
