#include <cppunit/extensions/HelperMacros.h>
#include <kv.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/limits.h"
#include "kv/command.h"
#include "paxos/message.h"
#include "rpc/xdr.h"
#include "service/cluster.h"
#include "service/peer_codec.h"
#include "service/peers.h"
#include "twopc/message.h"
#include "twopc/options.h"

namespace rkv::service {
namespace {

using twopc::Decision;
using twopc::Knowledge;
using twopc::Transaction;
using twopc::TransactionPtr;
using twopc::TxnId;
using twopc::Vote;
using What = twopc::SubmissionEnd::What;

constexpr ReplicaId kSender{2};
constexpr TxnId kOwn{kSender, 4, 77};  // a transaction of the sender
constexpr TxnId kOther{ReplicaId{3}, 5, 78};
constexpr std::uint64_t kNumberMax = std::uint64_t{1} << 62;
constexpr std::uint64_t kClock = 12345678901;
constexpr std::size_t kCallHeaderSizeMax = 1024;  // bytes; more than any of RPC's

const std::string kZero = "a number that is 0 and is counted from 1";
const std::string kBeyond = "a number beyond every bound";

SharedBytes put_command(const std::string& key, std::size_t value_size) {
  return std::make_shared<const std::string>(kv::encode_command(
      {kv::Command::Kind::kPut, {11, 22, 21}, key, std::string(value_size, 'v')}));
}

Transaction write(TxnId id, const std::string& key = "key", std::size_t value_size = 3) {
  return {id,    {kClock, ReplicaId{3}},      {ReplicaId{3}, 5, 31}, {11, 22, 21},
          {key}, put_command(key, value_size)};
}

TransactionPtr shared(Transaction transaction) {
  return std::make_shared<const Transaction>(std::move(transaction));
}

twopc::Submission submission(const std::string& key = "key", std::size_t value_size = 3) {
  return {31, {11, 22, 21}, {key}, put_command(key, value_size)};
}

template <typename T>
std::string encoded(rpc::XdrRoutine<T> routine, const T& value) {
  std::string bytes(kPeerRecordSizeMax, '\0');
  XDR xdr;
  xdrmem_create(&xdr, bytes.data(), static_cast<u_int>(bytes.size()), XDR_ENCODE);
  CPPUNIT_ASSERT(routine(&xdr, const_cast<T*>(&value)) != FALSE);
  bytes.resize(XDR_GETPOS(&xdr));
  return bytes;
}

// What a replica of 2pc makes of bytes that are a kv_peer_message of replica kSender.
Result<protocol::MessagePtr> received(const std::string& bytes) {
  rpc::Decoded<kv_peer_message> wire(xdr_kv_peer_message);
  CPPUNIT_ASSERT(rpc::decode_all(bytes, rpc::untyped(xdr_kv_peer_message), wire.get(),
                                 sizeof(kv_peer_message)));
  return message_from_wire(Replication::kTwoPc, kSender, *wire);
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

// The bytes, with this number in place of the one that begins so far from their end.
std::string with(std::uint32_t number, std::size_t from_end, std::string bytes) {
  std::string wanted;
  append_uint32(wanted, number);
  return bytes.replace(bytes.size() - from_end, wanted.size(), wanted);
}

// The message that came, which has to be of this type.
template <typename Message>
const Message& as_of(int tag, const Result<protocol::MessagePtr>& result) {
  CPPUNIT_ASSERT_MESSAGE(result.ok() ? "" : result.status().reason(), result.ok());
  CPPUNIT_ASSERT_EQUAL(tag, result.value()->tag());
  return twopc::as<Message>(*result.value());
}

void assert_refused(const Result<protocol::MessagePtr>& result, const std::string& reason) {
  CPPUNIT_ASSERT_MESSAGE("it is taken, which should fail by: " + reason, !result.ok());
  CPPUNIT_ASSERT(result.status().code() == StatusCode::kInvalid);
  CPPUNIT_ASSERT_EQUAL(reason, result.status().reason());
}

void assert_same(const Transaction& expected, const Transaction& found) {
  CPPUNIT_ASSERT(expected.id == found.id);
  CPPUNIT_ASSERT(expected.timestamp == found.timestamp);
  CPPUNIT_ASSERT(expected.origin == found.origin);
  CPPUNIT_ASSERT(expected.operation == found.operation);
  CPPUNIT_ASSERT(expected.keys == found.keys);
  CPPUNIT_ASSERT(*expected.command == *found.command);
}

Result<protocol::MessagePtr> sent_prepare(std::vector<TransactionPtr> transactions) {
  return sent<twopc::TxnPrepare>(twopc::TxnPrepareFields{kClock, {4, 70}, std::move(transactions)});
}

// A PREPARE of one transaction that is as it should be, but for this.
Result<protocol::MessagePtr> sent_with(const std::function<void(Transaction&)>& change) {
  Transaction transaction = write(kOwn);
  change(transaction);
  return sent_prepare({shared(std::move(transaction))});
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

class TwoPcCodecTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TwoPcCodecTest);
  CPPUNIT_TEST(a_prepare_survives_the_wire);
  CPPUNIT_TEST(late_votes_survive_the_wire);
  CPPUNIT_TEST(decisions_survive_the_wire);
  CPPUNIT_TEST(a_query_survives_the_wire);
  CPPUNIT_TEST(a_submit_survives_the_wire);
  CPPUNIT_TEST(ends_of_submissions_survive_the_wire);
  CPPUNIT_TEST(answers_survive_the_wire);
  CPPUNIT_TEST(the_largest_batches_fit_a_record);
  CPPUNIT_TEST(the_largest_decisions_queries_and_answers_fit_a_record);
  CPPUNIT_TEST(more_than_a_message_may_carry_does_not_decode);
  CPPUNIT_TEST(long_reasons_are_cut_to_the_wire);
  CPPUNIT_TEST(a_transaction_is_of_its_sender);
  CPPUNIT_TEST(no_number_that_counts_from_1_is_0);
  CPPUNIT_TEST(numbers_are_within_their_bound);
  CPPUNIT_TEST(clocks_are_within_their_bound);
  CPPUNIT_TEST(a_write_is_of_somebody);
  CPPUNIT_TEST(commands_are_validated);
  CPPUNIT_TEST(the_key_is_that_of_the_command);
  CPPUNIT_TEST(unknown_enumerators_are_refused);
  CPPUNIT_TEST(a_phase_of_another_protocol_is_refused);
  CPPUNIT_TEST(an_answer_is_of_the_phase_of_its_request);
  CPPUNIT_TEST_SUITE_END();

 public:
  void a_prepare_survives_the_wire() {
    Transaction del = write({kSender, 4, 79}, std::string("k\0y", 3));
    del.command = std::make_shared<const std::string>(
        kv::encode_command({kv::Command::Kind::kDel, {1, 2, 1}, del.keys[0], ""}));
    del.origin.proposal = 0;
    const std::vector<TransactionPtr> transactions = {
        shared(write(kOwn)), shared(del),
        shared(write({kSender, 9, 1}, std::string(kKeySizeMax, 'k'), kValueSizeMax))};
    for (const std::vector<TransactionPtr>& some : {std::vector<TransactionPtr>{}, transactions}) {
      const auto result = sent_prepare(some);
      const auto& prepare = as_of<twopc::TxnPrepare>(twopc::kTxnPrepare, result);
      CPPUNIT_ASSERT_EQUAL(kClock, prepare.clock);
      CPPUNIT_ASSERT((prepare.finished_below == twopc::TxnMark{4, 70}));
      CPPUNIT_ASSERT_EQUAL(some.size(), prepare.transactions.size());
      for (std::size_t i = 0; i < some.size(); ++i) {
        assert_same(*some[i], *prepare.transactions[i]);
      }
    }
  }

  void late_votes_survive_the_wire() {
    const auto result = sent<twopc::TxnVotes>(twopc::TxnVotesFields{
        kClock, {{kOther, Vote::kYes}, {kOwn, Vote::kConflict}, {kOther, Vote::kRefused}}, "full"});
    const auto& votes = as_of<twopc::TxnVotes>(twopc::kTxnVotes, result);
    CPPUNIT_ASSERT_EQUAL(kClock, votes.clock);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, votes.votes.size());
    CPPUNIT_ASSERT(votes.votes[0].id == kOther && votes.votes[0].vote == Vote::kYes);
    CPPUNIT_ASSERT(votes.votes[1].id == kOwn && votes.votes[1].vote == Vote::kConflict);
    CPPUNIT_ASSERT(votes.votes[2].id == kOther && votes.votes[2].vote == Vote::kRefused);
    CPPUNIT_ASSERT_EQUAL(std::string("full"), votes.reason);
  }

  void decisions_survive_the_wire() {
    const TxnId later{kSender, 4, 80};
    const auto result = sent<twopc::TxnDecide>(twopc::TxnDecideFields{
        kClock, {0, 0}, {{later, Decision::kAbort}, {kOwn, Decision::kCommit}}});
    const auto& decide = as_of<twopc::TxnDecide>(twopc::kTxnDecide, result);
    CPPUNIT_ASSERT_EQUAL(kClock, decide.clock);
    CPPUNIT_ASSERT(decide.finished_below == twopc::TxnMark());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, decide.outcomes.size());
    CPPUNIT_ASSERT(decide.outcomes[0].id == later);
    CPPUNIT_ASSERT(decide.outcomes[0].decision == Decision::kAbort);
    CPPUNIT_ASSERT(decide.outcomes[1].id == kOwn);
    CPPUNIT_ASSERT(decide.outcomes[1].decision == Decision::kCommit);
  }

  void a_query_survives_the_wire() {
    const std::vector<TxnId> ids = {kOwn, kOther, {ReplicaId{1}, kNumberMax, kNumberMax}};
    const auto result = sent<twopc::TxnQuery>(twopc::TxnQueryFields{kClock, ids});
    const auto& query = as_of<twopc::TxnQuery>(twopc::kTxnQuery, result);
    CPPUNIT_ASSERT_EQUAL(kClock, query.clock);
    CPPUNIT_ASSERT(query.ids == ids);
  }

  void a_submit_survives_the_wire() {
    const std::vector<twopc::Submission> submissions = {submission("a"), submission("b", 1000)};
    const auto result = sent<twopc::TxnSubmit>(twopc::TxnSubmitFields{kClock, 5, submissions});
    const auto& submit = as_of<twopc::TxnSubmit>(twopc::kTxnSubmit, result);
    CPPUNIT_ASSERT(submit.clock == kClock && submit.incarnation == 5);
    CPPUNIT_ASSERT_EQUAL(submissions.size(), submit.submissions.size());
    for (std::size_t i = 0; i < submissions.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL(submissions[i].proposal, submit.submissions[i].proposal);
      CPPUNIT_ASSERT(submissions[i].operation == submit.submissions[i].operation);
      CPPUNIT_ASSERT(submissions[i].keys == submit.submissions[i].keys);
      CPPUNIT_ASSERT(*submissions[i].command == *submit.submissions[i].command);
    }
  }

  void ends_of_submissions_survive_the_wire() {
    const std::vector<twopc::SubmissionEnd> ends = {{31, What::kRepeated, ""},
                                                    {32, What::kNotAvailable, "replica 3 is down"},
                                                    {33, What::kBusy, "too many writes"}};
    const auto result = sent<twopc::TxnEnded>(twopc::TxnEndedFields{kClock, 5, ends});
    const auto& ended = as_of<twopc::TxnEnded>(twopc::kTxnEnded, result);
    CPPUNIT_ASSERT(ended.clock == kClock && ended.incarnation == 5);
    CPPUNIT_ASSERT_EQUAL(ends.size(), ended.ends.size());
    for (std::size_t i = 0; i < ends.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL(ends[i].proposal, ended.ends[i].proposal);
      CPPUNIT_ASSERT(ends[i].what == ended.ends[i].what);
      CPPUNIT_ASSERT_EQUAL(ends[i].reason, ended.ends[i].reason);
    }
  }

  void answers_survive_the_wire() {
    const std::vector<Vote> votes = {Vote::kYes, Vote::kConflict, Vote::kWaits, Vote::kRefused};
    const auto prepare = answered<twopc::TxnPrepared>(
        KV_PHASE_TXN_PREPARE, twopc::TxnPreparedFields{kClock, votes, "the disk is full"});
    const auto& prepared = as_of<twopc::TxnPrepared>(twopc::kTxnPrepared, prepare);
    CPPUNIT_ASSERT(prepared.clock == kClock && prepared.votes == votes);
    CPPUNIT_ASSERT_EQUAL(std::string("the disk is full"), prepared.reason);
    const auto decide = answered<twopc::TxnDecided>(KV_PHASE_TXN_DECIDE,
                                                    twopc::TxnDecidedFields{kClock, "no room"});
    const auto& decided = as_of<twopc::TxnDecided>(twopc::kTxnDecided, decide);
    CPPUNIT_ASSERT(decided.clock == kClock && decided.refused == "no room");
    const std::vector<Knowledge> known = {Knowledge::kCommitted, Knowledge::kAborted,
                                          Knowledge::kUnknown};
    const auto query =
        answered<twopc::TxnOutcome>(KV_PHASE_TXN_QUERY, twopc::TxnOutcomeFields{kClock, known});
    const auto& outcome = as_of<twopc::TxnOutcome>(twopc::kTxnOutcome, query);
    CPPUNIT_ASSERT(outcome.clock == kClock && outcome.outcomes == known);
    const auto submit = answered<twopc::TxnSubmitted>(
        KV_PHASE_TXN_SUBMIT, twopc::TxnSubmittedFields{kClock, 3, "too many"});
    const auto& submitted = as_of<twopc::TxnSubmitted>(twopc::kTxnSubmitted, submit);
    CPPUNIT_ASSERT(submitted.clock == kClock && submitted.taken == 3);
    CPPUNIT_ASSERT_EQUAL(std::string("too many"), submitted.reason);
    for (const kv_phase request : {KV_PHASE_TXN_VOTES, KV_PHASE_TXN_ENDED}) {
      const auto note = answered<twopc::TxnNoted>(request, twopc::TxnNotedFields{kClock});
      CPPUNIT_ASSERT_EQUAL(kClock, as_of<twopc::TxnNoted>(twopc::kTxnNoted, note).clock);
    }
  }

  void the_largest_batches_fit_a_record() {
    const twopc::Options options;
    CPPUNIT_ASSERT_EQUAL(kBatchCommandsMax, options.message_transactions_max);
    const std::string key(kKeySizeMax, 'k');
    const std::size_t value_size = options.message_bytes_max / kBatchCommandsMax - key.size() - 64;
    twopc::TxnPrepareFields prepare{kClock, {}, {}};
    twopc::TxnSubmitFields submit{kClock, 5, {}};
    for (std::size_t i = 0; i < kBatchCommandsMax; ++i) {
      // One always fits, also behind others that nearly fill the message.
      const std::size_t size = i + 1 < kBatchCommandsMax ? value_size : kValueSizeMax;
      prepare.transactions.push_back(shared(write({kSender, 4, i + 1}, key, size)));
      submit.submissions.push_back(submission(key, size));
    }
    CPPUNIT_ASSERT(record_size(twopc::TxnPrepare(prepare)) <= kPeerRecordSizeMax);
    const auto prepared = sent<twopc::TxnPrepare>(prepare);
    assert_same(*prepare.transactions.back(),
                *as_of<twopc::TxnPrepare>(twopc::kTxnPrepare, prepared).transactions.back());
    CPPUNIT_ASSERT(record_size(twopc::TxnSubmit(submit)) <= kPeerRecordSizeMax);
    const auto submitted = sent<twopc::TxnSubmit>(submit);
    CPPUNIT_ASSERT(as_of<twopc::TxnSubmit>(twopc::kTxnSubmit, submitted).submissions.back().keys ==
                   submit.submissions.back().keys);
  }

  void the_largest_decisions_queries_and_answers_fit_a_record() {
    const std::string reason(kReasonSizeMax, 'r');
    const twopc::TxnDecideFields decide{
        kClock, {}, std::vector<twopc::OutcomeOf>(twopc::kDecisionsMax, {kOwn, Decision::kCommit})};
    CPPUNIT_ASSERT(record_size(twopc::TxnDecide(decide)) <= kPeerRecordSizeMax);
    CPPUNIT_ASSERT(sent<twopc::TxnDecide>(decide).ok());
    const twopc::TxnQueryFields query{kClock, std::vector<TxnId>(twopc::kQueriesMax, kOther)};
    CPPUNIT_ASSERT(record_size(twopc::TxnQuery(query)) <= kPeerRecordSizeMax);
    CPPUNIT_ASSERT(sent<twopc::TxnQuery>(query).ok());
    const twopc::TxnVotesFields votes{
        kClock, std::vector<twopc::LateVote>(kBatchCommandsMax, {kOther, Vote::kRefused}), reason};
    CPPUNIT_ASSERT(record_size(twopc::TxnVotes(votes)) <= kPeerRecordSizeMax);
    CPPUNIT_ASSERT(sent<twopc::TxnVotes>(votes).ok());
    const twopc::TxnEndedFields ended{
        kClock, 5, std::vector<twopc::SubmissionEnd>(kBatchCommandsMax, {31, What::kBusy, reason})};
    CPPUNIT_ASSERT(record_size(twopc::TxnEnded(ended)) <= kPeerRecordSizeMax);
    CPPUNIT_ASSERT(sent<twopc::TxnEnded>(ended).ok());
    const twopc::TxnPreparedFields prepared{
        kClock, std::vector<Vote>(kBatchCommandsMax, Vote::kRefused), reason};
    CPPUNIT_ASSERT(answer_record_size(KV_PHASE_TXN_PREPARE, twopc::TxnPrepared(prepared)) <=
                   kPeerRecordSizeMax);
    CPPUNIT_ASSERT(answered<twopc::TxnPrepared>(KV_PHASE_TXN_PREPARE, prepared).ok());
    const twopc::TxnOutcomeFields outcome{
        kClock, std::vector<Knowledge>(twopc::kQueriesMax, Knowledge::kUnknown)};
    CPPUNIT_ASSERT(answer_record_size(KV_PHASE_TXN_QUERY, twopc::TxnOutcome(outcome)) <=
                   kPeerRecordSizeMax);
    CPPUNIT_ASSERT(answered<twopc::TxnOutcome>(KV_PHASE_TXN_QUERY, outcome).ok());
  }

  void more_than_a_message_may_carry_does_not_decode() {
    assert_not_encoded(twopc::TxnPrepare(
        {kClock, {}, std::vector<TransactionPtr>(kBatchCommandsMax + 1, shared(write(kOwn)))}));
    assert_not_encoded(twopc::TxnDecide(
        {kClock,
         {},
         std::vector<twopc::OutcomeOf>(twopc::kDecisionsMax + 1, {kOwn, Decision::kCommit})}));
    assert_not_encoded(twopc::TxnQuery({kClock, std::vector<TxnId>(twopc::kQueriesMax + 1, kOwn)}));
    assert_not_encoded(twopc::TxnVotes(
        {kClock, std::vector<twopc::LateVote>(kBatchCommandsMax + 1, {kOther, Vote::kYes}), ""}));
    Transaction many = write(kOwn);
    many.keys.resize(kTxnKeysMax + 1, "key");
    assert_not_encoded(twopc::TxnPrepare({kClock, {}, {shared(many)}}));
    Transaction large = write(kOwn);
    large.keys[0] = std::string(kKeySizeMax + 1, 'k');
    assert_not_encoded(twopc::TxnPrepare({kClock, {}, {shared(large)}}));
  }

  void long_reasons_are_cut_to_the_wire() {
    const std::string reason(kReasonSizeMax + 1, 'r');
    const std::string cut(kReasonSizeMax, 'r');
    const auto prepared = answered<twopc::TxnPrepared>(
        KV_PHASE_TXN_PREPARE, twopc::TxnPreparedFields{kClock, {Vote::kRefused}, reason});
    CPPUNIT_ASSERT_EQUAL(cut, as_of<twopc::TxnPrepared>(twopc::kTxnPrepared, prepared).reason);
    const auto ended = sent<twopc::TxnEnded>(
        twopc::TxnEndedFields{kClock, 5, {{31, What::kBusy, reason}, {32, What::kBusy, "short"}}});
    CPPUNIT_ASSERT_EQUAL(cut, as_of<twopc::TxnEnded>(twopc::kTxnEnded, ended).ends[0].reason);
    const auto votes = sent<twopc::TxnVotes>(twopc::TxnVotesFields{kClock, {}, reason});
    CPPUNIT_ASSERT_EQUAL(cut, as_of<twopc::TxnVotes>(twopc::kTxnVotes, votes).reason);
  }

  void a_transaction_is_of_its_sender() {
    const std::string reason = "a transaction of another replica";
    for (const ReplicaId other : {ReplicaId{}, ReplicaId{3}}) {
      assert_refused(sent_with([other](Transaction& it) { it.id.coordinator = other; }), reason);
      assert_refused(sent_decide({other, 4, 77}), reason);
      if (other != ReplicaId{}) continue;
      assert_refused(sent_vote({other, 4, 77}), "a transaction of nobody");
      assert_refused(sent_query({other, 4, 77}), "a transaction of nobody");
    }
    CPPUNIT_ASSERT(sent_vote(kOther).ok() && sent_query(kOther).ok());
  }

  void no_number_that_counts_from_1_is_0() {
    for (const TxnId& id : {TxnId{kSender, 0, 77}, TxnId{kSender, 4, 0}}) {
      assert_refused(sent_with([&id](Transaction& it) { it.id = id; }), kZero);
      assert_refused(sent_decide(id), kZero);
      assert_refused(sent_vote(id), kZero);
      assert_refused(sent_query(id), kZero);
    }
    assert_refused(sent_with([](Transaction& it) { it.origin.incarnation = 0; }), kZero);
    assert_refused(sent<twopc::TxnSubmit>(twopc::TxnSubmitFields{kClock, 0, {submission()}}),
                   kZero);
    twopc::Submission nameless = submission();
    nameless.proposal = 0;
    assert_refused(sent<twopc::TxnSubmit>(twopc::TxnSubmitFields{kClock, 5, {nameless}}), kZero);
    assert_refused(
        sent<twopc::TxnEnded>(twopc::TxnEndedFields{kClock, 0, {{31, What::kRepeated, ""}}}),
        kZero);
    assert_refused(
        sent<twopc::TxnEnded>(twopc::TxnEndedFields{kClock, 5, {{0, What::kRepeated, ""}}}), kZero);
  }

  void numbers_are_within_their_bound() {
    for (const std::uint64_t number : {kNumberMax + 1, std::numeric_limits<std::uint64_t>::max()}) {
      for (const TxnId& id : {TxnId{kSender, number, 77}, TxnId{kSender, 4, number}}) {
        assert_refused(sent_with([&id](Transaction& it) { it.id = id; }), kBeyond);
        assert_refused(sent_decide(id), kBeyond);
        assert_refused(sent_vote(id), kBeyond);
        assert_refused(sent_query(id), kBeyond);
      }
      for (const twopc::TxnMark& mark : {twopc::TxnMark{number, 1}, twopc::TxnMark{1, number}}) {
        assert_refused(sent<twopc::TxnPrepare>(twopc::TxnPrepareFields{kClock, mark, {}}), kBeyond);
        assert_refused(sent<twopc::TxnDecide>(twopc::TxnDecideFields{kClock, mark, {}}), kBeyond);
      }
      assert_refused(sent_with([number](Transaction& it) { it.timestamp.clock = number; }),
                     kBeyond);
    }
  }

  // Who takes over a clock goes on counting from there.
  void clocks_are_within_their_bound() {
    for (const std::uint64_t clock : {kNumberMax + 1, std::numeric_limits<std::uint64_t>::max()}) {
      assert_refused(sent<twopc::TxnPrepare>(twopc::TxnPrepareFields{clock, {}, {}}), kBeyond);
      assert_refused(sent<twopc::TxnVotes>(twopc::TxnVotesFields{clock, {}, ""}), kBeyond);
      assert_refused(sent<twopc::TxnDecide>(twopc::TxnDecideFields{clock, {}, {}}), kBeyond);
      assert_refused(sent<twopc::TxnQuery>(twopc::TxnQueryFields{clock, {}}), kBeyond);
      assert_refused(sent<twopc::TxnSubmit>(twopc::TxnSubmitFields{clock, 5, {}}), kBeyond);
      assert_refused(sent<twopc::TxnEnded>(twopc::TxnEndedFields{clock, 5, {}}), kBeyond);
      assert_refused(answered<twopc::TxnPrepared>(KV_PHASE_TXN_PREPARE,
                                                  twopc::TxnPreparedFields{clock, {}, ""}),
                     kBeyond);
      assert_refused(
          answered<twopc::TxnDecided>(KV_PHASE_TXN_DECIDE, twopc::TxnDecidedFields{clock, ""}),
          kBeyond);
      assert_refused(
          answered<twopc::TxnOutcome>(KV_PHASE_TXN_QUERY, twopc::TxnOutcomeFields{clock, {}}),
          kBeyond);
      assert_refused(answered<twopc::TxnSubmitted>(KV_PHASE_TXN_SUBMIT,
                                                   twopc::TxnSubmittedFields{clock, 0, ""}),
                     kBeyond);
      assert_refused(answered<twopc::TxnNoted>(KV_PHASE_TXN_VOTES, twopc::TxnNotedFields{clock}),
                     kBeyond);
    }
  }

  void a_write_is_of_somebody() {
    assert_refused(sent_with([](Transaction& it) { it.timestamp.replica = {}; }),
                   "a timestamp of nobody");
    assert_refused(sent_with([](Transaction& it) { it.origin.replica = {}; }), "a write of nobody");
  }

  void commands_are_validated() {
    const std::string good = *put_command("key", 3);
    for (const std::string& bad : {std::string(), std::string("nonsense"),
                                   good.substr(0, good.size() - 4), good + std::string(4, '\0')}) {
      const SharedBytes command = std::make_shared<const std::string>(bad);
      const std::string reason = kv::validate_command(bad).reason();
      assert_refused(sent_with([&command](Transaction& it) { it.command = command; }), reason);
      twopc::Submission one = submission();
      one.command = command;
      assert_refused(sent<twopc::TxnSubmit>(twopc::TxnSubmitFields{kClock, 5, {one}}), reason);
    }
  }

  void the_key_is_that_of_the_command() {
    const std::string other = "a transaction whose keys are not those of its command";
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
        {{}, "a transaction without keys"},
        {{""}, other},
        {{"kez"}, other},
        {{"key "}, other},
        {{"key", "key"}, other},
        {{"key", "kez"}, other},
    };
    for (const auto& [keys, reason] : cases) {
      assert_refused(sent_with([&keys = keys](Transaction& it) { it.keys = keys; }), reason);
      twopc::Submission one = submission();
      one.keys = keys;
      assert_refused(sent<twopc::TxnSubmit>(twopc::TxnSubmitFields{kClock, 5, {one}}), reason);
    }
  }

  // Numbers that an enum does not have come from the wire only.
  void unknown_enumerators_are_refused() {
    const std::string vote = "a vote that there is not";
    for (const std::uint32_t number : {0U, 5U, 99U, UINT32_MAX}) {
      const auto sent_so = [number](const protocol::Message& message, std::size_t from_end) {
        const OutgoingMessage outgoing(message);
        return received(with(number, from_end, encoded(xdr_kv_peer_message, outgoing.wire())));
      };
      const auto answered_so = [number](kv_phase request, const protocol::Message& answer,
                                        std::size_t from_end) {
        const OutgoingAnswer outgoing(request, answer);
        return received_answer(
            request, with(number, from_end, encoded(xdr_kv_peer_answer, outgoing.wire())));
      };
      assert_refused(sent_so(twopc::TxnVotes({kClock, {{kOther, Vote::kYes}}, ""}), 8), vote);
      assert_refused(sent_so(twopc::TxnDecide({kClock, {}, {{kOwn, Decision::kAbort}}}), 4),
                     "a decision that there is not");
      assert_refused(sent_so(twopc::TxnEnded({kClock, 5, {{31, What::kBusy, ""}}}), 8),
                     "an end of a write that there is not");
      assert_refused(
          answered_so(KV_PHASE_TXN_PREPARE, twopc::TxnPrepared({kClock, {Vote::kYes}, ""}), 8),
          vote);
      assert_refused(
          answered_so(KV_PHASE_TXN_QUERY, twopc::TxnOutcome({kClock, {Knowledge::kAborted}}), 4),
          "an outcome that there is not");
    }
    assert_refused(
        sent<twopc::TxnVotes>(twopc::TxnVotesFields{kClock, {{kOther, Vote::kWaits}}, ""}),
        "a late vote that is none yet");
  }

  void a_phase_of_another_protocol_is_refused() {
    const std::string reason = "a message that this replication protocol does not have";
    const paxos::Prepare prepare(paxos::PrepareFields{{7, kSender}});
    const OutgoingMessage of_paxos(prepare);
    assert_refused(received(encoded(xdr_kv_peer_message, of_paxos.wire())), reason);
    const twopc::TxnQuery query(twopc::TxnQueryFields{kClock, {}});
    const OutgoingMessage of_twopc(query);
    for (const Replication other : {Replication::kPaxos, Replication::kForward}) {
      assert_refused(message_from_wire(other, kSender, of_twopc.wire()), reason);
    }
    kv_peer_message hello{};
    assert_refused(message_from_wire(Replication::kTwoPc, kSender, hello), reason);
  }

  void an_answer_is_of_the_phase_of_its_request() {
    const twopc::TxnDecidedFields fields{kClock, ""};
    CPPUNIT_ASSERT(answered<twopc::TxnDecided>(KV_PHASE_TXN_DECIDE, fields).ok());
    for (const kv_phase request :
         {KV_PHASE_HELLO, KV_PHASE_PAXOS_PREPARE, KV_PHASE_TXN_PREPARE, KV_PHASE_TXN_VOTES,
          KV_PHASE_TXN_QUERY, KV_PHASE_TXN_SUBMIT, KV_PHASE_TXN_ENDED}) {
      assert_refused(answered<twopc::TxnDecided>(request, fields), "an answer to something else");
    }
  }

 private:
  static Result<protocol::MessagePtr> sent_decide(TxnId id) {
    return sent<twopc::TxnDecide>(twopc::TxnDecideFields{kClock, {}, {{id, Decision::kCommit}}});
  }
  static Result<protocol::MessagePtr> sent_vote(TxnId id) {
    return sent<twopc::TxnVotes>(twopc::TxnVotesFields{kClock, {{id, Vote::kYes}}, ""});
  }
  static Result<protocol::MessagePtr> sent_query(TxnId id) {
    return sent<twopc::TxnQuery>(twopc::TxnQueryFields{kClock, {id}});
  }
  static void assert_not_encoded(const protocol::Message& message) {
    const OutgoingMessage outgoing(message);
    std::string bytes(kPeerRecordSizeMax, '\0');
    XDR xdr;
    xdrmem_create(&xdr, bytes.data(), static_cast<u_int>(bytes.size()), XDR_ENCODE);
    CPPUNIT_ASSERT(!xdr_kv_peer_message(&xdr, const_cast<kv_peer_message*>(&outgoing.wire())));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TwoPcCodecTest);

}  // namespace
}  // namespace rkv::service
