#include <cppunit/extensions/HelperMacros.h>
#include <kv.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "forward/message.h"
#include "kv/command.h"
#include "paxos/message.h"
#include "paxos/options.h"
#include "rpc/xdr.h"
#include "service/cluster.h"
#include "service/peer_codec.h"
#include "service/peers.h"

namespace rkv::service {
namespace {

using paxos::Ballot;
using paxos::Slot;
using paxos::Value;

constexpr ReplicaId kSender{2};
constexpr Ballot kOwn{7, kSender};  // a ballot of the sender
constexpr Ballot kOther{9, ReplicaId{3}};
constexpr Slot kSlotMax = Slot{1} << 62;
constexpr std::size_t kCallHeaderSizeMax = 1024;  // bytes; more than any of RPC's

SharedBytes put_command(std::size_t value_size) {
  return std::make_shared<const std::string>(kv::encode_command(
      {kv::Command::Kind::kPut, {11, 22, 21}, "key", std::string(value_size, 'v')}));
}

Value write(std::uint64_t proposal, std::size_t value_size = 3) {
  return {ReplicaId{3}, 5, proposal, put_command(value_size)};
}

Value no_op() { return {kSender, 6, 0, nullptr}; }

template <typename T>
std::string encoded(rpc::XdrRoutine<T> routine, const T& value) {
  std::string bytes(kPeerRecordSizeMax, '\0');
  XDR xdr;
  xdrmem_create(&xdr, bytes.data(), static_cast<u_int>(bytes.size()), XDR_ENCODE);
  CPPUNIT_ASSERT(routine(&xdr, const_cast<T*>(&value)) != FALSE);
  bytes.resize(XDR_GETPOS(&xdr));
  return bytes;
}

// What a replica of paxos makes of bytes that are a kv_peer_message of replica kSender.
Result<protocol::MessagePtr> received(const std::string& bytes) {
  rpc::Decoded<kv_peer_message> wire(xdr_kv_peer_message);
  CPPUNIT_ASSERT(rpc::decode_all(bytes, rpc::untyped(xdr_kv_peer_message), wire.get(),
                                 sizeof(kv_peer_message)));
  return message_from_wire(Replication::kPaxos, kSender, *wire);
}

template <typename Message, typename Fields>
Result<protocol::MessagePtr> sent(Fields fields) {
  const Message message(std::move(fields));
  const OutgoingMessage outgoing(message);
  return received(encoded(xdr_kv_peer_message, outgoing.wire()));
}

// The same for an answer to a request of phase `request`.
Result<protocol::MessagePtr> received_answer(kv_phase request, const std::string& bytes) {
  rpc::Decoded<kv_peer_answer> wire(xdr_kv_peer_answer);
  CPPUNIT_ASSERT(
      rpc::decode_all(bytes, rpc::untyped(xdr_kv_peer_answer), wire.get(), sizeof(kv_peer_answer)));
  return answer_from_wire(request, *wire);
}

template <typename Answer, typename Fields>
Result<protocol::MessagePtr> answered(kv_phase request, Fields fields) {
  const Answer answer(std::move(fields));
  const OutgoingAnswer outgoing(request, answer);
  return received_answer(request, encoded(xdr_kv_peer_answer, outgoing.wire()));
}

// The message that came, which has to be of this type.
template <typename Message>
const Message& as_of(int tag, const Result<protocol::MessagePtr>& result) {
  CPPUNIT_ASSERT_MESSAGE(result.ok() ? "" : result.status().reason(), result.ok());
  CPPUNIT_ASSERT_EQUAL(tag, result.value()->tag());
  return paxos::as<Message>(*result.value());
}

void assert_refused(const Result<protocol::MessagePtr>& result, const std::string& reason) {
  CPPUNIT_ASSERT_MESSAGE("it is taken, which should fail by: " + reason, !result.ok());
  CPPUNIT_ASSERT(result.status().code() == StatusCode::kInvalid);
  CPPUNIT_ASSERT_EQUAL(reason, result.status().reason());
}

void assert_same(const Value& expected, const Value& found) {
  CPPUNIT_ASSERT(expected.origin == found.origin);
  CPPUNIT_ASSERT_EQUAL(expected.incarnation, found.incarnation);
  CPPUNIT_ASSERT_EQUAL(expected.proposal, found.proposal);
  CPPUNIT_ASSERT_EQUAL(expected.is_no_op(), found.is_no_op());
  CPPUNIT_ASSERT(expected.is_no_op() || *expected.command == *found.command);
}

void assert_same(const std::vector<Value>& expected, const std::vector<Value>& found) {
  CPPUNIT_ASSERT_EQUAL(expected.size(), found.size());
  for (std::size_t i = 0; i < expected.size(); ++i) assert_same(expected[i], found[i]);
}

// As many votes as an acceptor may hold: twice a leader's window, in number and in bytes.
paxos::PromiseFields largest_promise() {
  const std::size_t bytes_max = 2 * paxos::Options().window_bytes_max;
  paxos::PromiseFields fields{true, kOwn, 1000, 900, {}};
  fields.accepted.reserve(kVotesMax);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < kVotesMax; ++i) {
    // All but the last seven are of one byte: those fill what is left, as largest values do.
    const bool is_large = i >= kVotesMax - 7;
    Value value = write(i, is_large ? kValueSizeMax : 1);
    bytes += value.size();
    fields.accepted.push_back({fields.chosen + 1 + i, kOther, std::move(value)});
  }
  CPPUNIT_ASSERT(bytes <= bytes_max && bytes + kValueSizeMax > bytes_max);
  return fields;
}

std::vector<Value> values_of(std::size_t count, std::size_t bytes_max) {
  std::vector<Value> values;
  values.reserve(count);
  const std::size_t overhead = put_command(0)->size() + 3;  // 3: what XDR fills up with
  for (std::size_t i = 0; i < count; ++i) values.push_back(write(i, bytes_max / count - overhead));
  return values;
}

// How large a request is as RPUT sends it.
std::size_t record_size(const protocol::Message& message) {
  const OutgoingMessage outgoing(message);
  kv_rput_args args{};
  args.message = outgoing.wire();
  return encoded(xdr_kv_rput_args, args).size() + kCallHeaderSizeMax;
}

std::size_t answer_record_size(kv_phase request, const protocol::Message& answer) {
  const OutgoingAnswer outgoing(request, answer);
  kv_rput_result result{};
  result.kv_rput_result_u.ok.answer = outgoing.wire();
  return encoded(xdr_kv_rput_result, result).size() + kCallHeaderSizeMax;
}

Cluster cluster_of_two(std::uint32_t self) {
  Cluster cluster;
  cluster.id.bytes.fill(7);
  cluster.self = ReplicaId{self};
  cluster.incarnation = 3;
  cluster.replication = Replication::kPaxos;
  cluster.replication_name = "paxos";
  cluster.lease_ms = 100;
  cluster.replicas = {{ReplicaId{1}, "one"}, {ReplicaId{2}, "two"}};
  return cluster;
}

class PaxosCodecTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(PaxosCodecTest);
  CPPUNIT_TEST(requests_survive_the_wire);
  CPPUNIT_TEST(an_accept_survives_the_wire);
  CPPUNIT_TEST(a_submit_survives_the_wire);
  CPPUNIT_TEST(answers_survive_the_wire);
  CPPUNIT_TEST(a_promise_survives_the_wire);
  CPPUNIT_TEST(what_was_fetched_survives_the_wire);
  CPPUNIT_TEST(the_largest_promise_fits_a_record);
  CPPUNIT_TEST(the_largest_batches_fit_a_record);
  CPPUNIT_TEST(more_than_a_message_may_carry_does_not_decode);
  CPPUNIT_TEST(a_long_reason_is_cut_to_the_wire);
  CPPUNIT_TEST(a_ballot_is_of_its_sender);
  CPPUNIT_TEST(slots_of_requests_are_within_their_bound);
  CPPUNIT_TEST(slots_of_answers_are_within_their_bound);
  CPPUNIT_TEST(votes_are_within_the_window);
  CPPUNIT_TEST(commands_are_validated);
  CPPUNIT_TEST(a_submit_has_a_command_for_each_value);
  CPPUNIT_TEST(a_phase_of_the_other_protocol_is_refused);
  CPPUNIT_TEST(an_answer_is_of_the_phase_of_its_request);
  CPPUNIT_TEST(another_lease_is_refused_on_both_sides);
  CPPUNIT_TEST_SUITE_END();

 public:
  void requests_survive_the_wire() {
    const auto pre_vote = sent<paxos::PreVote>(paxos::PreVoteFields{kOwn});
    CPPUNIT_ASSERT(as_of<paxos::PreVote>(paxos::kPreVote, pre_vote).ballot == kOwn);
    const auto prepare = sent<paxos::Prepare>(paxos::PrepareFields{kOwn});
    CPPUNIT_ASSERT(as_of<paxos::Prepare>(paxos::kPrepare, prepare).ballot == kOwn);
    for (const Slot first : {Slot{1}, Slot{12345678901}, kSlotMax}) {
      const auto fetch = sent<paxos::Fetch>(paxos::FetchFields{first});
      CPPUNIT_ASSERT_EQUAL(first, as_of<paxos::Fetch>(paxos::kFetch, fetch).first);
    }
    const auto read_index = sent<paxos::ReadIndex>(paxos::ReadIndexFields{});
    as_of<paxos::ReadIndex>(paxos::kReadIndex, read_index);
  }

  void an_accept_survives_the_wire() {
    for (const std::vector<Value>& values :
         {std::vector<Value>{}, {write(1), no_op(), write(3, 0)}, {write(8, kValueSizeMax)}}) {
      const auto result = sent<paxos::Accept>(paxos::AcceptFields{kOwn, 41, values, 40});
      const auto& accept = as_of<paxos::Accept>(paxos::kAccept, result);
      CPPUNIT_ASSERT(accept.ballot == kOwn);
      CPPUNIT_ASSERT_EQUAL(Slot{41}, accept.first);
      CPPUNIT_ASSERT_EQUAL(Slot{40}, accept.chosen);
      assert_same(values, accept.values);
    }
  }

  void a_submit_survives_the_wire() {
    const std::vector<Value> values = {write(1), write(2, 1000), write(3, kValueSizeMax)};
    const auto result = sent<paxos::Submit>(paxos::SubmitFields{values});
    assert_same(values, as_of<paxos::Submit>(paxos::kSubmit, result).values);
  }

  void answers_survive_the_wire() {
    for (const bool granted : {false, true}) {
      const auto pre_vote = answered<paxos::PreVoteAnswer>(
          KV_PHASE_PAXOS_PRE_VOTE, paxos::PreVoteAnswerFields{granted, kOther, 30, 20});
      const auto& it = as_of<paxos::PreVoteAnswer>(paxos::kPreVoteAnswer, pre_vote);
      CPPUNIT_ASSERT(it.granted == granted && it.promised == kOther);
      CPPUNIT_ASSERT(it.chosen == 30 && it.cut == 20);
      const auto read_index = answered<paxos::ReadIndexAnswer>(
          KV_PHASE_PAXOS_READ_INDEX, paxos::ReadIndexAnswerFields{granted, kSlotMax});
      const auto& index = as_of<paxos::ReadIndexAnswer>(paxos::kReadIndexAnswer, read_index);
      CPPUNIT_ASSERT(index.granted == granted && index.slot == kSlotMax);
    }
    const auto accept =
        answered<paxos::Accepted>(KV_PHASE_PAXOS_ACCEPT, paxos::AcceptedFields{512, kOther, 77});
    const auto& accepted = as_of<paxos::Accepted>(paxos::kAccepted, accept);
    CPPUNIT_ASSERT(accepted.taken == 512 && accepted.promised == kOther && accepted.chosen == 77);
    const auto submit = answered<paxos::Submitted>(KV_PHASE_PAXOS_SUBMIT,
                                                   paxos::SubmittedFields{3, kOther, "no room"});
    const auto& submitted = as_of<paxos::Submitted>(paxos::kSubmitted, submit);
    CPPUNIT_ASSERT(submitted.taken == 3 && submitted.ballot == kOther);
    CPPUNIT_ASSERT_EQUAL(std::string("no room"), submitted.reason);
  }

  void a_promise_survives_the_wire() {
    const paxos::PromiseFields fields{
        true, kOwn, 30, 20, {{31, kOther, write(1)}, {33, Ballot{2, ReplicaId{1}}, no_op()}}};
    const auto result = answered<paxos::Promise>(KV_PHASE_PAXOS_PREPARE, fields);
    const auto& promise = as_of<paxos::Promise>(paxos::kPromise, result);
    CPPUNIT_ASSERT(promise.granted && promise.promised == kOwn);
    CPPUNIT_ASSERT(promise.chosen == 30 && promise.cut == 20);
    CPPUNIT_ASSERT_EQUAL(fields.accepted.size(), promise.accepted.size());
    for (std::size_t i = 0; i < fields.accepted.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL(fields.accepted[i].slot, promise.accepted[i].slot);
      CPPUNIT_ASSERT(fields.accepted[i].ballot == promise.accepted[i].ballot);
      assert_same(fields.accepted[i].value, promise.accepted[i].value);
    }
    const auto refusal = answered<paxos::Promise>(KV_PHASE_PAXOS_PREPARE,
                                                  paxos::PromiseFields{false, kOther, 30, 20, {}});
    const auto& refused = as_of<paxos::Promise>(paxos::kPromise, refusal);
    CPPUNIT_ASSERT(!refused.granted && refused.promised == kOther && refused.accepted.empty());
  }

  void what_was_fetched_survives_the_wire() {
    for (const std::vector<Value>& values : {std::vector<Value>{}, {write(1), no_op()}}) {
      const auto result =
          answered<paxos::Fetched>(KV_PHASE_PAXOS_FETCH, paxos::FetchedFields{21, values, 30, 20});
      const auto& fetched = as_of<paxos::Fetched>(paxos::kFetched, result);
      CPPUNIT_ASSERT(fetched.first == 21 && fetched.chosen == 30 && fetched.cut == 20);
      assert_same(values, fetched.values);
    }
  }

  void the_largest_promise_fits_a_record() {
    const paxos::PromiseFields fields = largest_promise();
    CPPUNIT_ASSERT(answer_record_size(KV_PHASE_PAXOS_PREPARE, paxos::Promise(fields)) <=
                   kPeerRecordSizeMax);
    const auto result = answered<paxos::Promise>(KV_PHASE_PAXOS_PREPARE, fields);
    const auto& promise = as_of<paxos::Promise>(paxos::kPromise, result);
    CPPUNIT_ASSERT_EQUAL(kVotesMax, promise.accepted.size());
    CPPUNIT_ASSERT_EQUAL(fields.chosen + kVotesMax, promise.accepted.back().slot);
    assert_same(fields.accepted.back().value, promise.accepted.back().value);
  }

  void the_largest_batches_fit_a_record() {
    const paxos::Options options;
    CPPUNIT_ASSERT_EQUAL(kBatchCommandsMax, options.message_values_max);
    const std::vector<Value> many = values_of(kBatchCommandsMax, options.message_bytes_max);
    // One value always fits, also behind others that nearly fill the message.
    std::vector<Value> large = values_of(kBatchCommandsMax - 1, options.message_bytes_max);
    large.push_back(write(1, kValueSizeMax));
    for (const std::vector<Value>& values : {many, large}) {
      const paxos::AcceptFields accept{kOwn, 1, values, 0};
      CPPUNIT_ASSERT(record_size(paxos::Accept(accept)) <= kPeerRecordSizeMax);
      const auto accepted = sent<paxos::Accept>(accept);
      assert_same(values, as_of<paxos::Accept>(paxos::kAccept, accepted).values);
      const paxos::SubmitFields submit{values};
      CPPUNIT_ASSERT(record_size(paxos::Submit(submit)) <= kPeerRecordSizeMax);
      const auto submitted = sent<paxos::Submit>(submit);
      assert_same(values, as_of<paxos::Submit>(paxos::kSubmit, submitted).values);
      const paxos::FetchedFields fetched{1, values, values.size(), 0};
      CPPUNIT_ASSERT(answer_record_size(KV_PHASE_PAXOS_FETCH, paxos::Fetched(fetched)) <=
                     kPeerRecordSizeMax);
      const auto told = answered<paxos::Fetched>(KV_PHASE_PAXOS_FETCH, fetched);
      assert_same(values, as_of<paxos::Fetched>(paxos::kFetched, told).values);
    }
  }

  void more_than_a_message_may_carry_does_not_decode() {
    const std::vector<Value> values(kBatchCommandsMax + 1, write(1));
    const paxos::Accept accept({kOwn, 1, values, 0});
    const OutgoingMessage outgoing(accept);
    std::string bytes(kPeerRecordSizeMax, '\0');
    XDR xdr;
    xdrmem_create(&xdr, bytes.data(), static_cast<u_int>(bytes.size()), XDR_ENCODE);
    CPPUNIT_ASSERT(!xdr_kv_peer_message(&xdr, const_cast<kv_peer_message*>(&outgoing.wire())));
  }

  void a_long_reason_is_cut_to_the_wire() {
    const auto result = answered<paxos::Submitted>(
        KV_PHASE_PAXOS_SUBMIT,
        paxos::SubmittedFields{0, kOther, std::string(kReasonSizeMax + 1, 'r')});
    CPPUNIT_ASSERT_EQUAL(std::string(kReasonSizeMax, 'r'),
                         as_of<paxos::Submitted>(paxos::kSubmitted, result).reason);
  }

  void a_ballot_is_of_its_sender() {
    const std::string reason = "a ballot that is not of the sender";
    for (const Ballot& ballot : {kOther, Ballot{0, kSender}, Ballot{}}) {
      assert_refused(sent<paxos::PreVote>(paxos::PreVoteFields{ballot}), reason);
      assert_refused(sent<paxos::Prepare>(paxos::PrepareFields{ballot}), reason);
      assert_refused(sent<paxos::Accept>(paxos::AcceptFields{ballot, 1, {write(1)}, 0}), reason);
    }
  }

  void slots_of_requests_are_within_their_bound() {
    CPPUNIT_ASSERT(sent<paxos::Accept>(paxos::AcceptFields{kOwn, kSlotMax, {}, kSlotMax}).ok());
    const std::string beyond = "a slot beyond every bound";
    for (const Slot slot : {kSlotMax + 1, std::numeric_limits<Slot>::max()}) {
      assert_refused(sent<paxos::Accept>(paxos::AcceptFields{kOwn, slot, {}, 0}), beyond);
      assert_refused(sent<paxos::Accept>(paxos::AcceptFields{kOwn, 1, {}, slot}), beyond);
      assert_refused(sent<paxos::Fetch>(paxos::FetchFields{slot}), beyond);
    }
    const std::string zero = "there is no slot 0";
    assert_refused(sent<paxos::Accept>(paxos::AcceptFields{kOwn, 0, {}, 0}), zero);
    assert_refused(sent<paxos::Fetch>(paxos::FetchFields{0}), zero);
  }

  void slots_of_answers_are_within_their_bound() {
    const std::string beyond = "a slot beyond every bound";
    for (const Slot slot : {kSlotMax + 1, std::numeric_limits<Slot>::max()}) {
      const auto pre_vote = [](Slot chosen, Slot cut) {
        return answered<paxos::PreVoteAnswer>(KV_PHASE_PAXOS_PRE_VOTE,
                                              paxos::PreVoteAnswerFields{true, kOwn, chosen, cut});
      };
      assert_refused(pre_vote(slot, 0), beyond);
      assert_refused(pre_vote(0, slot), beyond);
      const auto promise = [](Slot chosen, Slot cut) {
        return answered<paxos::Promise>(KV_PHASE_PAXOS_PREPARE,
                                        paxos::PromiseFields{true, kOwn, chosen, cut, {}});
      };
      assert_refused(promise(slot, 0), beyond);
      assert_refused(promise(0, slot), beyond);
      assert_refused(
          answered<paxos::Accepted>(KV_PHASE_PAXOS_ACCEPT, paxos::AcceptedFields{1, kOwn, slot}),
          beyond);
      const auto fetched = [](Slot first, Slot chosen, Slot cut) {
        return answered<paxos::Fetched>(KV_PHASE_PAXOS_FETCH,
                                        paxos::FetchedFields{first, {}, chosen, cut});
      };
      assert_refused(fetched(slot, 0, 0), beyond);
      assert_refused(fetched(1, slot, 0), beyond);
      assert_refused(fetched(1, 0, slot), beyond);
      assert_refused(answered<paxos::ReadIndexAnswer>(KV_PHASE_PAXOS_READ_INDEX,
                                                      paxos::ReadIndexAnswerFields{true, slot}),
                     beyond);
    }
  }

  void votes_are_within_the_window() {
    const auto with_vote_for = [](Slot slot) {
      return answered<paxos::Promise>(
          KV_PHASE_PAXOS_PREPARE,
          paxos::PromiseFields{true, kOwn, 100, 90, {{slot, kOther, write(1)}}});
    };
    CPPUNIT_ASSERT(with_vote_for(101).ok());
    CPPUNIT_ASSERT(with_vote_for(100 + kVotesMax).ok());
    const std::string beyond = "a vote for a slot beyond the window";
    for (const Slot slot :
         {Slot{0}, Slot{100}, Slot{101} + kVotesMax, std::numeric_limits<Slot>::max()}) {
      assert_refused(with_vote_for(slot), beyond);
    }
  }

  void commands_are_validated() {
    const std::string good = *put_command(3);
    for (const std::string& bad :
         {std::string("nonsense"), good.substr(0, good.size() - 4), good + std::string(4, '\0')}) {
      const std::vector<Value> values = {write(1),
                                         {kSender, 1, 2, std::make_shared<const std::string>(bad)}};
      CPPUNIT_ASSERT(!sent<paxos::Accept>(paxos::AcceptFields{kOwn, 1, values, 0}).ok());
      CPPUNIT_ASSERT(!sent<paxos::Submit>(paxos::SubmitFields{values}).ok());
      CPPUNIT_ASSERT(
          !answered<paxos::Fetched>(KV_PHASE_PAXOS_FETCH, paxos::FetchedFields{1, values, 2, 0})
               .ok());
      CPPUNIT_ASSERT(!answered<paxos::Promise>(
                          KV_PHASE_PAXOS_PREPARE,
                          paxos::PromiseFields{true, kOwn, 0, 0, {{1, kOther, values.back()}}})
                          .ok());
    }
  }

  void a_submit_has_a_command_for_each_value() {
    assert_refused(sent<paxos::Submit>(paxos::SubmitFields{{write(1), no_op()}}),
                   "a write without a command");
  }

  void a_phase_of_the_other_protocol_is_refused() {
    const std::string reason = "a message that this replication protocol does not have";
    const forward::Writes writes({put_command(3)});
    const OutgoingMessage forwarded(writes);
    assert_refused(received(encoded(xdr_kv_peer_message, forwarded.wire())), reason);
    const paxos::Prepare prepare({kOwn});
    const OutgoingMessage prepared(prepare);
    assert_refused(message_from_wire(Replication::kForward, kSender, prepared.wire()), reason);
    kv_peer_message hello{};
    assert_refused(message_from_wire(Replication::kPaxos, kSender, hello), reason);
  }

  void an_answer_is_of_the_phase_of_its_request() {
    const std::string reason = "an answer to something else";
    const paxos::AcceptedFields fields{1, kOwn, 0};
    CPPUNIT_ASSERT(answered<paxos::Accepted>(KV_PHASE_PAXOS_ACCEPT, fields).ok());
    for (const kv_phase request :
         {KV_PHASE_HELLO, KV_PHASE_FORWARD, KV_PHASE_PAXOS_PRE_VOTE, KV_PHASE_PAXOS_PREPARE,
          KV_PHASE_PAXOS_FETCH, KV_PHASE_PAXOS_SUBMIT, KV_PHASE_PAXOS_READ_INDEX}) {
      assert_refused(answered<paxos::Accepted>(request, fields), reason);
    }
    const OutgoingAnswer written(KV_PHASE_FORWARD, forward::Written(1));
    assert_refused(answer_from_wire(KV_PHASE_PAXOS_ACCEPT, written.wire()), reason);
  }

  void another_lease_is_refused_on_both_sides() {
    const Cluster one = cluster_of_two(1);
    Cluster two = cluster_of_two(2);
    const kv_envelope good = envelope_to_wire(two, ReplicaId{1});
    CPPUNIT_ASSERT_EQUAL(KV_OK, check_envelope(one, good).status);
    two.lease_ms = 300;
    const EnvelopeCheck check = check_envelope(one, envelope_to_wire(two, ReplicaId{1}));
    const std::string reason =
        "this replica runs with --election-ms 100, not 300; it must be the same at all replicas";
    CPPUNIT_ASSERT_EQUAL(KV_WRONG_REPLICATION, check.status);
    CPPUNIT_ASSERT_EQUAL(reason, check.reason);
    // Who is refused so knows that nothing happened, and passes the line on.
    kv_rput_result refusal{};
    refusal.status = check.status;
    refusal.kv_rput_result_u.failure.reason = const_cast<char*>(check.reason.c_str());
    const Status told = check_answer(two, ReplicaId{1}, refusal);
    CPPUNIT_ASSERT(told.code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT_EQUAL("it refuses: " + reason, told.reason());
    // An answer with another lease is none, also from who has not looked.
    kv_rput_result answer{};
    answer.kv_rput_result_u.ok.envelope = envelope_to_wire(two, ReplicaId{1});
    const Status refused = check_answer(one, ReplicaId{2}, answer);
    CPPUNIT_ASSERT(refused.code() == StatusCode::kUnknown);
    CPPUNIT_ASSERT_EQUAL("its answer is refused: " + reason, refused.reason());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PaxosCodecTest);

}  // namespace
}  // namespace rkv::service
