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
#include "scripted_manager.h"

namespace rkv::replica {
namespace {

using Consistency = ReadOptions::Consistency;

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

class ManagerReadsTest : public ScriptedManagerFixture {
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
  CPPUNIT_TEST(a_read_that_is_begun_within_a_turn_wants_the_next_one);
  CPPUNIT_TEST(freshness_is_of_the_turn_in_which_it_was_asked_for);
  CPPUNIT_TEST(reads_of_every_kind_have_a_limit);
  CPPUNIT_TEST(a_transaction_is_read_like_a_key);
  CPPUNIT_TEST(who_locks_keys_is_asked_to_lock_those_of_a_transaction);
  CPPUNIT_TEST_SUITE_END();

 public:
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

  // Begins a read when a local one ends, which is within a turn that has events before it.
  void begin_read_within_turn(const ReadOptions& options) {
    manager_->peer_up(kSelf);
    manager_->read("k", eventual(), [this, options](const Status&, const kv::Entry*, Position) {
      begin_read(options);
    });
    turns_wanted_ = 0;
    turn();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, seen_.size());
  }

  void a_read_that_is_begun_within_a_turn_wants_the_next_one() {
    begin_read_within_turn(eventual());
    CPPUNIT_ASSERT(turns_wanted_ > 0 && seen(0).empty());
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("nothing at 0"), seen(0));
  }

  void freshness_is_of_the_turn_in_which_it_was_asked_for() {
    begin_read_within_turn({});
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->reads.size());
    now_ = now_ + seconds(3);
    allow();
    CPPUNIT_ASSERT_EQUAL(std::string("nothing at 0"), seen(0));
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

 private:
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

  std::vector<std::string> seen_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ManagerReadsTest);

}  // namespace
}  // namespace rkv::replica
