#include "sim/invariants_txn.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kv/command.h"
#include "twopc/records.h"

namespace rkv::sim {
namespace {

using twopc::Decision;
using twopc::Knowledge;
using twopc::Record;
using twopc::TransactionPtr;
using twopc::TxnId;
using twopc::Vote;

constexpr ReplicaId kOne{1};
constexpr ReplicaId kTwo{2};
constexpr ReplicaId kThree{3};
constexpr TimePoint kNow{1'000'000};

// A write of a client of its coordinator.
TransactionPtr write_of(ReplicaId coordinator, std::uint64_t number, std::uint64_t sequence,
                        std::uint64_t clock, const std::string& key = "key") {
  auto it = std::make_shared<twopc::Transaction>();
  it->id = {coordinator, 1, number};
  it->timestamp = {clock, coordinator};
  it->operation = {1, sequence, sequence};
  it->origin = {coordinator, 1, sequence};
  it->keys = {key};
  it->command = std::make_shared<const std::string>(
      kv::encode_command({kv::Command::Kind::kPut, it->operation, key, "value"}));
  return it;
}

// Made-up runs of three replicas: each test but the first is one that must not be.
class InvariantsTxnTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(InvariantsTxnTest);
  CPPUNIT_TEST(a_write_happens_everywhere);
  CPPUNIT_TEST(commit_without_a_vote);
  CPPUNIT_TEST(commit_of_what_one_has_refused);
  CPPUNIT_TEST(a_vote_leaves_before_its_sync);
  CPPUNIT_TEST(a_commit_leaves_before_its_sync);
  CPPUNIT_TEST(an_acknowledgement_leaves_before_its_sync);
  CPPUNIT_TEST(one_commits_and_one_aborts);
  CPPUNIT_TEST(a_participant_aborts_on_its_own);
  CPPUNIT_TEST(a_peer_without_a_record_says_aborted);
  CPPUNIT_TEST(who_has_refused_votes);
  CPPUNIT_TEST(an_id_is_used_twice);
  CPPUNIT_TEST(a_retry_has_a_new_timestamp);
  CPPUNIT_TEST(an_operation_is_committed_twice);
  CPPUNIT_TEST(a_lock_is_lost_at_a_restart);
  CPPUNIT_TEST(a_vote_is_gone_after_a_restart);
  CPPUNIT_TEST(the_log_is_cut_while_in_doubt);
  CPPUNIT_TEST(a_decision_is_finished_too_soon);
  CPPUNIT_TEST(keys_have_different_orders);
  CPPUNIT_TEST(something_is_applied_that_is_not_durable);
  CPPUNIT_TEST(a_read_does_not_wait);
  CPPUNIT_TEST(an_abort_without_a_cause);
  CPPUNIT_TEST(an_abort_for_a_retry_of_another_write);
  CPPUNIT_TEST(a_write_is_expired_without_a_cause);
  CPPUNIT_TEST(a_refused_write_happens);
  CPPUNIT_TEST(a_stopped_coordinator_asks);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    violation_ = {};
    all_ = std::make_unique<TxnInvariants>(
        3, Facts{[](ReplicaId /*replica*/) { return Incarnation{1}; }, nullptr, nullptr, {}, 0},
        violation_);
    for (const ReplicaId replica : {kOne, kTwo, kThree}) {
      logs_[replica.value - 1] = {};
      all_->process_started(replica, 0);
      for (const ReplicaId peer : {kOne, kTwo, kThree}) {
        if (peer != replica) all_->happens(replica, protocol::PeerUp{peer}, kNow);
      }
    }
  }

  void a_write_happens_everywhere() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    commit_everywhere(it, 1);
    expect({});
    for (const ReplicaId replica : {kOne, kTwo, kThree}) {
      CPPUNIT_ASSERT_EQUAL(std::string(), all_->lacks(replica, 1));
    }
    Counters counters;
    all_->count(counters);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, counters.commits);
  }

  void commit_without_a_vote() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    prepare(kTwo, it);
    write(kOne, {Record::Type::kDecided, 0, it->id, 1, it});
    expect("AC3: commit only when all have prepared");
  }

  void commit_of_what_one_has_refused() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    prepare(kTwo, it);
    write(kThree, {Record::Type::kRefused, 0, it->id, 0, nullptr});
    write(kOne, {Record::Type::kDecided, 0, it->id, 1, it});
    expect("AC3: commit only when all have prepared");
  }

  void a_vote_leaves_before_its_sync() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    write(kTwo, {Record::Type::kPrepared, 0, it->id, 0, it}, false);
    answer_prepare(kTwo, it, Vote::kYes);
    expect("persist before you speak");
  }

  void a_commit_leaves_before_its_sync() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    prepare(kTwo, it);
    prepare(kThree, it);
    write(kOne, {Record::Type::kDecided, 0, it->id, 1, it}, false);
    send_decide(kOne, it->id, Decision::kCommit);
    expect("persist before you speak");
  }

  void an_acknowledgement_leaves_before_its_sync() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    decide(it, 1);
    hear(kTwo, it->id, Decision::kCommit);
    write(kTwo, {Record::Type::kCommitted, 0, it->id, 1, nullptr}, false);
    const twopc::TxnDecide request({0, {}, {{it->id, Decision::kCommit}}});
    all_->answering(kTwo, kOne, request, twopc::TxnDecided({0, {}}));
    expect("persist before you speak");
  }

  void one_commits_and_one_aborts() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    decide(it, 1);
    hear(kTwo, it->id, Decision::kAbort);
    write(kTwo, {Record::Type::kAborted, 0, it->id, 0, nullptr});
    expect("AC1: all decide the same");
  }

  void a_participant_aborts_on_its_own() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    prepare(kTwo, it);
    write(kTwo, {Record::Type::kAborted, 0, it->id, 0, nullptr});
    expect("who has voted yes waits for the outcome");
  }

  void a_peer_without_a_record_says_aborted() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    prepare(kTwo, it);
    all_->answering(kThree, kTwo, twopc::TxnQuery({0, {it->id}}),
                    twopc::TxnOutcome({0, {Knowledge::kAborted}}));
    expect("who may say \"aborted\"");
  }

  void who_has_refused_votes() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    write(kTwo, {Record::Type::kRefused, 0, it->id, 0, nullptr});
    prepare(kTwo, it);
    expect("AC2: no decision is reversed");
  }

  void an_id_is_used_twice() {
    prepare(kTwo, write_of(kOne, 1, 1, 1, "key"));
    prepare(kThree, write_of(kOne, 1, 2, 2, "other"));
    expect("transaction ids are never reused");
  }

  void a_retry_has_a_new_timestamp() {
    prepare(kTwo, write_of(kOne, 1, 1, 1));
    hear(kTwo, {kOne, 1, 1}, Decision::kAbort);
    prepare(kTwo, write_of(kOne, 2, 1, 2));
    expect("a write keeps its timestamp");
  }

  void an_operation_is_committed_twice() {
    commit_everywhere(write_of(kOne, 1, 1, 1), 1);
    decide(write_of(kTwo, 1, 1, 2), 2);
    expect("an operation is committed once");
  }

  void a_lock_is_lost_at_a_restart() {
    prepare(kTwo, write_of(kOne, 1, 1, 1));
    restart(kTwo, 0);
    prepare(kTwo, write_of(kThree, 1, 2, 2));
    expect("one transaction at a time for a key");
  }

  void a_vote_is_gone_after_a_restart() {
    prepare(kTwo, write_of(kOne, 1, 1, 1));
    logs_[1].records.clear();
    restart(kTwo, 0);
    expect("what was durable is there after a restart");
  }

  void the_log_is_cut_while_in_doubt() {
    prepare(kTwo, write_of(kOne, 1, 1, 1));
    all_->cut(kTwo, 1, 0);
    expect("what is cut off the log is not needed");
  }

  void a_decision_is_finished_too_soon() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    decide(it, 1);
    write(kOne, {Record::Type::kFinished, 0, it->id, 0, nullptr});
    expect("a decision is kept until all have it");
  }

  void keys_have_different_orders() {
    commit_everywhere(write_of(kOne, 1, 1, 1), 1);
    const TransactionPtr second = write_of(kOne, 2, 2, 2);
    decide(second, 2);
    apply(kOne, second, 2);
    hear(kTwo, second->id, Decision::kCommit);
    write(kTwo, {Record::Type::kCommitted, 0, second->id, 2, nullptr});
    restart(kTwo, 0);
    apply(kTwo, second, 1);
    expect("what is applied is what was committed");
  }

  void something_is_applied_that_is_not_durable() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    decide(it, 1);
    hear(kTwo, it->id, Decision::kCommit);
    write(kTwo, {Record::Type::kCommitted, 0, it->id, 1, nullptr}, false);
    apply(kTwo, it, 1);
    expect("nothing is applied that is not committed");
  }

  void a_read_does_not_wait() {
    prepare(kTwo, write_of(kOne, 1, 1, 1));
    all_->happens(kTwo, protocol::Read{7, "key"}, kNow);
    all_->decides(kTwo, protocol::AllowRead{7}, kNow);
    expect("a read waits while its key is in doubt");
  }

  void an_abort_without_a_cause() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    ask_for_votes(it);
    abort(it);
    expect("AC4: an abort has a cause");
  }

  void an_abort_for_a_retry_of_another_write() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    const TransactionPtr other = write_of(kOne, 2, 2, 2);
    ask_for_votes(it);
    ask_for_votes(other);
    all_->decides(kOne, protocol::Check{7, it->operation, 0}, kNow);
    all_->happens(kOne, protocol::Checked{7, true, false}, kNow);
    abort(it);
    expect({});
    abort(other);
    expect("AC4: an abort has a cause");
  }

  void a_write_is_expired_without_a_cause() {
    const kv::Applied expired{kv::Applied::Outcome::kExpired, 0, 1};
    commit_everywhere(write_of(kOne, 1, 1, 2), 1);
    kv::Command command;
    command.operation = {1, 1, 2};
    all_->states.answers(kOne, command, expired);
    expect({});
    command.operation = {1, 1, 1};
    all_->states.answers(kOne, command, expired);
    expect("only what is long ago is expired");
  }

  void a_refused_write_happens() {
    const TransactionPtr it = write_of(kOne, 1, 1, 1);
    const protocol::Finish refusal{1, Status::unavailable("replica 3 is down"), {}, 0};
    all_->decides(kOne, refusal, kNow);
    decide(it, 1);
    expect("what is refused never happens");
  }

  void a_stopped_coordinator_asks() {
    all_->role_stopped(kOne, "coordinator");
    const auto ask = std::make_shared<twopc::TxnPrepare>(
        twopc::TxnPrepareFields{0, {}, {write_of(kOne, 1, 1, 1)}});
    all_->decides(kOne, protocol::Send{kTwo, 1, ask, 0}, kNow);
    expect("a stopped role does nothing");
  }

 private:
  void expect(const std::string& invariant) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(violation_.what(), invariant, violation_.invariant());
  }

  // Its protocol decides to write a record, and it becomes durable, or not yet.
  void write(ReplicaId replica, Record record, bool is_durable = true) {
    RecoveredLog& log = logs_[replica.value - 1];
    record.number = log.records.size() + 1;
    LogBatch batch{{twopc::encode_record(record)}, {}};
    all_->decides(replica, protocol::Persist{batch}, kNow);
    if (!is_durable) return;
    all_->durable(replica, batch);
    log.records.push_back(batch.records[0]);
  }
  void prepare(ReplicaId replica, const TransactionPtr& it) {
    write(replica, {Record::Type::kPrepared, 0, it->id, 0, it});
  }
  // All vote for it, and it is decided to be at this position of its coordinator.
  void decide(const TransactionPtr& it, Position position) {
    for (const ReplicaId replica : {kOne, kTwo, kThree}) {
      if (replica != it->id.coordinator) prepare(replica, it);
    }
    write(it->id.coordinator, {Record::Type::kDecided, 0, it->id, position, it});
  }
  void commit_everywhere(const TransactionPtr& it, Position position) {
    decide(it, position);
    apply(it->id.coordinator, it, position);
    for (const ReplicaId replica : {kOne, kTwo, kThree}) {
      if (replica == it->id.coordinator) continue;
      hear(replica, it->id, Decision::kCommit);
      write(replica, {Record::Type::kCommitted, 0, it->id, position, nullptr});
      apply(replica, it, position);
    }
  }
  void apply(ReplicaId replica, const TransactionPtr& it, Position position) {
    all_->decides(replica, protocol::Apply{position, it->command, 0}, kNow);
  }
  void ask_for_votes(const TransactionPtr& it) {
    const auto ask = std::make_shared<twopc::TxnPrepare>(twopc::TxnPrepareFields{0, {}, {it}});
    all_->decides(it->id.coordinator, protocol::Send{kTwo, ++call_, ask, 0}, kNow);
  }
  void abort(const TransactionPtr& it) {
    const auto tell = std::make_shared<twopc::TxnDecide>(
        twopc::TxnDecideFields{0, {}, {{it->id, Decision::kAbort}}});
    all_->decides(it->id.coordinator, protocol::Send{kTwo, ++call_, tell, 0},
                  kNow + milliseconds(1));
  }
  void hear(ReplicaId replica, const TxnId& id, Decision decision) {
    const auto message =
        std::make_shared<twopc::TxnDecide>(twopc::TxnDecideFields{0, {}, {{id, decision}}});
    all_->happens(replica, protocol::Request{id.coordinator, 1, message}, kNow);
  }
  void send_decide(ReplicaId from, const TxnId& id, Decision decision) {
    all_->sending(from, kTwo, twopc::TxnDecide({0, {}, {{id, decision}}}));
  }
  void answer_prepare(ReplicaId from, const TransactionPtr& it, Vote vote) {
    all_->answering(from, it->id.coordinator, twopc::TxnPrepare({0, {}, {it}}),
                    twopc::TxnPrepared({0, {vote}, {}}));
  }
  void restart(ReplicaId replica, Position saved) {
    all_->recovered(replica, logs_[replica.value - 1], saved);
    all_->process_started(replica, saved);
  }

  Violation violation_;
  std::unique_ptr<TxnInvariants> all_;
  RecoveredLog logs_[3];
  protocol::CallId call_ = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(InvariantsTxnTest);

}  // namespace
}  // namespace rkv::sim
