#include "client/wire.h"

#include <cppunit/extensions/HelperMacros.h>
#include <kv.h>

#include <array>
#include <cstring>
#include <string>

namespace rkv::client {
namespace {

char* text_of(const char* literal) { return const_cast<char*>(literal); }

// Of replica 4, without what its protocol says.
kv_status_result status_result() {
  kv_status_result result{};
  kv_status_ok& ok = result.kv_status_result_u.ok;
  ok.replica = 4;
  ok.replication = text_of("2pc");
  ok.role = text_of("replica");
  ok.trouble = text_of("");
  ok.software = text_of("9.9");
  return result;
}

class WireTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(WireTest);
  CPPUNIT_TEST(reads_what_a_replica_of_2pc_says);
  CPPUNIT_TEST(reads_the_status_of_a_later_protocol_without_what_it_says);
  CPPUNIT_TEST_SUITE_END();

 public:
  void reads_what_a_replica_of_2pc_says() {
    std::string key("k\0\xff", 3);
    std::array<kv_txn_in_doubt, 2> in_doubt{
        {{{3, 5, 77}, {static_cast<u_int>(key.size()), key.data()}, 1500},
         {{1, 2, 78}, {0, nullptr}, UINT64_MAX}}};
    kv_status_result result = status_result();
    kv_protocol_status& protocol = result.kv_status_result_u.ok.protocol;
    protocol.replication = KV_REPLICATION_2PC;
    protocol.kv_protocol_status_u.twopc = {2, 10, 11, 12, 13, 14, {2, in_doubt.data()}, 15, 16, 17};
    const Result<ReplicaStatus> status = status_of(result, "server:7411");
    CPPUNIT_ASSERT(status.ok() && status.value().twopc && !status.value().paxos);
    const TwoPcStatus& twopc = *status.value().twopc;
    CPPUNIT_ASSERT(twopc.coordinator == ReplicaId{2});
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{10}, twopc.waiting);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{11}, twopc.voting);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{12}, twopc.unfinished);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{13}, twopc.prepared);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{14}, twopc.in_doubt_count);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, twopc.in_doubt.size());
    CPPUNIT_ASSERT(twopc.in_doubt[0].coordinator == ReplicaId{3});
    CPPUNIT_ASSERT_EQUAL(Incarnation{5}, twopc.in_doubt[0].incarnation);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{77}, twopc.in_doubt[0].number);
    CPPUNIT_ASSERT_EQUAL(key, twopc.in_doubt[0].key);
    CPPUNIT_ASSERT(twopc.in_doubt[0].since == milliseconds(1500));
    CPPUNIT_ASSERT(twopc.in_doubt[1].key.empty() && twopc.in_doubt[1].since.ns > 0);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{15}, twopc.conflicts);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{16}, twopc.aborted);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{17}, twopc.log_bytes);
  }

  void reads_the_status_of_a_later_protocol_without_what_it_says() {
    kv_status_result result = status_result();
    kv_protocol_status& protocol = result.kv_status_result_u.ok.protocol;
    const int later = 99;
    std::memcpy(&protocol.replication, &later, sizeof protocol.replication);
    const Result<ReplicaStatus> status = status_of(result, "server:7411");
    CPPUNIT_ASSERT(status.ok() && !status.value().twopc && !status.value().paxos);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(WireTest);

}  // namespace
}  // namespace rkv::client
