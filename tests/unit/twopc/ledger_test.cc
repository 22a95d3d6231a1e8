#include "twopc/ledger.h"

#include <cppunit/extensions/HelperMacros.h>

#include <optional>
#include <vector>

#include "transactions.h"

namespace rkv::twopc {
namespace {

using Type = Record::Type;

class LedgerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LedgerTest);
  CPPUNIT_TEST(records_are_numbered_and_written_once_a_turn);
  CPPUNIT_TEST(a_turn_without_records_writes_nothing);
  CPPUNIT_TEST(what_is_appended_is_durable_with_the_persist_that_sync_names);
  CPPUNIT_TEST(commits_get_their_positions_when_appended);
  CPPUNIT_TEST(commits_are_applied_when_durable_in_the_order_of_their_positions);
  CPPUNIT_TEST(only_a_decision_carries_its_transaction);
  CPPUNIT_TEST(a_lazy_record_goes_with_the_next_batch);
  CPPUNIT_TEST(a_lazy_record_is_written_alone_after_a_second);
  CPPUNIT_TEST(nothing_is_cut_above_the_first_pin);
  CPPUNIT_TEST(pins_are_counted);
  CPPUNIT_TEST(a_cut_is_told_when_the_standing_that_says_it_is_durable);
  CPPUNIT_TEST(a_commit_and_its_vote_are_kept_until_the_state_is_saved);
  CPPUNIT_TEST(goes_on_behind_what_the_log_says);
  CPPUNIT_TEST(replays_what_the_state_lacks_and_keeps_it_till_it_is_saved);
  CPPUNIT_TEST(what_was_cut_before_a_restart_stays_cut);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    ledger_ = Ledger();
    ledger_.recover({}, 0);
    effects_.clear();
    now_ = TimePoint{1'000'000'000};
  }

  void records_are_numbered_and_written_once_a_turn() {
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, ledger_.append(Type::kPrepared, txn(1), write(1)));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, ledger_.append(Type::kRefused, txn(2)));
    const std::optional<LogBatch> batch = flush();
    CPPUNIT_ASSERT(batch && batch->records.size() == 2);
    CPPUNIT_ASSERT(types_of(*batch) == (std::vector<Type>{Type::kPrepared, Type::kRefused}));
    const Standing standing = *decode_standing(batch->standing);
    // Nobody has pinned them.
    CPPUNIT_ASSERT(standing.cut == 2 && standing.last == 2 && standing.clock == kClock);
    ledger_.append(Type::kRefused, txn(3));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, decode_standing(flush()->standing)->last);
  }

  void a_turn_without_records_writes_nothing() {
    CPPUNIT_ASSERT(!flush() && effects_.empty());
    CPPUNIT_ASSERT(ledger_.next_tick() == kNever);
  }

  void what_is_appended_is_durable_with_the_persist_that_sync_names() {
    CPPUNIT_ASSERT_EQUAL(protocol::SyncPoint{0}, ledger_.sync());
    ledger_.append(Type::kRefused, txn(1));
    CPPUNIT_ASSERT_EQUAL(protocol::SyncPoint{1}, ledger_.sync());
    flush();
    CPPUNIT_ASSERT_EQUAL(protocol::SyncPoint{1}, ledger_.sync());
    ledger_.append(Type::kRefused, txn(2));
    CPPUNIT_ASSERT_EQUAL(protocol::SyncPoint{2}, ledger_.sync());
  }

  void commits_get_their_positions_when_appended() {
    ledger_.append_commit(Type::kDecided, write(1), 0);
    ledger_.append(Type::kRefused, txn(2));
    ledger_.append_commit(Type::kDecided, write(3), 0);
    const std::optional<LogBatch> batch = flush();
    CPPUNIT_ASSERT_EQUAL(Position{1}, decode_record(batch->records[0])->position);
    CPPUNIT_ASSERT_EQUAL(Position{0}, decode_record(batch->records[1])->position);
    CPPUNIT_ASSERT_EQUAL(Position{2}, decode_record(batch->records[2])->position);
  }

  void commits_are_applied_when_durable_in_the_order_of_their_positions() {
    ledger_.append_commit(Type::kDecided, write(1), 0);
    ledger_.append_commit(Type::kDecided, write(2), 0);
    flush();
    ledger_.append_commit(Type::kDecided, write(3), 0);
    flush();
    CPPUNIT_ASSERT(ledger_.persisted(0).empty());
    CPPUNIT_ASSERT_EQUAL(Position{0}, ledger_.applied());
    std::vector<Ledger::Durable> durable = ledger_.persisted(1);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, durable.size());
    CPPUNIT_ASSERT(durable[0].position == 1 && durable[0].transaction->id == txn(1));
    CPPUNIT_ASSERT(durable[1].position == 2 && durable[1].number == 2);
    CPPUNIT_ASSERT_EQUAL(Position{2}, ledger_.applied());
    durable = ledger_.persisted(2);
    CPPUNIT_ASSERT(durable.size() == 1 && durable[0].type == Type::kDecided);
    CPPUNIT_ASSERT(ledger_.persisted(2).empty());
  }

  void only_a_decision_carries_its_transaction() {
    const std::uint64_t vote = ledger_.append(Type::kPrepared, txn(1), write(1));
    ledger_.append_commit(Type::kCommitted, write(1), vote);
    ledger_.append_commit(Type::kDecided, write(2), 0);
    const std::optional<LogBatch> batch = flush();
    CPPUNIT_ASSERT(decode_record(batch->records[1])->transaction == nullptr);
    CPPUNIT_ASSERT(decode_record(batch->records[2])->transaction != nullptr);
  }

  void a_lazy_record_goes_with_the_next_batch() {
    ledger_.append_lazily(Type::kFinished, txn(1));
    CPPUNIT_ASSERT(!flush());
    ledger_.append(Type::kRefused, txn(2));
    const std::optional<LogBatch> batch = flush();
    CPPUNIT_ASSERT(types_of(*batch) == (std::vector<Type>{Type::kRefused, Type::kFinished}));
    CPPUNIT_ASSERT_EQUAL(Position{2}, batch->records[1].slot);
    CPPUNIT_ASSERT(ledger_.next_tick() == kNever);
  }

  void a_lazy_record_is_written_alone_after_a_second() {
    ledger_.append_lazily(Type::kFinished, txn(1));
    flush();
    CPPUNIT_ASSERT(ledger_.next_tick() == now_ + seconds(1));
    now_ = now_ + milliseconds(999);
    CPPUNIT_ASSERT(!flush());
    now_ = now_ + milliseconds(1);
    const std::optional<LogBatch> batch = flush();
    CPPUNIT_ASSERT(batch && types_of(*batch) == std::vector<Type>{Type::kFinished});
    CPPUNIT_ASSERT(ledger_.next_tick() == kNever);
  }

  void nothing_is_cut_above_the_first_pin() {
    for (std::uint64_t i = 1; i <= 5; ++i) ledger_.append(Type::kRefused, txn(i));
    ledger_.pin(3);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, cut_of(flush()));
    ledger_.append(Type::kRefused, txn(6));
    ledger_.unpin(3);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{6}, cut_of(flush()));
  }

  void pins_are_counted() {
    ledger_.append(Type::kRefused, txn(1));
    ledger_.pin(1);
    ledger_.pin(1);
    ledger_.unpin(1);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, cut_of(flush()));
    ledger_.append(Type::kRefused, txn(2));
    ledger_.unpin(1);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, cut_of(flush()));
  }

  void a_cut_is_told_when_the_standing_that_says_it_is_durable() {
    ledger_.append(Type::kRefused, txn(1));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, cut_of(flush()));
    CPPUNIT_ASSERT(!told());
    flush();
    CPPUNIT_ASSERT(!told());
    ledger_.persisted(1);
    flush();
    CPPUNIT_ASSERT(told() && *told() == 1);
    flush();
    CPPUNIT_ASSERT(!told());  // once
  }

  void a_commit_and_its_vote_are_kept_until_the_state_is_saved() {
    const std::uint64_t vote = ledger_.append(Type::kPrepared, txn(1), write(1));
    ledger_.append(Type::kRefused, txn(9));
    ledger_.append_commit(Type::kCommitted, write(1), vote);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, cut_of(flush()));
    ledger_.persisted(1);
    ledger_.append(Type::kRefused, txn(9));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, cut_of(flush()));
    ledger_.saved(0);
    ledger_.append(Type::kRefused, txn(9));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, cut_of(flush()));
    ledger_.saved(1);
    ledger_.append(Type::kRefused, txn(9));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{6}, cut_of(flush()));
  }

  void goes_on_behind_what_the_log_says() {
    ledger_.recover({2, 7, 30}, 4);
    CPPUNIT_ASSERT_EQUAL(Position{4}, ledger_.applied());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{8}, ledger_.append_commit(Type::kDecided, write(1), 0));
    CPPUNIT_ASSERT_EQUAL(Position{5}, decode_record(flush()->records[0])->position);
  }

  void replays_what_the_state_lacks_and_keeps_it_till_it_is_saved() {
    ledger_.recover({0, 9, 1}, 4);
    CPPUNIT_ASSERT(!ledger_.replay(4, 1, 2));
    CPPUNIT_ASSERT(ledger_.replay(5, 3, 6));
    CPPUNIT_ASSERT(ledger_.replay(6, 0, 7));
    CPPUNIT_ASSERT_EQUAL(Position{6}, ledger_.applied());
    ledger_.append(Type::kRefused, txn(1));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, cut_of(flush()));
    ledger_.saved(5);
    ledger_.append(Type::kRefused, txn(2));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{6}, cut_of(flush()));
    ledger_.saved(6);
    ledger_.append(Type::kRefused, txn(3));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{12}, cut_of(flush()));
  }

  void what_was_cut_before_a_restart_stays_cut() {
    ledger_.recover({5, 7, 1}, 4);
    ledger_.pin(6);
    flush();
    CPPUNIT_ASSERT(told() && *told() == 5);  // the log may have been told too late
    ledger_.append(Type::kRefused, txn(1));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, cut_of(flush()));
  }

 private:
  static constexpr std::uint64_t kClock = 77;

  static TxnId txn(std::uint64_t number) { return {kSecond, kIncarnation, number}; }
  static TransactionPtr write(std::uint64_t number) {
    return transaction_of(kSecond, number, {"key"}, number);
  }
  static std::vector<Type> types_of(const LogBatch& batch) {
    std::vector<Type> types;
    for (const LogRecord& record : batch.records) types.push_back(decode_record(record)->type);
    return types;
  }
  static std::uint64_t cut_of(const std::optional<LogBatch>& batch) {
    CPPUNIT_ASSERT(batch.has_value());
    return decode_standing(batch->standing)->cut;
  }

  // Ends a turn.
  std::optional<LogBatch> flush() {
    effects_.clear();
    ledger_.flush(now_, kClock, effects_);
    for (const protocol::Persist& persist : all_of<protocol::Persist>(effects_)) {
      return persist.batch;
    }
    return std::nullopt;
  }
  // The cut of which the log was told in the last turn.
  std::optional<Position> told() const {
    for (const protocol::CutLog& cut : all_of<protocol::CutLog>(effects_)) return cut.slot;
    return std::nullopt;
  }

  Ledger ledger_;
  protocol::Effects effects_;
  TimePoint now_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(LedgerTest);

}  // namespace
}  // namespace rkv::twopc
