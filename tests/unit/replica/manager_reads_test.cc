#include <cppunit/extensions/HelperMacros.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kv/memory_store.h"
#include "kv/transaction_codec.h"
#include "replica/manager.h"
#include "scripted_protocol.h"

namespace rkv::replica {
namespace {

using Consistency = ReadOptions::Consistency;

constexpr ReplicaId kSelf{1};

ReadOptions sequential(Position seen) { return {Consistency::kSequential, seen, {}}; }
ReadOptions eventual(Duration max_staleness = {}) {
  return {Consistency::kEventual, 0, max_staleness};
}

std::shared_ptr<const kv::Transaction> look_at(std::vector<std::string> keys) {
  kv::Transaction transaction;
  for (std::string& key : keys) {
    transaction.then.push_back({kv::Step::Kind::kGet, std::move(key), {}, 0, true});
  }
  return std::make_shared<const kv::Transaction>(std::move(transaction));
}

class ManagerReadsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ManagerReadsTest);
  CPPUNIT_TEST(a_linearizable_read_asks_the_protocol);
  CPPUNIT_TEST(a_refused_read_says_why);
  CPPUNIT_TEST(a_sequential_read_is_done_at_once_when_it_sees_enough);
  CPPUNIT_TEST(a_sequential_read_waits_for_what_it_must_see);
  CPPUNIT_TEST(a_sequential_read_is_refused_when_it_waited_long_enough);
  CPPUNIT_TEST(each_waits_for_its_own_position_and_time);
  CPPUNIT_TEST(an_eventual_read_is_done_at_once);
  CPPUNIT_TEST(a_bounded_read_asks_when_nothing_fresh_is_known);
  CPPUNIT_TEST(a_bounded_read_does_not_ask_within_the_bound);
  CPPUNIT_TEST(a_linearizable_read_tells_bounded_ones_how_fresh_the_state_is);
  CPPUNIT_TEST(freshness_is_of_the_moment_of_the_question);
  CPPUNIT_TEST(reads_of_every_kind_have_a_limit);
  CPPUNIT_TEST(a_transaction_is_read_like_a_key);
  CPPUNIT_TEST(who_locks_keys_is_asked_to_lock_those_of_a_transaction);
  CPPUNIT_TEST(a_page_is_followed_by_the_rest_of_the_same_state);
  CPPUNIT_TEST(a_listing_that_nobody_goes_on_with_is_forgotten);
  CPPUNIT_TEST(the_last_page_can_be_asked_for_again);
  CPPUNIT_TEST(one_listing_too_many_ends_the_oldest);
  CPPUNIT_TEST(a_page_that_is_not_followed_keeps_nothing);
  CPPUNIT_TEST(without_a_total_order_nothing_is_pinned);
  CPPUNIT_TEST(a_first_page_is_as_consistent_as_it_was_asked_for);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { start(Manager::Limits()); }
  void tearDown() override {
    manager_.reset();
    store_.reset();
  }

  void a_linearizable_read_asks_the_protocol() {
    apply("k", "v");
    const std::size_t read = begin_read({});
    turn();
    CPPUNIT_ASSERT(protocol_->reads.size() == 1 && seen(read).empty());
    allow();
    CPPUNIT_ASSERT_EQUAL(std::string("v at 1"), seen(read));
    CPPUNIT_ASSERT(manager_->quiet());
  }

  void a_refused_read_says_why() {
    const std::size_t read = begin_read({});
    turn();
    protocol_->next.emplace_back(
        protocol::RefuseRead{protocol_->reads[0], Status::unavailable("nobody leads")});
    wake();
    CPPUNIT_ASSERT_EQUAL(std::string("not available: nobody leads"), seen(read));
  }

  void a_sequential_read_is_done_at_once_when_it_sees_enough() {
    apply("k", "v");
    for (const Position position : {0U, 1U}) {
      const std::size_t read = begin_read(sequential(position));
      CPPUNIT_ASSERT(seen(read).empty());  // not within the call
      turn();
      CPPUNIT_ASSERT_EQUAL(std::string("v at 1"), seen(read));
    }
    CPPUNIT_ASSERT(protocol_->reads.empty());
  }

  void a_sequential_read_waits_for_what_it_must_see() {
    apply("k", "v");
    const std::size_t read = begin_read(sequential(2));
    turn();
    CPPUNIT_ASSERT(seen(read).empty() && !manager_->quiet());
    apply("k", "w");
    CPPUNIT_ASSERT_EQUAL(std::string("w at 2"), seen(read));
    CPPUNIT_ASSERT(protocol_->reads.empty() && manager_->quiet());
  }

  void a_sequential_read_is_refused_when_it_waited_long_enough() {
    apply("k", "v");
    const std::size_t read = begin_read(sequential(5));
    turn();
    const TimePoint until = now_ + limits_.catch_up_max;
    CPPUNIT_ASSERT(manager_->next_turn() <= until);
    now_ = TimePoint{until.ns - 1};
    turn();
    CPPUNIT_ASSERT(seen(read).empty());
    now_ = until;
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("not available: this replica has applied writes up to slot 1, "
                                     "and the read has to see slot 5; try another one"),
                         seen(read));
    CPPUNIT_ASSERT(manager_->quiet());
  }

  void each_waits_for_its_own_position_and_time() {
    const std::size_t far = begin_read(sequential(3));
    turn();
    now_ = now_ + seconds(1);
    const std::size_t near = begin_read(sequential(1));
    const std::size_t late = begin_read(sequential(3));
    turn();
    apply("k", "v");
    CPPUNIT_ASSERT_EQUAL(std::string("v at 1"), seen(near));
    now_ = now_ + seconds(1);
    turn();
    CPPUNIT_ASSERT(seen(far).starts_with("not available") && seen(late).empty());
    CPPUNIT_ASSERT(manager_->next_turn() <= now_ + seconds(1));
    apply("k", "w");
    apply("k", "x");
    CPPUNIT_ASSERT_EQUAL(std::string("x at 3"), seen(late));
  }

  void an_eventual_read_is_done_at_once() {
    const std::size_t read = begin_read(eventual());
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("nothing at 0"), seen(read));
    CPPUNIT_ASSERT(protocol_->reads.empty());
  }

  void a_bounded_read_asks_when_nothing_fresh_is_known() {
    apply("k", "v");
    const std::size_t read = begin_read(eventual(seconds(5)));
    turn();
    CPPUNIT_ASSERT(protocol_->reads.size() == 1 && seen(read).empty());
    allow();
    CPPUNIT_ASSERT_EQUAL(std::string("v at 1"), seen(read));
  }

  // Whether a read with this bound is done without a question.
  bool is_known_to_be_fresh(Duration max_staleness) {
    const std::size_t asked = protocol_->reads.size();
    const std::size_t read = begin_read(eventual(max_staleness));
    turn();
    if (protocol_->reads.size() == asked) {
      CPPUNIT_ASSERT(!seen(read).empty());
      return true;
    }
    CPPUNIT_ASSERT(seen(read).empty());
    // Refused, so that it does not make anything fresh.
    protocol_->next.emplace_back(
        protocol::RefuseRead{protocol_->reads.back(), Status::unavailable("not now")});
    wake();
    return false;
  }

  void a_bounded_read_does_not_ask_within_the_bound() {
    begin_read(eventual(seconds(5)));
    turn();
    allow();
    CPPUNIT_ASSERT(is_known_to_be_fresh(seconds(5)));
    now_ = now_ + seconds(5);
    CPPUNIT_ASSERT(is_known_to_be_fresh(seconds(5)) && !is_known_to_be_fresh(seconds(4)));
    now_ = now_ + milliseconds(1);
    CPPUNIT_ASSERT(!is_known_to_be_fresh(seconds(5)) && is_known_to_be_fresh(seconds(6)));
  }

  void a_linearizable_read_tells_bounded_ones_how_fresh_the_state_is() {
    begin_read({});
    turn();
    CPPUNIT_ASSERT(!is_known_to_be_fresh(seconds(1)));
    protocol_->next.emplace_back(protocol::AllowRead{protocol_->reads[0]});
    wake();
    CPPUNIT_ASSERT(is_known_to_be_fresh(seconds(1)));
  }

  void freshness_is_of_the_moment_of_the_question() {
    begin_read({});
    turn();
    now_ = now_ + seconds(3);
    allow();
    CPPUNIT_ASSERT(is_known_to_be_fresh(seconds(3)) && !is_known_to_be_fresh(seconds(2)));
  }

  void reads_of_every_kind_have_a_limit() {
    Manager::Limits limits;
    limits.reads_waiting_max = 3;
    start(limits);
    std::vector<std::size_t> reads;
    reads.push_back(begin_read({}));
    reads.push_back(begin_read(sequential(9)));
    turn();
    reads.push_back(begin_read(eventual()));
    std::string told;
    for (const ReadOptions& options : {ReadOptions(), sequential(0), eventual()}) {
      const std::size_t read = begin_read(options);
      CPPUNIT_ASSERT_EQUAL(std::string("busy: too many reads are waiting at this replica"),
                           seen(read));
      manager_->read(look_at({"k"}), options, [&](const Status& status, const kv::Applied&) {
        told += status.code() == StatusCode::kBusy ? "busy " : "";
      });
      manager_->scan({}, true, options, [&](const Status& status, kv::ScanPage&&) {
        told += status.code() == StatusCode::kBusy ? "busy " : "";
      });
    }
    CPPUNIT_ASSERT_EQUAL(std::string("busy busy busy busy busy busy "), told);
    for (const std::size_t read : reads) CPPUNIT_ASSERT(seen(read).empty());
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("nothing at 0"), seen(reads[2]));
    turn();
    const std::size_t again = begin_read(eventual());
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("nothing at 0"), seen(again));
  }

  struct Told {
    bool is_told = false;
    Status status;
    kv::Applied applied;
    std::string values() const {
      const Result<kv::StepsResult> result = kv::decode_result(*applied.told);
      CPPUNIT_ASSERT(result.ok());
      std::string text;
      for (const kv::StepResult& step : result.value().results) {
        text += (step.entry ? step.entry->value : "nothing") + " ";
      }
      return text;
    }
  };
  std::shared_ptr<Told> look(const ReadOptions& options) {
    auto told = std::make_shared<Told>();
    manager_->read(look_at({"a", "b"}), options,
                   [told](const Status& status, const kv::Applied& applied) {
                     CPPUNIT_ASSERT(!told->is_told);
                     *told = {true, status, applied};
                   });
    turn();
    return told;
  }

  void a_transaction_is_read_like_a_key() {
    apply("a", "1");
    const std::shared_ptr<Told> linearizable = look({});
    CPPUNIT_ASSERT(!linearizable->is_told && protocol_->reads.size() == 1);
    const std::shared_ptr<Told> behind = look(sequential(2));
    const std::shared_ptr<Told> eventually = look(eventual());
    CPPUNIT_ASSERT(!behind->is_told && eventually->is_told);
    CPPUNIT_ASSERT_EQUAL(std::string("1 nothing "), eventually->values());
    CPPUNIT_ASSERT_EQUAL(Position{1}, eventually->applied.position);
    apply("b", "2");
    CPPUNIT_ASSERT_EQUAL(std::string("1 2 "), behind->values());
    CPPUNIT_ASSERT(!linearizable->is_told);
    allow();
    CPPUNIT_ASSERT_EQUAL(std::string("1 2 "), linearizable->values());
    const std::shared_ptr<Told> refused = look({});
    protocol_->next.emplace_back(
        protocol::RefuseRead{protocol_->reads.back(), Status::unavailable("nobody leads")});
    wake();
    CPPUNIT_ASSERT(refused->is_told && refused->status.code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT(protocol_->proposed.empty() && manager_->quiet());
  }

  void who_locks_keys_is_asked_to_lock_those_of_a_transaction() {
    start(Manager::Limits(), true);
    apply("a", "1");
    const std::shared_ptr<Told> linearizable = look({});
    CPPUNIT_ASSERT(protocol_->reads.empty() && protocol_->proposed.size() == 1);
    const protocol::Propose& propose = protocol_->proposed[0];
    CPPUNIT_ASSERT((propose.keys == std::vector<std::string>{"a", "b"}));
    CPPUNIT_ASSERT(propose.operation == OperationId{});
    protocol_->next.emplace_back(protocol::Apply{2, propose.command, propose.proposal});
    protocol_->next.emplace_back(protocol::Finish{propose.proposal, Status(), {}, 0});
    wake();
    CPPUNIT_ASSERT(linearizable->is_told && linearizable->status.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("1 nothing "), linearizable->values());
    CPPUNIT_ASSERT_EQUAL(std::string("1 nothing "), look(eventual())->values());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->proposed.size());
  }

  // The keys and values of a page, or why there is none.
  std::string page(kv::Scan scan, bool may_follow = true, const ReadOptions& options = eventual()) {
    std::string text;
    page_ = {};
    manager_->scan(std::move(scan), may_follow, options,
                   [&](const Status& status, kv::ScanPage&& it) {
                     if (!status.ok()) text = status.to_string();
                     for (const kv::ScannedEntry& entry : it.entries) {
                       text += entry.key + "=" + entry.value + " ";
                     }
                     page_ = std::move(it);
                   });
    turn();
    return text;
  }
  static kv::Scan by_two() {
    kv::Scan scan;
    scan.entries_max = 2;
    return scan;
  }
  // The next page of the one that was last told.
  kv::Scan next_of(const kv::Scan& scan) const {
    kv::Scan next = rest_of(scan, page_);
    next.at = page_.position;
    return next;
  }
  static bool is_gone(const std::string& text) {
    return text.find("is not kept at this replica any more") != std::string::npos;
  }
  void apply_five() {
    for (const char* key : {"a", "b", "c", "d", "e"}) apply(key, "old");
  }

  void a_page_is_followed_by_the_rest_of_the_same_state() {
    apply_five();
    CPPUNIT_ASSERT_EQUAL(std::string("a=old b=old "), page(by_two()));
    CPPUNIT_ASSERT(page_.more && page_.position == 5);
    kv::Scan next = next_of(by_two());
    for (const char* key : {"c", "cc", "d", "e"}) apply(key, "new");
    CPPUNIT_ASSERT_EQUAL(std::string("c=old d=old "), page(next));
    CPPUNIT_ASSERT(page_.more && page_.position == 5);
    next = next_of(next);
    apply("e", "newer");
    CPPUNIT_ASSERT_EQUAL(std::string("e=old "), page(next));
    CPPUNIT_ASSERT(!page_.more && protocol_->reads.empty());
    CPPUNIT_ASSERT_EQUAL(std::string("a=old b=old "), page(by_two()));
    CPPUNIT_ASSERT_EQUAL(Position{10}, page_.position);
  }

  void a_listing_that_nobody_goes_on_with_is_forgotten() {
    apply_five();
    page(by_two());
    const kv::Scan next = next_of(by_two());
    apply("c", "new");
    now_ = now_ + limits_.listings.idle_max + Duration{-1};
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("c=old d=old "), page(next));  // which begins the time anew
    now_ = now_ + limits_.listings.idle_max + Duration{-1};
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("c=old d=old "), page(next));
    CPPUNIT_ASSERT(manager_->next_turn() <= now_ + limits_.listings.idle_max);
    now_ = now_ + limits_.listings.idle_max;
    turn();
    apply("d", "new");
    const std::string gone = page(next);
    CPPUNIT_ASSERT_EQUAL(std::string("revision gone: the state of revision 5 is not kept at this "
                                     "replica any more; list again from the beginning"),
                         gone);
  }

  void the_last_page_can_be_asked_for_again() {
    apply_five();
    kv::Scan by_four = by_two();
    by_four.entries_max = 4;
    page(by_four);
    const kv::Scan next = next_of(by_four);
    apply("e", "new");
    CPPUNIT_ASSERT_EQUAL(std::string("e=old "), page(next));
    now_ = now_ + limits_.listings.repeat_max + Duration{-1};
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("e=old "), page(next));
    now_ = now_ + limits_.listings.repeat_max;
    turn();
    CPPUNIT_ASSERT(is_gone(page(next)));
  }

  void one_listing_too_many_ends_the_oldest() {
    apply_five();
    std::vector<kv::Scan> nexts;
    for (std::size_t i = 0; i <= limits_.listings.positions_max; ++i) {
      if (i == limits_.listings.positions_max) {
        CPPUNIT_ASSERT_EQUAL(std::string("c=old d=old "), page(nexts[0]));
        now_ = now_ + seconds(1);
      }
      page(by_two());
      nexts.push_back(next_of(by_two()));
      now_ = now_ + seconds(1);
      apply("z", "new");
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{17}, nexts.size());
    CPPUNIT_ASSERT(is_gone(page(nexts[1])));  // the first has gone on: the second waited longest
    for (const std::size_t i : {0U, 2U, 3U, 15U, 16U}) {
      CPPUNIT_ASSERT_EQUAL(std::string("c=old d=old "), page(nexts[i]));
    }
  }

  void a_page_that_is_not_followed_keeps_nothing() {
    apply_five();
    CPPUNIT_ASSERT_EQUAL(std::string("a=old b=old "), page(by_two(), false));
    CPPUNIT_ASSERT(page_.more);
    const kv::Scan next = next_of(by_two());
    apply("c", "new");
    CPPUNIT_ASSERT(is_gone(page(next)));
  }

  void without_a_total_order_nothing_is_pinned() {
    start(Manager::Limits(), true);
    CPPUNIT_ASSERT(!manager_->has_total_order() && manager_->has_transactions());
    apply_five();
    CPPUNIT_ASSERT_EQUAL(std::string("a=old b=old "), page(by_two()));
    const kv::Scan next = next_of(by_two());
    apply("c", "new");
    CPPUNIT_ASSERT(is_gone(page(next)));
    CPPUNIT_ASSERT_EQUAL(std::string("c=new d=old "), page(rest_of(by_two(), page_of_two())));
  }

  void a_first_page_is_as_consistent_as_it_was_asked_for() {
    apply_five();
    CPPUNIT_ASSERT_EQUAL(std::string(), page(by_two(), true, {}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->reads.size());
    std::string keys;
    manager_->scan(by_two(), true, sequential(6), [&](const Status&, kv::ScanPage&& it) {
      for (const kv::ScannedEntry& entry : it.entries) keys += entry.key + "=" + entry.value;
    });
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string(), keys);
    apply("a", "new");
    CPPUNIT_ASSERT_EQUAL(std::string("a=newb=old"), keys);
  }

 private:
  void start(const Manager::Limits& limits, bool checks_operations = false) {
    manager_.reset();
    store_ = std::make_unique<kv::MemoryStore>();
    auto protocol = std::make_unique<ScriptedProtocol>(checks_operations);
    protocol_ = protocol.get();
    limits_ = limits;
    position_ = 0;
    manager_ = std::make_unique<Manager>(std::move(protocol),
                                         Manager::Environment{*store_, transport_, &log_, kSelf, 1},
                                         limits, now_, [] {});
    turn();
  }
  void turn() { manager_->turn(now_); }
  // A turn in which something has happened.
  void wake() {
    manager_->peer_up(kSelf);
    turn();
  }
  void apply(const std::string& key, const std::string& value) {
    const kv::Command put{kv::Command::Kind::kPut, {}, key, value};
    protocol_->next.emplace_back(protocol::Apply{
        ++position_, std::make_shared<const std::string>(kv::encode_command(put)), 0});
    wake();
  }
  // Allows the last read that the protocol was asked about; all before it must be done with.
  void allow() {
    protocol_->next.emplace_back(protocol::AllowRead{protocol_->reads.back()});
    wake();
  }
  // Reads "k"; the number is for seen().
  std::size_t begin_read(const ReadOptions& options) {
    const std::size_t number = seen_.size();
    seen_.emplace_back();
    manager_->read(
        "k", options, [this, number](const Status& status, const kv::Entry* entry, Position at) {
          CPPUNIT_ASSERT(seen_[number].empty());
          const std::string value = entry == nullptr ? "nothing" : entry->value;
          seen_[number] = status.ok() ? value + " at " + std::to_string(at) : status.to_string();
        });
    return number;
  }
  // What a read was told; empty if nothing yet.
  const std::string& seen(std::size_t read) const { return seen_[read]; }
  // A page that ended with "b".
  static kv::ScanPage page_of_two() {
    kv::ScanPage page;
    page.count = 2;
    page.last = "b";
    page.more = true;
    return page;
  }

  TimePoint now_{1'000'000'000};
  Manager::Limits limits_;
  UnreadLog log_;
  SilentTransport transport_;
  std::unique_ptr<kv::MemoryStore> store_;
  std::unique_ptr<Manager> manager_;
  ScriptedProtocol* protocol_ = nullptr;
  Position position_ = 0;
  std::vector<std::string> seen_;
  kv::ScanPage page_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ManagerReadsTest);

}  // namespace
}  // namespace rkv::replica
