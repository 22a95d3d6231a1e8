#include "rkv/status_report.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <utility>
#include <vector>

namespace rkv::cli {
namespace {

StatusRow row_of(std::uint32_t id, Result<client::ReplicaStatus> status) {
  return {{ReplicaId{id}, "10.0.0." + std::to_string(id), 7411, 7412},
          "10.0.0." + std::to_string(id) + ":7411",
          std::move(status)};
}

client::ReplicaStatus any_replica(std::uint32_t id) {
  client::ReplicaStatus status;
  status.cluster.bytes[0] = 0x5a;
  status.replica = ReplicaId{id};
  status.incarnation = 3;
  status.keys = 17;
  status.software = "9.9";
  status.uptime = milliseconds(61'500);
  return status;
}

client::ReplicaStatus leader() {
  client::ReplicaStatus status = any_replica(1);
  status.replication = "paxos";
  status.role = "leader";
  status.leader = ReplicaId{1};
  status.applied = 1000;
  status.durable = 800;
  client::PaxosStatus paxos;
  paxos.ballot = paxos.promised = {7, ReplicaId{1}};
  paxos.chosen = 1002;
  paxos.synced = 1005;
  paxos.cut = 700;
  paxos.lease = milliseconds(85);
  paxos.elections = 4;
  paxos.election_age = seconds(125);
  paxos.log_bytes = (std::uint64_t{3} << 20) + (1 << 19);
  status.paxos = paxos;
  status.peers = {{ReplicaId{2}, true, "", seconds(50)},
                  {ReplicaId{3}, false, "connection refused", seconds(3)}};
  status.counters = {{"calls", 7}};
  return status;
}

// Has just started and heard of no leader.
client::ReplicaStatus candidate() {
  client::ReplicaStatus status = any_replica(2);
  status.replication = "paxos";
  status.role = "candidate";
  status.applied = 990;
  status.durable = 990;
  client::PaxosStatus paxos;
  paxos.promised = {6, ReplicaId{3}};
  paxos.chosen = 990;
  paxos.synced = 990;
  paxos.log_bytes = 1025;
  status.paxos = paxos;
  status.trouble = "the disk of the log is nearly full; writes are refused";
  return status;
}

client::ReplicaStatus forwarder() {
  client::ReplicaStatus status = any_replica(1);
  status.replication = "forward";
  status.role = "replica";
  status.applied = 11;
  status.durable = 10;
  return status;
}

client::ReplicaStatus participant() {
  client::ReplicaStatus status = any_replica(1);
  status.replication = "2pc";
  status.role = "replica";
  status.applied = 40;
  status.durable = 30;
  client::TwoPcStatus twopc;
  twopc.waiting = 5;
  twopc.voting = 4;
  twopc.unfinished = 7;
  twopc.prepared = 22;
  twopc.in_doubt_count = 18;
  twopc.in_doubt = {{ReplicaId{3}, 2, 77, "color", seconds(75)},
                    {ReplicaId{2}, 9, 1, std::string("\0\xff", 2), milliseconds(1500)}};
  twopc.conflicts = 3;
  twopc.aborted = 2;
  twopc.log_bytes = 16 << 20;
  status.twopc = twopc;
  status.peers = {{ReplicaId{3}, false, "connection refused", seconds(75)}};
  return status;
}

// All writes go through it.
client::ReplicaStatus coordinator() {
  client::ReplicaStatus status = any_replica(2);
  status.replication = "2pc";
  status.role = "coordinator";
  status.leader = ReplicaId{2};
  status.applied = 40;
  status.durable = 40;
  client::TwoPcStatus twopc;
  twopc.coordinator = ReplicaId{2};
  twopc.in_doubt_count = 1;
  twopc.in_doubt = {{ReplicaId{3}, 2, 77, "color", seconds(120)}};
  status.twopc = twopc;
  status.trouble = "the disk of the log is nearly full; writes are refused";
  return status;
}

std::vector<StatusRow> twopc_rows() {
  return {row_of(1, participant()), row_of(2, coordinator()),
          row_of(3, Status::unavailable("no answer"))};
}

std::vector<StatusRow> paxos_rows() {
  return {row_of(1, leader()), row_of(2, candidate()),
          row_of(3, Status::unavailable("10.0.0.3:7411: connection refused"))};
}

}  // namespace

class StatusReportTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(StatusReportTest);
  CPPUNIT_TEST(shows_replicas_of_paxos);
  CPPUNIT_TEST(draws_replicas_of_paxos);
  CPPUNIT_TEST(shows_replicas_of_forward_without_columns_of_paxos);
  CPPUNIT_TEST(shows_replicas_of_which_none_answers);
  CPPUNIT_TEST(takes_what_is_applied_beyond_what_is_known_as_no_lag);
  CPPUNIT_TEST(shows_replicas_of_2pc_and_what_is_in_doubt);
  CPPUNIT_TEST(writes_all_of_paxos_in_json);
  CPPUNIT_TEST(writes_all_of_2pc_in_json);
  CPPUNIT_TEST(writes_null_in_json_where_there_is_nothing);
  CPPUNIT_TEST_SUITE_END();

 public:
  void shows_replicas_of_paxos() {
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "id  address        role         leader  ballot  lag  applied  chosen  synced  flushed"
            "  lease  log     election\n"
            "1   10.0.0.1:7411  leader       1       7.1     2    1000     1002    1005    800    "
            "  85ms   3.5MiB  2m05s (4)\n"
            "2   10.0.0.2:7411  candidate    -       -       12   990      990     990     990    "
            "  -      2KiB    -\n"
            "3   10.0.0.3:7411  unreachable  10.0.0.3:7411: connection refused\n"
            "replica 3 is down as seen by 1, for 3s: connection refused\n"
            "replica 2 is in trouble: the disk of the log is nearly full; writes are refused\n"),
        status_table(paxos_rows(), OutputFormat::kSimple, false));
  }

  void draws_replicas_of_paxos() {
    const std::string table = status_table(paxos_rows(), OutputFormat::kTable, true);
    CPPUNIT_ASSERT(table.find("| flushed | lease | log    | election  | state-hash |\n") !=
                   std::string::npos);
    CPPUNIT_ASSERT(table.find("+\nreplica 3 is down") != std::string::npos);
  }

  void shows_replicas_of_forward_without_columns_of_paxos() {
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "id  address        state  role     leader  applied  flushed  keys  version  uptime\n"
            "1   10.0.0.1:7411  up     replica  -       11       10       17    9.9      1m01s\n"),
        status_table({row_of(1, forwarder())}, OutputFormat::kSimple, false));
  }

  void shows_replicas_of_which_none_answers() {
    CPPUNIT_ASSERT_EQUAL(
        std::string("id  address        state        role  leader  applied  flushed  keys  version"
                    "  uptime\n"
                    "3   10.0.0.3:7411  unreachable  no answer\n"),
        status_table({row_of(3, Status::unavailable("no answer"))}, OutputFormat::kSimple, false));
  }

  // A replica may have applied more than another one knew to be chosen when that one answered.
  void takes_what_is_applied_beyond_what_is_known_as_no_lag() {
    client::ReplicaStatus ahead = leader();
    ahead.applied = ahead.paxos->chosen + 5;
    CPPUNIT_ASSERT_EQUAL(0, status_json({row_of(1, ahead)}, false)[0]["lag"].get<int>());
  }

  void writes_all_of_paxos_in_json() {
    CPPUNIT_ASSERT_EQUAL(
        std::string(R"({"id":1,"address":"10.0.0.1:7411","reachable":true,"role":"leader",)"
                    R"("leader":1,"applied":1000,"flushed":800,"keys":17,"version":"9.9",)"
                    R"("uptime_s":61.5,"cluster":"5a000000000000000000000000000000",)"
                    R"("incarnation":3,"replication":"paxos","trouble":"",)"
                    R"("ballot":{"round":7,"replica":1},"promised":{"round":7,"replica":1},)"
                    R"("chosen":1002,"synced":1005,"cut":700,"lag":2,"lease_ms":85,)"
                    R"("elections":4,"last_election_age_s":125.0,"log_bytes":3670016,)"
                    R"("peers":[{"id":2,"up":true,"reason":"","since_s":50.0},)"
                    R"({"id":3,"up":false,"reason":"connection refused","since_s":3.0}],)"
                    R"("counters":{"calls":7}})"),
        status_json(paxos_rows(), false)[0].dump());
  }

  void shows_replicas_of_2pc_and_what_is_in_doubt() {
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "id  address        role         waiting  voting  prepared  in-doubt  unfinished  "
            "applied  flushed  keys  log\n"
            "1   10.0.0.1:7411  replica      5        4       22        18        7           "
            "40       30       17    16.0MiB\n"
            "2   10.0.0.2:7411  coordinator  0        0       0         1         0           "
            "40       40       17    0KiB\n"
            "3   10.0.0.3:7411  unreachable  no answer\n"
            "key \\x00\\xff is in doubt at 1, for 1s: replica 2 coordinates it (transaction "
            "2.9.1)\n"
            "key color is in doubt at 1, 2, for 2m00s: replica 3 coordinates it (transaction "
            "3.2.77)\n"
            "replica 1 is in doubt about 16 more\n"
            "replica 3 is down as seen by 1, for 1m15s: connection refused\n"
            "replica 2 is in trouble: the disk of the log is nearly full; writes are refused\n"),
        status_table(twopc_rows(), OutputFormat::kSimple, false));
  }

  void writes_all_of_2pc_in_json() {
    const Json list = status_json(twopc_rows(), false);
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            R"({"id":1,"address":"10.0.0.1:7411","reachable":true,"role":"replica",)"
            R"("leader":null,"applied":40,"flushed":30,"keys":17,"version":"9.9",)"
            R"("uptime_s":61.5,"cluster":"5a000000000000000000000000000000",)"
            R"("incarnation":3,"replication":"2pc","trouble":"",)"
            R"("coordinator":null,"waiting":5,"voting":4,"prepared":22,"unfinished":7,)"
            R"("in_doubt_count":18,"in_doubt":[{"coordinator":3,"incarnation":2,"number":77,)"
            R"("key":"color","since_s":75.0},{"coordinator":2,"incarnation":9,"number":1,)"
            R"("key_base64":"AP8=","since_s":1.5}],"conflicts":3,"aborted":2,)"
            R"("log_bytes":16777216,"peers":[{"id":3,"up":false,)"
            R"("reason":"connection refused","since_s":75.0}],"counters":{}})"),
        list[0].dump());
    CPPUNIT_ASSERT_EQUAL(2, list[1]["coordinator"].get<int>());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, list[1]["in_doubt"].size());
  }

  void writes_null_in_json_where_there_is_nothing() {
    const Json list = status_json(paxos_rows(), true);
    CPPUNIT_ASSERT_EQUAL(
        std::string(R"({"id":2,"address":"10.0.0.2:7411","reachable":true,"role":"candidate",)"
                    R"("leader":null,"applied":990,"flushed":990,"keys":17,"version":"9.9",)"
                    R"("uptime_s":61.5,"cluster":"5a000000000000000000000000000000",)"
                    R"("incarnation":3,"replication":"paxos",)"
                    R"("trouble":"the disk of the log is nearly full; writes are refused",)"
                    R"("ballot":null,"promised":{"round":6,"replica":3},)"
                    R"("chosen":990,"synced":990,"cut":0,"lag":12,"lease_ms":null,)"
                    R"("elections":0,"last_election_age_s":null,"log_bytes":1025,)"
                    R"("peers":[],"counters":{},"state_hash":null})"),
        list[1].dump());
    CPPUNIT_ASSERT_EQUAL(
        std::string(R"({"id":3,"address":"10.0.0.3:7411","reachable":false,)"
                    R"("reason":"10.0.0.3:7411: connection refused","role":null,"leader":null,)"
                    R"("applied":null,"uptime_s":null,"version":null,"state_hash":null})"),
        list[2].dump());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(StatusReportTest);

}  // namespace rkv::cli
