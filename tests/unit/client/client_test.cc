#include "client/client.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

#include "base/limits.h"
#include "client/status_query.h"
#include "fake_replica.h"

namespace rkv::client {
namespace {

using Kind = Reaction::Kind;

// Of kv_status in kv.x.
constexpr int kUnavailableOnWire = 3;
constexpr int kBusyOnWire = 9;
constexpr int kUseTcpOnWire = 13;

// Long enough for any call that is answered; and short, for those that are not.
constexpr ClientOptions kPatient = {seconds(20)};
constexpr ClientOptions kOverUdp = {seconds(20), rpc::Transport::kUdp};
constexpr ClientOptions kImpatient = {milliseconds(300)};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void assert_status(StatusCode code, const std::string& part, const Status& status) {
  CPPUNIT_ASSERT_MESSAGE(status.to_string(), status.code() == code);
  CPPUNIT_ASSERT_MESSAGE(status.to_string(), contains(status.reason(), part));
}

}  // namespace

class ClientTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ClientTest);
  CPPUNIT_TEST(puts_gets_and_removes);
  CPPUNIT_TEST(carries_any_bytes);
  CPPUNIT_TEST(refuses_what_is_over_a_limit_without_a_call);
  CPPUNIT_TEST(says_who_failed);
  CPPUNIT_TEST(goes_on_when_a_server_cannot_be_reached);
  CPPUNIT_TEST(goes_on_when_a_server_offers_no_such_program);
  CPPUNIT_TEST(names_every_server_when_none_can_be_reached);
  CPPUNIT_TEST(write_without_answer_is_made_elsewhere_with_its_id);
  CPPUNIT_TEST(write_that_crashes_every_server_is_unknown);
  CPPUNIT_TEST(read_without_answer_is_made_elsewhere);
  CPPUNIT_TEST(read_without_any_answer_is_unavailable);
  CPPUNIT_TEST(goes_on_when_a_server_is_not_able_now);
  CPPUNIT_TEST(asks_a_busy_server_again);
  CPPUNIT_TEST(gives_up_on_a_server_that_stays_busy);
  CPPUNIT_TEST(lists_the_replicas_that_miss_a_write);
  CPPUNIT_TEST(takes_a_status_it_does_not_know_as_an_error);
  CPPUNIT_TEST(makes_reasons_one_line);
  CPPUNIT_TEST(numbers_its_writes);
  CPPUNIT_TEST(stays_with_the_server_that_answered);
  CPPUNIT_TEST(learns_the_replicas);
  CPPUNIT_TEST(asks_all_servers_for_their_status);
  CPPUNIT_TEST(does_everything_over_udp);
  CPPUNIT_TEST(over_udp_says_what_is_too_long);
  CPPUNIT_TEST(over_udp_goes_on_when_a_server_is_not_there);
  CPPUNIT_TEST_SUITE_END();

 public:
  void does_everything_over_udp() {
    FakeReplica replica(1);
    Client client({replica.address()}, kOverUdp);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, client.put("k", "v").key_version);
    CPPUNIT_ASSERT_EQUAL(std::string("v"), client.get("k").value);
    CPPUNIT_ASSERT(client.del("k").status.ok());
    CPPUNIT_ASSERT(client.get("k").status.code() == StatusCode::kNotFound);
    CPPUNIT_ASSERT(client.replicas().ok());
    const auto answers =
        ask_status({replica.address()}, false, kOverUdp.timeout, rpc::Transport::kUdp);
    CPPUNIT_ASSERT(answers.at(0).ok());
  }

  void over_udp_says_what_is_too_long() {
    FakeReplica replica(1);
    FakeReplica other(2);
    Client client({replica.address(), other.address()}, kOverUdp);
    assert_status(StatusCode::kOverLimit, "UDP carries 1232 at most; use TCP (rkv -t tcp)",
                  client.put("k", std::string(1232, 'v')).status);
    CPPUNIT_ASSERT(replica.calls().empty() && other.calls().empty());
    replica.expect({{Kind::kFail, kUseTcpOnWire, "too long"}});
    assert_status(StatusCode::kOverLimit, "; use TCP (rkv -t tcp)", client.get("k").status);
    CPPUNIT_ASSERT(other.calls().empty());
  }

  void over_udp_goes_on_when_a_server_is_not_there() {
    const DeadServer dead;
    FakeReplica replica(1);
    Client client({dead.address(), replica.address()}, kOverUdp);
    CPPUNIT_ASSERT(client.put("k", "v").status.ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, replica.calls().size());
  }

  void puts_gets_and_removes() {
    FakeReplica replica(1);
    Client client({replica.address()}, kPatient);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, client.put("k", "v").key_version);
    const WriteOutcome second = client.put("k", "w");
    CPPUNIT_ASSERT(second.status.ok());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, second.key_version);
    CPPUNIT_ASSERT_EQUAL(Position{2}, second.position);
    CPPUNIT_ASSERT_EQUAL(replica.address().name(), second.server);
    const ReadOutcome read = client.get("k");
    CPPUNIT_ASSERT(read.status.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("w"), read.value);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, read.key_version);
    CPPUNIT_ASSERT(client.del("k").status.ok());
    assert_status(StatusCode::kNotFound, "no such key", client.del("k").status);
    assert_status(StatusCode::kNotFound, "no such key", client.get("k").status);
  }

  void carries_any_bytes() {
    FakeReplica replica(1);
    Client client({replica.address()}, kPatient);
    const std::string key("\0\xff\n\t", 4);
    for (const std::string& value :
         {std::string(), std::string("\0", 1), std::string(kValueSizeMax, '\xfe')}) {
      CPPUNIT_ASSERT(client.put(key, value).status.ok());
      CPPUNIT_ASSERT(client.get(key).value == value);
    }
    CPPUNIT_ASSERT(replica.calls().front().key == key);
    CPPUNIT_ASSERT(client.put(std::string(kKeySizeMax, 'k'), "").status.ok());
  }

  void refuses_what_is_over_a_limit_without_a_call() {
    FakeReplica replica(1);
    Client client({replica.address()}, kPatient);
    assert_status(StatusCode::kOverLimit, "1048577 bytes, the limit is 1048576",
                  client.put("k", std::string(kValueSizeMax + 1, 'v')).status);
    const std::string key(kKeySizeMax + 1, 'k');
    assert_status(StatusCode::kOverLimit, "1025 bytes, the limit is 1024",
                  client.put(key, "v").status);
    assert_status(StatusCode::kOverLimit, "1025 bytes", client.get(key).status);
    assert_status(StatusCode::kOverLimit, "1025 bytes", client.del(key).status);
    assert_status(StatusCode::kInvalid, "empty", client.put("", "v").status);
    assert_status(StatusCode::kInvalid, "empty", client.get("").status);
    CPPUNIT_ASSERT(replica.calls().empty());
  }

  void says_who_failed() {
    FakeReplica replica(4);
    replica.always({Kind::kFail, kUnavailableOnWire, "replica 2 is down"});
    Client client({replica.address()}, kImpatient);
    const WriteOutcome outcome = client.put("k", "v");
    assert_status(StatusCode::kUnavailable,
                  "replica 2 is down (replica 4, " + replica.address().name() + ")",
                  outcome.status);
    CPPUNIT_ASSERT_EQUAL(replica.address().name(), outcome.server);
  }

  void goes_on_when_a_server_cannot_be_reached() {
    DeadServer dead;
    FakeReplica replica(2);
    Client client({dead.address(), replica.address()}, kPatient);
    const WriteOutcome outcome = client.put("k", "v");
    CPPUNIT_ASSERT_MESSAGE(outcome.status.to_string(), outcome.status.ok());
    CPPUNIT_ASSERT_EQUAL(replica.address().name(), outcome.server);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, replica.calls().size());
  }

  void goes_on_when_a_server_offers_no_such_program() {
    const std::unique_ptr<FakeReplica> other = FakeReplica::without_program();
    FakeReplica replica(2);
    Client client({other->address(), replica.address()}, kPatient);
    CPPUNIT_ASSERT(client.put("k", "v").status.ok());
    Client alone({other->address()}, kImpatient);
    assert_status(StatusCode::kUnavailable, other->address().name(), alone.put("k", "v").status);
  }

  void names_every_server_when_none_can_be_reached() {
    DeadServer first;
    DeadServer second;
    Client client({first.address(), second.address()}, kImpatient);
    const Status status = client.put("k", "v").status;
    assert_status(StatusCode::kUnavailable, first.address().name(), status);
    assert_status(StatusCode::kUnavailable, second.address().name(), status);
    assert_status(StatusCode::kUnavailable, second.address().name(), client.get("k").status);
  }

  void write_without_answer_is_made_elsewhere_with_its_id() {
    FakeReplica silent(1);
    FakeReplica other(2);
    silent.always({Kind::kHold, 0, {}});
    Client client({silent.address(), other.address()}, {seconds(2)});
    const WriteOutcome outcome = client.put("k", "v");
    CPPUNIT_ASSERT_MESSAGE(outcome.status.to_string(), outcome.status.ok());
    CPPUNIT_ASSERT_EQUAL(other.address().name(), outcome.server);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, silent.calls().size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, other.calls().size());
    CPPUNIT_ASSERT(silent.calls()[0].operation == other.calls()[0].operation);
  }

  void write_that_crashes_every_server_is_unknown() {
    FakeReplica first(1);
    FakeReplica second(2);
    first.always({Kind::kCrash, 0, {}});
    second.always({Kind::kCrash, 0, {}});
    Client client({first.address(), second.address()}, kImpatient);
    const WriteOutcome outcome = client.put("k", "v");
    assert_status(StatusCode::kUnknown, first.address().name(), outcome.status);
    assert_status(StatusCode::kUnknown, second.address().name(), outcome.status);
    CPPUNIT_ASSERT(outcome.certainty() == Certainty::kUnknown);
    CPPUNIT_ASSERT(outcome.server.empty());
    for (const SeenCall& call : second.calls()) {
      CPPUNIT_ASSERT(call.operation == first.calls()[0].operation);
    }
  }

  void read_without_answer_is_made_elsewhere() {
    FakeReplica silent(1);
    FakeReplica crashing(2);
    FakeReplica other(3);
    silent.always({Kind::kHold, 0, {}});
    crashing.always({Kind::kCrash, 0, {}});
    Client writer({other.address()}, kPatient);
    CPPUNIT_ASSERT(writer.put("k", "v").status.ok());
    Client client({silent.address(), crashing.address(), other.address()}, {seconds(2)});
    const ReadOutcome outcome = client.get("k");
    CPPUNIT_ASSERT_MESSAGE(outcome.status.to_string(), outcome.status.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("v"), outcome.value);
    CPPUNIT_ASSERT_EQUAL(other.address().name(), outcome.server);
  }

  void read_without_any_answer_is_unavailable() {
    FakeReplica silent(1);
    silent.always({Kind::kHold, 0, {}});
    Client client({silent.address()}, kImpatient);
    const Status status = client.get("k").status;
    assert_status(StatusCode::kUnavailable, silent.address().name(), status);
    CPPUNIT_ASSERT_MESSAGE(status.reason(), !contains(status.reason(), "may have been done"));
  }

  void goes_on_when_a_server_is_not_able_now() {
    FakeReplica first(1);
    FakeReplica second(2);
    first.always({Kind::kFail, kUnavailableOnWire, "not now"});
    Client client({first.address(), second.address()}, kPatient);
    CPPUNIT_ASSERT(client.put("k", "v").status.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("v"), client.get("k").value);
    CPPUNIT_ASSERT(first.calls()[0].operation == second.calls()[0].operation);
    second.always({Kind::kFail, kUnavailableOnWire, "not here"});
    const WriteOutcome outcome = client.put("k", "v", CallOptions{milliseconds(300)});
    assert_status(StatusCode::kUnavailable, "not now", outcome.status);
    assert_status(StatusCode::kUnavailable, "not here", outcome.status);
    assert_status(StatusCode::kUnavailable, "; nothing happened", outcome.status);
  }

  void asks_a_busy_server_again() {
    FakeReplica replica(1);
    const Reaction busy = {Kind::kFail, kBusyOnWire, "too many calls"};
    replica.expect({busy, busy});
    Client client({replica.address()}, kPatient);
    CPPUNIT_ASSERT(client.put("k", "v").status.ok());
    const std::vector<SeenCall> calls = replica.calls();
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, calls.size());
    CPPUNIT_ASSERT(calls[0].operation == calls[2].operation);
  }

  void gives_up_on_a_server_that_stays_busy() {
    FakeReplica replica(1);
    replica.always({Kind::kFail, kBusyOnWire, "too many calls"});
    Client client({replica.address()}, kImpatient);
    assert_status(StatusCode::kBusy, "too many calls", client.put("k", "v").status);
  }

  void lists_the_replicas_that_miss_a_write() {
    const std::vector<ReplicaId> missing = {ReplicaId{3}, ReplicaId{5}};
    for (const std::string reason : {"but perhaps not at replica 3; replica 5", ""}) {
      FakeReplica replica(1);
      replica.always({Kind::kPartly, 0, reason});
      Client client({replica.address()}, kPatient);
      for (const WriteOutcome& outcome : {client.put("k", "v"), client.del("k")}) {
        const std::string expected =
            reason.empty() ? "perhaps not applied at replica 3, 5" : reason;
        assert_status(StatusCode::kPartlyApplied, expected, outcome.status);
        CPPUNIT_ASSERT(outcome.missing == missing);
      }
    }
  }

  void takes_a_status_it_does_not_know_as_an_error() {
    FakeReplica replica(1);
    replica.always({Kind::kFail, 77, {}});
    Client client({replica.address()}, kPatient);
    assert_status(StatusCode::kInternal, "status 77", client.get("k").status);
    assert_status(StatusCode::kInternal, "status 77", client.put("k", "v").status);
  }

  void makes_reasons_one_line() {
    FakeReplica replica(1);
    replica.always({Kind::kFail, kUnavailableOnWire, "a\nb\x1b[2J\xff"});
    Client client({replica.address()}, kPatient);
    assert_status(StatusCode::kUnavailable, "a\\x0ab\\x1b[2J\\xff (replica 1",
                  client.get("k").status);
  }

  void numbers_its_writes() {
    FakeReplica replica(1);
    Client client({replica.address()}, kPatient);
    CPPUNIT_ASSERT(client.put("k", "v").status.ok());
    CPPUNIT_ASSERT(client.del("k").status.ok());
    Client another({replica.address()}, kPatient);
    CPPUNIT_ASSERT(another.put("k", "v").status.ok());
    const std::vector<SeenCall> calls = replica.calls();
    const std::uint64_t id = calls[0].operation.client;
    CPPUNIT_ASSERT(id != 0);
    CPPUNIT_ASSERT((calls[0].operation == OperationId{id, 1, 1}));
    CPPUNIT_ASSERT((calls[1].operation == OperationId{id, 2, 2}));
    CPPUNIT_ASSERT(calls[2].operation.client != id);
  }

  void stays_with_the_server_that_answered() {
    FakeReplica first(1);
    FakeReplica second(2);
    first.always({Kind::kCrash, 0, {}});
    Client client({first.address(), second.address()}, kPatient);
    assert_status(StatusCode::kNotFound, "", client.get("k").status);
    CPPUNIT_ASSERT(client.put("k", "v").status.ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, first.calls().size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, second.calls().size());
  }

  void learns_the_replicas() {
    FakeReplica replica(2);
    const std::vector<ReplicaAddress> replicas = {{ReplicaId{1}, "::1", 7411, 7412},
                                                  {ReplicaId{2}, "b.example", 65535, 1}};
    replica.set_replicas(replicas);
    DeadServer dead;
    Client client({dead.address(), replica.address()}, kPatient);
    const Result<ReplicaList> list = client.replicas();
    CPPUNIT_ASSERT_MESSAGE(list.status().to_string(), list.ok());
    CPPUNIT_ASSERT(list.value().self == ReplicaId{2});
    CPPUNIT_ASSERT(list.value().replicas == replicas);
    CPPUNIT_ASSERT_EQUAL(replica.address().name(), list.value().server);
  }

  void asks_all_servers_for_their_status() {
    FakeReplica first(1);
    FakeReplica silent(2);
    DeadServer dead;
    FakeReplica last(4);
    silent.always({Kind::kHold, 0, {}});
    const std::vector<Result<ReplicaStatus>> answers = ask_status(
        {first.address(), silent.address(), dead.address(), last.address()}, true, seconds(1));
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, answers.size());
    assert_status(StatusCode::kUnavailable, silent.address().name(), answers[1].status());
    assert_status(StatusCode::kUnavailable, dead.address().name(), answers[2].status());
    CPPUNIT_ASSERT(answers[0].ok() && answers[3].ok());
    const ReplicaStatus& status = answers[3].value();
    CPPUNIT_ASSERT(status.replica == ReplicaId{4});
    CPPUNIT_ASSERT_EQUAL(std::string("5a000000000000000000000000000000"),
                         status.cluster.to_string());
    CPPUNIT_ASSERT_EQUAL(Incarnation{3}, status.incarnation);
    CPPUNIT_ASSERT_EQUAL(std::string("paxos"), status.replication);
    CPPUNIT_ASSERT_EQUAL(std::string("leader"), status.role);
    CPPUNIT_ASSERT_EQUAL(std::string("9.9"), status.software);
    CPPUNIT_ASSERT(status.leader == ReplicaId{4});
    CPPUNIT_ASSERT_EQUAL(std::string("the disk\\x0ais full"), status.trouble);
    CPPUNIT_ASSERT_EQUAL(Position{11}, status.applied);
    CPPUNIT_ASSERT_EQUAL(Position{10}, status.durable);
    CPPUNIT_ASSERT(status.uptime == seconds(61));
    CPPUNIT_ASSERT_EQUAL(std::string("gone\\x0afor good"), status.peers.at(0).reason);
    CPPUNIT_ASSERT(status.peers[0].since == milliseconds(1500) && !status.peers[0].up);
    CPPUNIT_ASSERT_EQUAL(std::string("calls"), status.counters.at(0).first);
    CPPUNIT_ASSERT_EQUAL(std::string("0000000000000000000000000000000f"), status.state_hash->hash);
    CPPUNIT_ASSERT(status.paxos.has_value());
    assert_paxos(*status.paxos);
  }

  // What a FakeReplica with id 4 says.
  static void assert_paxos(const PaxosStatus& paxos) {
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{7}, paxos.ballot.round);
    CPPUNIT_ASSERT(paxos.ballot.replica == ReplicaId{4});
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{8}, paxos.promised.round);
    CPPUNIT_ASSERT(paxos.promised.replica == ReplicaId{5});
    CPPUNIT_ASSERT_EQUAL(Position{13}, paxos.chosen);
    CPPUNIT_ASSERT_EQUAL(Position{12}, paxos.synced);
    CPPUNIT_ASSERT_EQUAL(Position{9}, paxos.cut);
    CPPUNIT_ASSERT(paxos.lease == milliseconds(85));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, paxos.elections);
    CPPUNIT_ASSERT(paxos.election_age == milliseconds(1500));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4096}, paxos.log_bytes);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ClientTest);

class ServerListTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ServerListTest);
  CPPUNIT_TEST(reads_hosts_and_ports);
  CPPUNIT_TEST(refuses_what_is_no_list);
  CPPUNIT_TEST_SUITE_END();

 public:
  void reads_hosts_and_ports() {
    const std::vector<Server> expected = {
        {"a", 7411}, {"10.0.0.1", 80}, {"::1", 7411}, {"fe80::1", 9}};
    const Result<std::vector<Server>> servers = parse_servers("a,10.0.0.1:80,::1,[fe80::1]:9");
    CPPUNIT_ASSERT(servers.ok() && servers.value() == expected);
    CPPUNIT_ASSERT_EQUAL(std::string("[fe80::1]:9"), expected[3].name());
  }

  void refuses_what_is_no_list() {
    for (const char* text : {"", ",", "a,", ",a", "a:", "a:0", "a:65536", "a:b", "[::1"}) {
      const Result<std::vector<Server>> servers = parse_servers(text);
      CPPUNIT_ASSERT_MESSAGE(text, servers.status().code() == StatusCode::kInvalid);
    }
    CPPUNIT_ASSERT(!parse_servers(std::string(256, 'a')).ok());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ServerListTest);

}  // namespace rkv::client
