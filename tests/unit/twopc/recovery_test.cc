#include "twopc/recovery.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "transactions.h"

namespace rkv::twopc {
namespace {

using Type = Record::Type;

class RecoveryTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RecoveryTest);
  CPPUNIT_TEST(an_empty_log_says_nothing);
  CPPUNIT_TEST(a_vote_without_an_outcome_is_in_doubt);
  CPPUNIT_TEST(a_vote_with_a_commit_is_applied);
  CPPUNIT_TEST(a_vote_with_an_abort_is_over);
  CPPUNIT_TEST(a_decision_is_the_coordinators);
  CPPUNIT_TEST(a_finished_decision_need_not_be_told);
  CPPUNIT_TEST(a_refusal_is_remembered_with_its_record);
  CPPUNIT_TEST(commits_keep_the_order_of_their_positions);
  CPPUNIT_TEST(a_vote_that_was_cut_is_not_in_doubt);
  CPPUNIT_TEST(a_commit_whose_vote_was_cut_has_no_transaction);
  CPPUNIT_TEST(a_decision_that_was_cut_may_still_be_said_to_be_finished);
  CPPUNIT_TEST(an_abort_whose_vote_was_cut_is_an_abort);
  CPPUNIT_TEST(a_record_that_comes_twice_counts_once);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    log_ = {};
    next_ = 1;
  }

  void an_empty_log_says_nothing() {
    const LogContents contents = read_log(log_);
    CPPUNIT_ASSERT(contents.commits.empty() && contents.in_doubt.empty());
    CPPUNIT_ASSERT(contents.refused.empty() && contents.aborted.empty());
    CPPUNIT_ASSERT(contents.standing.last == 0 && contents.standing.clock == 0);
  }

  void a_vote_without_an_outcome_is_in_doubt() {
    add(Type::kPrepared, 1);
    add(Type::kPrepared, 2);
    const LogContents contents = read();
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, contents.in_doubt.size());
    const LogContents::Prepared& second = contents.in_doubt.at(txn(2));
    CPPUNIT_ASSERT(second.number == 2 && second.transaction->id == txn(2));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, contents.standing.last);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{50}, contents.standing.clock);
  }

  void a_vote_with_a_commit_is_applied() {
    add(Type::kPrepared, 1);
    add(Type::kCommitted, 1, 1);
    const LogContents contents = read();
    CPPUNIT_ASSERT(contents.in_doubt.empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, contents.commits.size());
    const LogContents::Commit& commit = contents.commits.front();
    CPPUNIT_ASSERT(commit.type == Type::kCommitted && commit.id == txn(1));
    CPPUNIT_ASSERT(commit.position == 1 && commit.prepared == 1 && commit.number == 2);
    CPPUNIT_ASSERT(commit.transaction != nullptr && commit.transaction->id == txn(1));
  }

  void a_vote_with_an_abort_is_over() {
    add(Type::kPrepared, 1);
    add(Type::kAborted, 1);
    const LogContents contents = read();
    CPPUNIT_ASSERT(contents.in_doubt.empty() && contents.commits.empty());
    CPPUNIT_ASSERT(contents.aborted == std::vector<TxnId>{txn(1)});
  }

  void a_decision_is_the_coordinators() {
    add(Type::kDecided, 1, 1);
    const LogContents contents = read();
    const LogContents::Commit& commit = contents.commits.front();
    CPPUNIT_ASSERT(commit.type == Type::kDecided && !commit.is_finished);
    CPPUNIT_ASSERT(commit.prepared == 0 && commit.number == 1);
    CPPUNIT_ASSERT(commit.transaction->id == txn(1));
  }

  void a_finished_decision_need_not_be_told() {
    add(Type::kDecided, 1, 1);
    add(Type::kDecided, 2, 2);
    add(Type::kFinished, 1);
    const LogContents contents = read();
    CPPUNIT_ASSERT(contents.commits[0].is_finished && !contents.commits[1].is_finished);
    CPPUNIT_ASSERT(contents.commits[0].transaction != nullptr);  // the state may lack it
  }

  void a_refusal_is_remembered_with_its_record() {
    add(Type::kPrepared, 1);
    add(Type::kRefused, 2);
    const LogContents contents = read();
    CPPUNIT_ASSERT(contents.refused.size() == 1 && contents.refused.at(txn(2)) == 2);
    CPPUNIT_ASSERT(!contents.in_doubt.contains(txn(2)));
  }

  void commits_keep_the_order_of_their_positions() {
    add(Type::kPrepared, 5);
    add(Type::kDecided, 3, 1);
    add(Type::kCommitted, 5, 2);
    add(Type::kDecided, 1, 3);
    const LogContents contents = read();
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, contents.commits.size());
    for (std::size_t i = 0; i < 3; ++i) {
      CPPUNIT_ASSERT_EQUAL(Position{i + 1}, contents.commits[i].position);
    }
    CPPUNIT_ASSERT(contents.commits[1].id == txn(5));
  }

  // The vote is still in the log, and its outcome too: both are behind the cut.
  void a_vote_that_was_cut_is_not_in_doubt() {
    add(Type::kPrepared, 1);
    add(Type::kCommitted, 1, 1);
    add(Type::kPrepared, 2);
    log_.records.erase(log_.records.begin() + 1);  // of a cut part, in part
    const LogContents contents = read(2);
    CPPUNIT_ASSERT(contents.commits.empty());
    CPPUNIT_ASSERT(contents.in_doubt.size() == 1 && contents.in_doubt.contains(txn(2)));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, contents.standing.cut);
  }

  void a_commit_whose_vote_was_cut_has_no_transaction() {
    add(Type::kPrepared, 1);
    add(Type::kCommitted, 1, 1);
    const LogContents contents = read(1);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, contents.commits.size());
    CPPUNIT_ASSERT(contents.commits[0].transaction == nullptr);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, contents.commits[0].prepared);
  }

  void a_decision_that_was_cut_may_still_be_said_to_be_finished() {
    add(Type::kDecided, 1, 1);
    add(Type::kFinished, 1);
    CPPUNIT_ASSERT(read(1).commits.empty());
  }

  void an_abort_whose_vote_was_cut_is_an_abort() {
    add(Type::kPrepared, 1);
    add(Type::kAborted, 1);
    CPPUNIT_ASSERT(read(1).aborted == std::vector<TxnId>{txn(1)});
  }

  // A participant that started again before its abort was on disk hears of it once more.
  void a_record_that_comes_twice_counts_once() {
    add(Type::kPrepared, 1);
    add(Type::kAborted, 1);
    add(Type::kAborted, 1);
    add(Type::kDecided, 2, 1);
    add(Type::kFinished, 2);
    add(Type::kFinished, 2);
    const LogContents contents = read();
    CPPUNIT_ASSERT(contents.in_doubt.empty());
    CPPUNIT_ASSERT(contents.commits.size() == 1 && contents.commits[0].is_finished);
  }

 private:
  static TxnId txn(std::uint64_t number) { return {kSecond, kIncarnation, number}; }
  void add(Type type, std::uint64_t transaction, Position position = 0) {
    const bool carries = type == Type::kPrepared || type == Type::kDecided;
    log_.records.push_back(encode_record(
        {type, next_++, txn(transaction), position,
         carries ? transaction_of(kSecond, transaction, {"key"}, transaction) : nullptr}));
  }
  LogContents read(std::uint64_t cut = 0) {
    log_.standing = encode_standing({cut, next_ - 1, 50});
    return read_log(log_);
  }

  RecoveredLog log_;
  std::uint64_t next_ = 1;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RecoveryTest);

}  // namespace
}  // namespace rkv::twopc
