#include <cppunit/extensions/HelperMacros.h>
#include <kv.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "forward/message.h"
#include "kv/command.h"
#include "rpc/datagram.h"
#include "rpc/message.h"
#include "service/cluster.h"
#include "service/peer_codec.h"
#include "service/wire.h"
#include "wire_sizes.h"

namespace rkv::service {
namespace {

SharedBytes shared(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

// A value through rpcgen's own routine, as bytes.
template <typename T>
std::string encoded(bool_t (*routine)(XDR*, T*), T value) {
  std::string bytes(kCommandSizeMax + 1024, '\0');
  XDR xdr;
  xdrmem_create(&xdr, bytes.data(), static_cast<u_int>(bytes.size()), XDR_ENCODE);
  CPPUNIT_ASSERT(routine(&xdr, &value) != FALSE);
  bytes.resize(XDR_GETPOS(&xdr));
  return bytes;
}

Cluster cluster_of_two(std::uint32_t self) {
  Cluster cluster;
  cluster.id.bytes.fill(7);
  cluster.self = ReplicaId{self};
  cluster.incarnation = 3;
  cluster.replication_name = "forward";
  cluster.replicas = {{ReplicaId{1}, "one"}, {ReplicaId{2}, "two"}};
  return cluster;
}

// What replica 1 makes of a failure that replica 2 sends; any status, as XDR lets any through.
Status check_failure(int status, const char* reason) {
  kv_rput_result result{};
  std::memcpy(&result.status, &status, sizeof result.status);
  result.kv_rput_result_u.failure.reason = const_cast<char*>(reason);
  return check_answer(cluster_of_two(1), ReplicaId{2}, result);
}

class CodecTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CodecTest);
  CPPUNIT_TEST(c_and_cpp_agree_on_the_generated_types);
  CPPUNIT_TEST(a_command_is_the_xdr_of_kv_x);
  CPPUNIT_TEST(the_largest_command_is_within_its_limit);
  CPPUNIT_TEST(every_result_of_a_write_fits_a_datagram);
  CPPUNIT_TEST(writes_survive_the_wire);
  CPPUNIT_TEST(commands_of_a_peer_are_validated);
  CPPUNIT_TEST(envelopes_are_for_one_cluster_replica_and_replication);
  CPPUNIT_TEST(another_coordinator_is_refused_on_both_sides);
  CPPUNIT_TEST(an_answer_is_of_the_replica_that_was_asked);
  CPPUNIT_TEST(a_refusal_says_whether_something_may_have_happened);
  CPPUNIT_TEST(a_reason_of_a_peer_is_one_printable_line);
  CPPUNIT_TEST(a_long_reason_is_cut_to_the_wire);
  CPPUNIT_TEST_SUITE_END();

 public:
  // An empty union has no size in C and one byte in C++: kv.x must have none.
  void c_and_cpp_agree_on_the_generated_types() {
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_put_args(), sizeof(kv_put_args));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_put_result(), sizeof(kv_put_result));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_get_result(), sizeof(kv_get_result));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_replicas_result(), sizeof(kv_replicas_result));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_status_result(), sizeof(kv_status_result));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_envelope(), sizeof(kv_envelope));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_rput_args(), sizeof(kv_rput_args));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_rput_result(), sizeof(kv_rput_result));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_command_body(), sizeof(kv_command_body));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_transact_args(), sizeof(kv_transact_args));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_transact_result(), sizeof(kv_transact_result));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_range_args(), sizeof(kv_range_args));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_range_result(), sizeof(kv_range_result));
    CPPUNIT_ASSERT_EQUAL(c_size_of_kv_session_result(), sizeof(kv_session_result));
  }

  void a_command_is_the_xdr_of_kv_x() {
    std::string key("k\0ey", 4);
    std::string value("some value");
    kv_command_body body{};
    body.operation = {11, 22, 33};
    body.change.kind = KV_COMMAND_PUT;
    kv_command_put& put = body.change.kv_command_change_u.put;
    put.key = {static_cast<u_int>(key.size()), key.data()};
    put.value = {static_cast<u_int>(value.size()), value.data()};
    CPPUNIT_ASSERT(encoded(xdr_kv_command_body, body) ==
                   kv::encode_command({kv::Command::Kind::kPut, {11, 22, 33}, key, value}));

    kv_command_body del{};
    del.operation = {11, 23, 33};
    del.change.kind = KV_COMMAND_DEL;
    del.change.kv_command_change_u.del.key = put.key;
    CPPUNIT_ASSERT(encoded(xdr_kv_command_body, del) ==
                   kv::encode_command({kv::Command::Kind::kDel, {11, 23, 33}, key, ""}));
  }

  void the_largest_command_is_within_its_limit() {
    const kv::Command largest{kv::Command::Kind::kPut,
                              {1, 2, 3},
                              std::string(kKeySizeMax, 'k'),
                              std::string(kValueSizeMax, 'v')};
    CPPUNIT_ASSERT(kv::encode_command(largest).size() <= kCommandSizeMax);
  }

  // Else a write that was done could not be answered over UDP with what became of it.
  void every_result_of_a_write_fits_a_datagram() {
    const auto fits = [](const std::string& result) {
      return result.size() + rpc::kSuccessHeaderSize <= rpc::kDatagramSizeMax;
    };
    const std::string reason(KV_REASON_MAX, 'r');
    std::vector<u_int> missing(KV_REPLICAS_MAX, UINT32_MAX);
    kv_partly_applied partly{};
    partly.missing.missing_len = static_cast<u_int>(missing.size());
    partly.missing.missing_val = missing.data();
    partly.reason = string_to_wire(reason);
    kv_put_result put{};
    kv_del_result del{};
    put.status = del.status = KV_OK;
    CPPUNIT_ASSERT(fits(encoded(xdr_kv_put_result, put)) && fits(encoded(xdr_kv_del_result, del)));
    put.status = del.status = KV_PARTLY_APPLIED;
    put.kv_put_result_u.partly = del.kv_del_result_u.partly = partly;
    CPPUNIT_ASSERT(fits(encoded(xdr_kv_put_result, put)) && fits(encoded(xdr_kv_del_result, del)));
    put.status = del.status = KV_UNAVAILABLE;
    put.kv_put_result_u.failure = {string_to_wire(reason), UINT32_MAX, {}};
    del.kv_del_result_u.failure = put.kv_put_result_u.failure;
    CPPUNIT_ASSERT(fits(encoded(xdr_kv_put_result, put)) && fits(encoded(xdr_kv_del_result, del)));
  }

  void writes_survive_the_wire() {
    const std::vector<SharedBytes> commands = {
        shared(kv::encode_command({kv::Command::Kind::kPut, {1, 1, 1}, "a", "b"})),
        shared(kv::encode_command({kv::Command::Kind::kDel, {1, 2, 1}, "a", ""}))};
    const forward::Writes writes(commands);
    const OutgoingMessage outgoing(writes);
    const Result<protocol::MessagePtr> back =
        message_from_wire(Replication::kForward, ReplicaId{1}, outgoing.wire());
    CPPUNIT_ASSERT(back.ok());
    const auto& received = static_cast<const forward::Writes&>(*back.value()).commands();
    CPPUNIT_ASSERT_EQUAL(commands.size(), received.size());
    for (std::size_t i = 0; i < commands.size(); ++i) CPPUNIT_ASSERT(*received[i] == *commands[i]);
    const Result<protocol::MessagePtr> answer = answer_from_wire(
        KV_PHASE_FORWARD, OutgoingAnswer(KV_PHASE_FORWARD, forward::Written(42)).wire());
    CPPUNIT_ASSERT(answer.ok());
    CPPUNIT_ASSERT_EQUAL(Position{42},
                         static_cast<const forward::Written&>(*answer.value()).position());
  }

  void commands_of_a_peer_are_validated() {
    for (const char* bad : {"", "nonsense", "\0\0\0\1"}) {
      const forward::Writes writes({shared(bad)});
      const OutgoingMessage outgoing(writes);
      CPPUNIT_ASSERT(!message_from_wire(Replication::kForward, ReplicaId{1}, outgoing.wire()).ok());
    }
    const forward::Writes nothing(std::vector<SharedBytes>{});
    const OutgoingMessage empty(nothing);
    CPPUNIT_ASSERT(!message_from_wire(Replication::kForward, ReplicaId{1}, empty.wire()).ok());
  }

  void envelopes_are_for_one_cluster_replica_and_replication() {
    const Cluster sender = cluster_of_two(1);
    const Cluster receiver = cluster_of_two(2);
    const kv_envelope good = envelope_to_wire(sender, ReplicaId{2});
    CPPUNIT_ASSERT_EQUAL(KV_OK, check_envelope(receiver, good).status);
    kv_envelope bad = good;
    bad.cluster[0] = 8;
    CPPUNIT_ASSERT_EQUAL(KV_WRONG_CLUSTER, check_envelope(receiver, bad).status);
    bad = good;
    bad.recipient = 1;
    CPPUNIT_ASSERT_EQUAL(KV_WRONG_REPLICA, check_envelope(receiver, bad).status);
    for (const u_int stranger : {0U, 2U, 3U}) {
      bad = good;
      bad.sender = stranger;
      CPPUNIT_ASSERT_EQUAL(KV_WRONG_REPLICA, check_envelope(receiver, bad).status);
    }
    bad = good;
    const int unknown = 99;  // XDR lets any number through where an enum is expected
    std::memcpy(&bad.replication, &unknown, sizeof bad.replication);
    CPPUNIT_ASSERT_EQUAL(KV_WRONG_REPLICATION, check_envelope(receiver, bad).status);
    bad = good;
    bad.group = 1;
    CPPUNIT_ASSERT_EQUAL(KV_INVALID, check_envelope(receiver, bad).status);
  }

  void another_coordinator_is_refused_on_both_sides() {
    Cluster one = cluster_of_two(1);
    Cluster two = cluster_of_two(2);
    one.replication = two.replication = Replication::kTwoPc;
    one.coordinator = two.coordinator = ReplicaId{1};
    CPPUNIT_ASSERT_EQUAL(KV_OK, check_envelope(one, envelope_to_wire(two, ReplicaId{1})).status);
    two.coordinator = {};
    const EnvelopeCheck check = check_envelope(one, envelope_to_wire(two, ReplicaId{1}));
    const std::string reason =
        "this replica runs with --coordinator 1, not without --coordinator; it must be the same at "
        "all replicas";
    CPPUNIT_ASSERT_EQUAL(KV_WRONG_REPLICATION, check.status);
    CPPUNIT_ASSERT_EQUAL(reason, check.reason);
    CPPUNIT_ASSERT_EQUAL(
        std::string("this replica runs without --coordinator, not with --coordinator 1; it must be "
                    "the same at all replicas"),
        check_envelope(two, envelope_to_wire(one, ReplicaId{2})).reason);
    // Who is refused so knows that nothing happened, and passes the line on.
    kv_rput_result refusal{};
    refusal.status = check.status;
    refusal.kv_rput_result_u.failure.reason = const_cast<char*>(check.reason.c_str());
    const Status told = check_answer(two, ReplicaId{1}, refusal);
    CPPUNIT_ASSERT(told.code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT_EQUAL("it refuses: " + reason, told.reason());
    // An answer with another coordinator is none, also from who has not looked.
    kv_rput_result answer{};
    answer.kv_rput_result_u.ok.envelope = envelope_to_wire(two, ReplicaId{1});
    const Status refused = check_answer(one, ReplicaId{2}, answer);
    CPPUNIT_ASSERT(refused.code() == StatusCode::kUnknown);
    CPPUNIT_ASSERT_EQUAL("its answer is refused: " + reason, refused.reason());
  }

  void an_answer_is_of_the_replica_that_was_asked() {
    const Cluster asker = cluster_of_two(1);
    kv_rput_result result{};
    kv_envelope& envelope = result.kv_rput_result_u.ok.envelope;
    envelope = envelope_to_wire(cluster_of_two(2), ReplicaId{1});
    CPPUNIT_ASSERT(check_answer(asker, ReplicaId{2}, result).ok());
    const Status other = check_answer(asker, ReplicaId{3}, result);
    CPPUNIT_ASSERT(other.code() == StatusCode::kUnknown);
    CPPUNIT_ASSERT_EQUAL(std::string("it answers as replica 2"), other.reason());
    envelope.cluster[0] = 8;
    const Status stranger = check_answer(asker, ReplicaId{2}, result);
    CPPUNIT_ASSERT(stranger.code() == StatusCode::kUnknown);
    CPPUNIT_ASSERT(stranger.reason().starts_with("its answer is refused: this is a replica of"));
  }

  // Of a status that a later release may add nobody knows what it means: not that nothing happened.
  void a_refusal_says_whether_something_may_have_happened() {
    for (const int status : {1, 2, 3, 5, 6, 9, 10, 11, 12, 13}) {
      const Status refused = check_failure(status, "no");
      CPPUNIT_ASSERT(refused.code() == StatusCode::kUnavailable);
      CPPUNIT_ASSERT_EQUAL(std::string("it refuses: no"), refused.reason());
    }
    for (const int status : {4, 7, 8, 14, 99, -1}) {
      const Status failed = check_failure(status, "no");
      CPPUNIT_ASSERT(failed.code() == StatusCode::kUnknown);
      CPPUNIT_ASSERT_EQUAL(std::string("it fails: no"), failed.reason());
    }
  }

  void a_reason_of_a_peer_is_one_printable_line() {
    CPPUNIT_ASSERT_EQUAL(std::string("it refuses: a\\x0a\\x1b[2Jb\\xc3"),
                         check_failure(KV_INVALID, "a\n\x1b[2Jb\xC3").reason());
    CPPUNIT_ASSERT_EQUAL(std::string("it fails: status 99"), check_failure(99, "").reason());
    CPPUNIT_ASSERT_EQUAL(std::string("it fails: status 99"), check_failure(99, nullptr).reason());
  }

  void a_long_reason_is_cut_to_the_wire() {
    std::string reason(kReasonSizeMax + 100, 'r');
    const kv_failure failure = failure_to_wire(reason, ReplicaId{1});
    CPPUNIT_ASSERT_EQUAL(kReasonSizeMax, std::strlen(failure.reason));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CodecTest);

}  // namespace
}  // namespace rkv::service
