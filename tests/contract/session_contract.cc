// Writes that are sent twice, through the state machine, on every store.

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "kv/memory_store.h"
#include "kv/state_machine.h"
#include "kv/transaction_codec.h"
#include "store_world.h"

namespace rkv::contract {
namespace {

using namespace std::string_literals;
using Outcome = kv::Applied::Outcome;

constexpr std::uint64_t kClient = 7;
constexpr kv::SessionLimits kSmallLimits = {3, 4, 10, 500};

kv::Command put_of(const OperationId& operation, std::string key, std::string value) {
  return {kv::Command::Kind::kPut, operation, std::move(key), std::move(value)};
}

kv::Command del_of(const OperationId& operation, std::string key) {
  return {kv::Command::Kind::kDel, operation, std::move(key), {}};
}

kv::Command transaction_of(const OperationId& operation, kv::Transaction transaction) {
  kv::Command command;
  command.kind = kv::Command::Kind::kTransaction;
  command.operation = operation;
  command.transaction = std::make_shared<const kv::Transaction>(std::move(transaction));
  return command;
}

kv::Command incr_of(const OperationId& operation, std::string key) {
  return transaction_of(operation,
                        {{}, {{kv::Step::Kind::kIncr, std::move(key), {}, 1, false}}, {}});
}

kv::Command epoch_of(std::uint64_t epoch) {
  kv::Command command;
  command.kind = kv::Command::Kind::kEpoch;
  command.epoch = epoch;
  return command;
}

// A sequence of an epoch.
std::uint64_t in(std::uint64_t epoch, std::uint64_t number) {
  return epoch << kv::kEpochShift | number;
}

class SessionContract : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SessionContract);
  CPPUNIT_TEST(a_retry_changes_nothing_and_has_the_first_result);
  CPPUNIT_TEST(a_retry_may_be_right_behind_its_original);
  CPPUNIT_TEST(what_has_expired_changes_nothing);
  CPPUNIT_TEST(without_a_client_nothing_is_a_retry);
  CPPUNIT_TEST(without_sessions_nothing_is_a_retry);
  CPPUNIT_TEST(a_look_up_tells_what_was_applied_and_changes_nothing);
  CPPUNIT_TEST(a_look_up_is_behind_every_apply_before_it);
  CPPUNIT_TEST(remembering_applies_whatever_comes);
  CPPUNIT_TEST(remembering_takes_operations_in_any_order);
  CPPUNIT_TEST(what_is_remembered_is_known_to_the_next_state_machine);
  CPPUNIT_TEST(retries_are_known_to_the_next_state_machine);
  CPPUNIT_TEST(a_transaction_is_answered_from_the_record);
  CPPUNIT_TEST(a_refused_transaction_is_answered_from_the_record);
  CPPUNIT_TEST(an_epoch_is_a_command);
  CPPUNIT_TEST(an_epoch_is_known_to_the_next_state_machine);
  CPPUNIT_TEST(without_room_a_write_is_refused_and_not_remembered);
  CPPUNIT_TEST(remembering_applies_without_room);
  CPPUNIT_TEST(many_retries_do_not_grow_the_stack);
  CPPUNIT_TEST(many_transactions_do_not_grow_the_stack);
  CPPUNIT_TEST(replies_are_kept_in_order);
  CPPUNIT_TEST(equal_commands_make_equal_sessions);
  CPPUNIT_TEST_SUITE_END_ABSTRACT();

 public:
  void setUp() override {
    world_ = make_world();
    begin({});
  }
  void tearDown() override {
    machine_.reset();
    world_.reset();
  }

 protected:
  virtual std::unique_ptr<StoreWorld> make_world() = 0;

 private:
  void begin(const kv::StateMachine::Options& options) {
    machine_ = std::make_unique<kv::StateMachine>(world_->store(), options);
  }

  kv::Applied apply(const kv::Command& command) {
    std::optional<kv::Applied> result;
    machine_->apply(world_->store().applied() + 1, command,
                    [&](const kv::Applied& applied) { result = applied; });
    CPPUNIT_ASSERT(world_->run_until([&] { return result.has_value(); }));
    return *result;
  }

  std::string get(const std::string& key) {
    std::optional<std::string> result;
    machine_->read(key, [&](const kv::Entry* entry) {
      result = entry == nullptr ? "nothing" : entry->value + " " + std::to_string(entry->version);
    });
    CPPUNIT_ASSERT(world_->run_until([&] { return result.has_value(); }));
    return *result;
  }

  void a_retry_changes_nothing_and_has_the_first_result() {
    const kv::Command put = put_of({kClient, 1, 1}, "k", "one");
    const kv::Command del = del_of({kClient, 2, 1}, "k");
    const kv::Command del_nothing = del_of({kClient, 3, 1}, "other");
    CPPUNIT_ASSERT((apply(put) == kv::Applied{Outcome::kApplied, 1, 1}));
    CPPUNIT_ASSERT((apply(put) == kv::Applied{Outcome::kApplied, 1, 1}));
    CPPUNIT_ASSERT_EQUAL(std::string("one 1"), get("k"));
    CPPUNIT_ASSERT((apply(del) == kv::Applied{Outcome::kApplied, 1, 3}));
    CPPUNIT_ASSERT((apply(put) == kv::Applied{Outcome::kApplied, 1, 1}));
    CPPUNIT_ASSERT_EQUAL(std::string("nothing"), get("k"));
    CPPUNIT_ASSERT((apply(del_nothing) == kv::Applied{Outcome::kNotFound, 0, 5}));
    apply(put_of({}, "k", "two"));
    apply(put_of({}, "other", "three"));
    CPPUNIT_ASSERT((apply(del) == kv::Applied{Outcome::kApplied, 1, 3}));
    CPPUNIT_ASSERT((apply(del_nothing) == kv::Applied{Outcome::kNotFound, 0, 5}));
    CPPUNIT_ASSERT_EQUAL(std::string("two 1"), get("k"));
    CPPUNIT_ASSERT_EQUAL(std::string("three 1"), get("other"));
    CPPUNIT_ASSERT(world_->store().applied() == 9 && machine_->waiting() == 0);
  }

  void a_retry_may_be_right_behind_its_original() {
    std::vector<kv::Applied> results;
    for (Position position = 1; position <= 3; ++position) {
      machine_->apply(position, put_of({kClient, 1, 1}, "k", "v"),
                      [&](const kv::Applied& applied) { results.push_back(applied); });
    }
    CPPUNIT_ASSERT(world_->run_until([&] { return results.size() == 3; }));
    for (const kv::Applied& result : results) {
      CPPUNIT_ASSERT((result == kv::Applied{Outcome::kApplied, 1, 1}));
    }
    CPPUNIT_ASSERT_EQUAL(std::string("v 1"), get("k"));
    CPPUNIT_ASSERT(world_->store().applied() == 3);
  }

  void what_has_expired_changes_nothing() {
    apply(put_of({kClient, 5, 5}, "k", "five"));
    const auto digest = machine_->sessions().digest();
    CPPUNIT_ASSERT(
        (apply(put_of({kClient, 4, 1}, "k", "four")) == kv::Applied{Outcome::kExpired, 0, 2}));
    CPPUNIT_ASSERT((apply(del_of({kClient, 4, 1}, "k")) == kv::Applied{Outcome::kExpired, 0, 3}));
    CPPUNIT_ASSERT_EQUAL(std::string("five 1"), get("k"));
    CPPUNIT_ASSERT(machine_->sessions().digest() == digest);
    CPPUNIT_ASSERT(world_->store().applied() == 3);
  }

  void without_a_client_nothing_is_a_retry() {
    for (std::uint64_t i = 1; i <= 3; ++i) {
      CPPUNIT_ASSERT(apply(put_of({0, 1, 1}, "k", "v")).version == i);
    }
    CPPUNIT_ASSERT(apply(put_of({0, 1, 9}, "k", "v")).version == 4);
    CPPUNIT_ASSERT(machine_->sessions().sessions() == 0 && kept() == 0);
  }

  void without_sessions_nothing_is_a_retry() {
    begin({.sessions = kv::StateMachine::Sessions::kNone, .limits = {}});
    for (std::uint64_t i = 1; i <= 3; ++i) {
      CPPUNIT_ASSERT(apply(put_of({kClient, 1, 1}, "k", "v")).version == i);
    }
    CPPUNIT_ASSERT(apply(put_of({kClient, 1, 9}, "k", "v")).version == 4);
    CPPUNIT_ASSERT(machine_->sessions().sessions() == 0 && kept() == 0);
  }

  static constexpr kv::StateMachine::Options kRemembering = {
      .sessions = kv::StateMachine::Sessions::kRemember, .limits = {}};

  std::optional<kv::Applied> look_up(const OperationId& operation) {
    bool is_answered = false;
    std::optional<kv::Applied> result;
    machine_->look_up(operation, [&](const std::optional<kv::Applied>& known) {
      is_answered = true;
      result = known;
    });
    CPPUNIT_ASSERT(world_->run_until([&] { return is_answered; }));
    return result;
  }

  void a_look_up_tells_what_was_applied_and_changes_nothing() {
    for (const bool remembers : {false, true}) {
      if (remembers) {
        tearDown();
        setUp();
        begin(kRemembering);
      }
      CPPUNIT_ASSERT(!look_up({kClient, 3, 3}));
      const kv::Applied put = apply(put_of({kClient, 3, 3}, "k", "v"));
      const kv::Applied del = apply(del_of({kClient, 4, 3}, "other"));
      const auto digest = machine_->sessions().digest();
      CPPUNIT_ASSERT(look_up({kClient, 3, 3}) == put);
      CPPUNIT_ASSERT(look_up({kClient, 4, 3}) == del && del.outcome == Outcome::kNotFound);
      CPPUNIT_ASSERT((look_up({kClient, 2, 1}) == kv::Applied{Outcome::kExpired, 0, 2}));
      CPPUNIT_ASSERT(!look_up({kClient, 5, 5}) && !look_up({kClient + 1, 3, 3}));
      CPPUNIT_ASSERT(machine_->sessions().digest() == digest && kept() == 2);
      CPPUNIT_ASSERT(world_->store().applied() == 2);
    }
  }

  void a_look_up_is_behind_every_apply_before_it() {
    begin(kRemembering);
    std::vector<std::optional<kv::Applied>> known;
    const auto look = [&](std::uint64_t sequence) {
      machine_->look_up({kClient, sequence, 1},
                        [&](const std::optional<kv::Applied>& it) { known.push_back(it); });
    };
    machine_->apply(1, put_of({kClient, 1, 1}, "k", "one"), nullptr);
    look(1);
    look(2);
    machine_->apply(2, put_of({kClient, 2, 1}, "k", "two"), nullptr);
    look(2);
    CPPUNIT_ASSERT(world_->run_until([&] { return known.size() == 3; }));
    CPPUNIT_ASSERT((known[0] == kv::Applied{Outcome::kApplied, 1, 1}));
    CPPUNIT_ASSERT(!known[1].has_value());
    CPPUNIT_ASSERT((known[2] == kv::Applied{Outcome::kApplied, 2, 2}));
  }

  // Whoever applies has asked before. The first result stays the answer.
  void remembering_applies_whatever_comes() {
    begin(kRemembering);
    const kv::Command put = put_of({kClient, 1, 1}, "k", "v");
    const kv::Applied first = apply(put);
    CPPUNIT_ASSERT((apply(put) == kv::Applied{Outcome::kApplied, 2, 2}));
    CPPUNIT_ASSERT_EQUAL(std::string("v 2"), get("k"));
    CPPUNIT_ASSERT(look_up({kClient, 1, 1}) == first && kept() == 1);
    apply(put_of({}, "k", "w"));
    CPPUNIT_ASSERT_EQUAL(std::string("w 3"), get("k"));
    CPPUNIT_ASSERT(kept() == 1);
  }

  // Writes of one client that other replicas coordinate: here the later one comes first, and says
  // that nobody waits for the earlier one any more.
  void remembering_takes_operations_in_any_order() {
    begin(kRemembering);
    apply(put_of({kClient, 5, 5}, "k", "five"));
    CPPUNIT_ASSERT(
        (apply(put_of({kClient, 4, 1}, "j", "four")) == kv::Applied{Outcome::kApplied, 1, 2}));
    CPPUNIT_ASSERT_EQUAL(std::string("four 1"), get("j"));
    CPPUNIT_ASSERT((look_up({kClient, 4, 1}) == kv::Applied{Outcome::kExpired, 0, 2}));
    apply(put_of({kClient, 7, 5}, "k", "seven"));
    const kv::Applied six = apply(put_of({kClient, 6, 5}, "k", "six"));
    CPPUNIT_ASSERT(look_up({kClient, 6, 5}) == six && kept() == 3);
  }

  void what_is_remembered_is_known_to_the_next_state_machine() {
    begin(kRemembering);
    const kv::Applied first = apply(put_of({kClient, 6, 3}, "k", "v"));
    const auto digest = machine_->sessions().digest();
    begin(kRemembering);
    CPPUNIT_ASSERT(machine_->sessions().digest() == digest);
    CPPUNIT_ASSERT(look_up({kClient, 6, 3}) == first);
    CPPUNIT_ASSERT(look_up({kClient, 2, 1})->outcome == Outcome::kExpired);
  }

  void retries_are_known_to_the_next_state_machine() {
    const kv::Command put = put_of({kClient, 6, 3}, "k", "v");
    const kv::Applied first = apply(put);
    const auto digest = machine_->sessions().digest();
    begin({});
    CPPUNIT_ASSERT(machine_->sessions().digest() == digest);
    CPPUNIT_ASSERT(apply(put) == first);
    CPPUNIT_ASSERT(apply(put_of({kClient, 2, 1}, "k", "w")).outcome == Outcome::kExpired);
    CPPUNIT_ASSERT_EQUAL(std::string("v 1"), get("k"));
  }

  static constexpr kv::StateMachine::Options kSmall = {
      .sessions = kv::StateMachine::Sessions::kRecognise, .limits = kSmallLimits};
  static constexpr kv::StateMachine::Options kSmallRemembering = {
      .sessions = kv::StateMachine::Sessions::kRemember, .limits = kSmallLimits};

  static kv::StepsResult told(const kv::Applied& applied) {
    CPPUNIT_ASSERT(applied.outcome == Outcome::kApplied && applied.told != nullptr);
    Result<kv::StepsResult> result = kv::decode_result(*applied.told);
    CPPUNIT_ASSERT(result.ok());
    return std::move(result).value();
  }

  void a_transaction_is_answered_from_the_record() {
    for (const kv::StateMachine::Options& options : {kv::StateMachine::Options(), kRemembering}) {
      tearDown();
      setUp();
      begin(options);
      const kv::Command incr = incr_of({kClient, 1, 1}, "n");
      const kv::Applied first = apply(incr);
      CPPUNIT_ASSERT(first.position == 1 && told(first).results[0].number == 1);
      CPPUNIT_ASSERT(told(apply(incr_of({kClient, 2, 1}, "n"))).results[0].number == 2);
      CPPUNIT_ASSERT(look_up({kClient, 1, 1}) == first);
      if (options.sessions == kv::StateMachine::Sessions::kRecognise) {
        CPPUNIT_ASSERT(apply(incr) == first);
      }
      const auto digest = machine_->sessions().digest();
      begin(options);
      CPPUNIT_ASSERT(machine_->sessions().digest() == digest);
      CPPUNIT_ASSERT(look_up({kClient, 1, 1}) == first);
      CPPUNIT_ASSERT_EQUAL(std::string("2 2"), get("n"));
    }
  }

  void a_refused_transaction_is_answered_from_the_record() {
    apply(put_of({}, "n", "text"));
    const kv::Command incr = incr_of({kClient, 1, 1}, "n");
    const kv::Applied first = apply(incr);
    CPPUNIT_ASSERT(first.outcome == Outcome::kInvalid && first.position == 2);
    CPPUNIT_ASSERT(first.told != nullptr && first.told->find("no decimal") != std::string::npos);
    apply(put_of({}, "n", "1"));
    CPPUNIT_ASSERT(apply(incr) == first);
    begin({});
    CPPUNIT_ASSERT(apply(incr) == first);
    CPPUNIT_ASSERT_EQUAL(std::string("1 2"), get("n"));
  }

  void an_epoch_is_a_command() {
    for (const kv::StateMachine::Options& options : {kv::StateMachine::Options(), kRemembering}) {
      tearDown();
      setUp();
      begin(options);
      apply(put_of({kClient, in(0, 1), 1}, "k", "v"));
      CPPUNIT_ASSERT((apply(epoch_of(1)) == kv::Applied{Outcome::kApplied, 0, 2}));
      CPPUNIT_ASSERT((apply(epoch_of(1)) == kv::Applied{Outcome::kApplied, 0, 3}));
      CPPUNIT_ASSERT(machine_->sessions().epoch() == 1 && world_->store().epoch() == 1);
      CPPUNIT_ASSERT(look_up({kClient, in(0, 1), 1})->position == 1);
      apply(put_of({kClient, in(1, 1), 1}, "k", "w"));
      apply(epoch_of(3));  // not the next one
      CPPUNIT_ASSERT(machine_->sessions().epoch() == 1);
      apply(epoch_of(2));
      CPPUNIT_ASSERT(machine_->sessions().epoch() == 2 && world_->store().epoch() == 2);
      CPPUNIT_ASSERT(look_up({kClient, in(0, 1), 1})->outcome == Outcome::kExpired);
      CPPUNIT_ASSERT(look_up({kClient, in(1, 1), 1})->position == 4);
      CPPUNIT_ASSERT(look_up({kClient, in(4, 1), 1})->outcome == Outcome::kInvalid);
      CPPUNIT_ASSERT(kept() == 1 && world_->store().keys() == 1);
      CPPUNIT_ASSERT_EQUAL(std::string("w 2"), get("k"));
    }
  }

  void an_epoch_is_known_to_the_next_state_machine() {
    apply(epoch_of(1));
    apply(epoch_of(2));
    apply(put_of({kClient, in(2, 1), 1}, "k", "v"));
    const auto digest = machine_->sessions().digest();
    begin({});
    CPPUNIT_ASSERT(machine_->sessions().epoch() == 2 && machine_->sessions().digest() == digest);
    CPPUNIT_ASSERT(apply(put_of({kClient + 1, in(0, 1), 1}, "k", "w")).outcome ==
                   Outcome::kExpired);
    CPPUNIT_ASSERT(apply(put_of({kClient, in(2, 1), 1}, "k", "w")).position == 3);
  }

  void fill_clients() {
    for (std::uint64_t client = 1; client <= kSmallLimits.sessions_max; ++client) {
      apply(put_of({client, 1, 1}, "k", "v"));
    }
  }

  void without_room_a_write_is_refused_and_not_remembered() {
    begin(kSmall);
    fill_clients();
    const kv::Command put = put_of({9, 1, 1}, "new", "v");
    for (const kv::Command& command : {put, incr_of({9, 2, 1}, "new")}) {
      const kv::Applied refused = apply(command);
      CPPUNIT_ASSERT(refused.outcome == Outcome::kFull && refused.told != nullptr);
      CPPUNIT_ASSERT(refused.position == world_->store().applied());
    }
    CPPUNIT_ASSERT(look_up({9, 1, 1})->outcome == Outcome::kFull);
    CPPUNIT_ASSERT_EQUAL(std::string("nothing"), get("new"));
    CPPUNIT_ASSERT(kept() == kSmallLimits.sessions_max);
    CPPUNIT_ASSERT(apply(put_of({}, "k", "w")).outcome == Outcome::kApplied);  // nobody's
    apply(epoch_of(1));
    apply(epoch_of(2));
    // What was refused was not applied, and its epoch is over now.
    CPPUNIT_ASSERT(apply(put).outcome == Outcome::kExpired);
    CPPUNIT_ASSERT(apply(put_of({9, in(2, 1), 1}, "new", "v")).outcome == Outcome::kApplied);
    CPPUNIT_ASSERT(kept() == 1);
  }

  // The protocol has asked; what it decided is applied.
  void remembering_applies_without_room() {
    begin(kSmallRemembering);
    fill_clients();
    CPPUNIT_ASSERT(look_up({9, 1, 1})->outcome == Outcome::kFull);
    const kv::Applied applied = apply(put_of({9, 1, 1}, "new", "v"));
    CPPUNIT_ASSERT(applied.outcome == Outcome::kApplied && look_up({9, 1, 1}) == applied);
    CPPUNIT_ASSERT_EQUAL(std::string("v 1"), get("new"));
    CPPUNIT_ASSERT(kept() == kSmallLimits.sessions_max + 1);
    // Its epoch is over here already, and not where it was decided.
    apply(epoch_of(1));
    apply(epoch_of(2));
    CPPUNIT_ASSERT(apply(put_of({9, 2, 1}, "new", "w")).outcome == Outcome::kApplied);
    CPPUNIT_ASSERT(look_up({9, 2, 1})->outcome == Outcome::kExpired && kept() == 0);
    CPPUNIT_ASSERT_EQUAL(std::string("w 2"), get("new"));
  }

  void many_transactions_do_not_grow_the_stack() {
    constexpr Position kCount = 50'000;
    std::size_t read = 0;
    const auto look = std::make_shared<const kv::Transaction>(
        kv::Transaction{{}, {{kv::Step::Kind::kGet, "n", {}, 0, true}}, {}});
    for (Position position = 1; position <= kCount; ++position) {
      machine_->apply(position, incr_of({}, "n"), nullptr);
      if (position % 2 == 0) machine_->read(look, [&](const kv::Applied&) { ++read; });
    }
    CPPUNIT_ASSERT(world_->run_until(
        [&] { return world_->store().applied() == kCount && read == kCount / 2; }));
    CPPUNIT_ASSERT_EQUAL(std::to_string(kCount) + " " + std::to_string(kCount), get("n"));
  }

  void many_retries_do_not_grow_the_stack() {
    constexpr Position kCount = 200'000;
    Position position = 0;
    std::function<void(const kv::Applied&)> next = [&](const kv::Applied&) {
      if (position < kCount) machine_->apply(++position, put_of({kClient, 1, 1}, "k", "v"), next);
    };
    for (int i = 0; i < 50'000; ++i) {
      machine_->apply(++position, put_of({kClient, 1, 1}, "k", "v"), nullptr);
    }
    next({});
    CPPUNIT_ASSERT(world_->run_until([&] { return world_->store().applied() == kCount; }));
    CPPUNIT_ASSERT(machine_->waiting() == 0);
  }

  std::size_t kept() {
    std::size_t count = 0;
    world_->store().visit_replies([&count](const kv::ReplyId&, const kv::Reply&) { ++count; });
    return count;
  }

  void replies_are_kept_in_order() {
    const kv::Reply reply{{Outcome::kApplied, 3, 1}, 2};
    const kv::Reply other{{Outcome::kApplied, 0, 2, std::make_shared<const std::string>("told\0"s)},
                          4};
    kv::Store& store = world_->store();
    store.apply(1, {}, {{{{0x100, 5}, reply}, {{2, 9}, reply}, {{2, 0x100}, reply}}, {}});
    store.apply(2, {}, {{{{2, 9}, std::nullopt}, {{UINT64_MAX, UINT64_MAX}, other}}, {}});
    store.apply(3, {}, {{{{2, 0x100}, other}, {{99, 1}, std::nullopt}}, {}});
    std::vector<std::pair<kv::ReplyId, kv::Reply>> visited;
    store.visit_replies(
        [&visited](const kv::ReplyId& id, const kv::Reply& it) { visited.emplace_back(id, it); });
    CPPUNIT_ASSERT(
        (visited ==
         std::vector<std::pair<kv::ReplyId, kv::Reply>>{
             {{2, 0x100}, other}, {{0x100, 5}, reply}, {{UINT64_MAX, UINT64_MAX}, other}}));
    CPPUNIT_ASSERT(store.keys() == 0 && store.applied() == 3);
  }

  static kv::Command random_command(Random& random, std::uint64_t epoch) {
    if (random.below(40) == 0) return epoch_of(epoch + random.below(3));
    const std::uint64_t client = random.below(6);
    const std::uint64_t sequence =
        in(epoch - std::min(epoch, random.below(3)) + random.below(3), 1 + random.below(9));
    const OperationId operation{client, sequence,
                                random.below(3) == 0 ? sequence - random.below(4) : 1};
    const std::string key(1, static_cast<char>('a' + random.below(5)));
    switch (random.below(4)) {
      case 0:
        return del_of(operation, key);
      case 1:
        return incr_of(operation, key);
      case 2:
        return transaction_of(operation, {{{.key = key, .number = random.below(2), .value = ""}},
                                          {{kv::Step::Kind::kDelRange, key, {}, 0, false}},
                                          {{kv::Step::Kind::kGet, "a", {}, 0, true},
                                           {kv::Step::Kind::kPut, key, "1", 0, true}}});
      default:
        return put_of(operation, key, std::to_string(sequence));
    }
  }

  // The same commands, one by one on a store in memory; here in batches of any size, with writes
  // and new state machines in between.
  void equal_commands_make_equal_sessions() {
    kv::MemoryStore plain_store;
    kv::StateMachine plain(plain_store, kSmall);
    begin(kSmall);
    Random random(9);
    std::vector<kv::Applied> expected;
    std::vector<kv::Applied> actual;
    for (Position position = 1; position <= 3000; ++position) {
      const kv::Command command = random_command(random, plain.sessions().epoch());
      plain.apply(position, command, [&](const kv::Applied& it) { expected.push_back(it); });
      machine_->apply(position, command, [&](const kv::Applied& it) { actual.push_back(it); });
      if (random.below(10) != 0) continue;
      CPPUNIT_ASSERT(world_->run_until([&] { return actual.size() == position; }));
      CPPUNIT_ASSERT(machine_->sessions().digest() == plain.sessions().digest());
      if (random.below(4) == 0) world_->store().write();
      if (random.below(4) == 0) begin(kSmall);
    }
    CPPUNIT_ASSERT(world_->run_until([&] { return actual.size() == expected.size(); }));
    CPPUNIT_ASSERT(actual == expected);
    CPPUNIT_ASSERT(plain.sessions().epoch() > 10);
    for (const Outcome outcome : {Outcome::kApplied, Outcome::kNotFound, Outcome::kExpired,
                                  Outcome::kInvalid, Outcome::kFull}) {
      CPPUNIT_ASSERT(std::any_of(actual.begin(), actual.end(), [outcome](const kv::Applied& it) {
        return it.outcome == outcome;
      }));
    }
    world_->store().write();
    CPPUNIT_ASSERT(world_->run_until([&] { return world_->store().durable() == 3000; }));
    std::optional<kv::StateHash> hash;
    world_->store().hash([&](const kv::StateHash& it) { hash = it; });
    CPPUNIT_ASSERT(world_->run_until([&] { return hash.has_value(); }));
    plain_store.hash([&](const kv::StateHash& it) { CPPUNIT_ASSERT(it.hash == hash->hash); });
  }

  std::unique_ptr<StoreWorld> world_;
  std::unique_ptr<kv::StateMachine> machine_;
};

class SessionsOnMemoryStore : public SessionContract {
  CPPUNIT_TEST_SUB_SUITE(SessionsOnMemoryStore, SessionContract);
  CPPUNIT_TEST_SUITE_END();
  std::unique_ptr<StoreWorld> make_world() override { return memory_store_world(); }
};

class SessionsOnDeferringStore : public SessionContract {
  CPPUNIT_TEST_SUB_SUITE(SessionsOnDeferringStore, SessionContract);
  CPPUNIT_TEST_SUITE_END();
  std::unique_ptr<StoreWorld> make_world() override { return deferring_store_world(); }
};

class SessionsOnRocksStore : public SessionContract {
  CPPUNIT_TEST_SUB_SUITE(SessionsOnRocksStore, SessionContract);
  CPPUNIT_TEST_SUITE_END();
  std::unique_ptr<StoreWorld> make_world() override { return rocks_store_world(); }
};

class SessionsOnFlushedRocksStore : public SessionContract {
  CPPUNIT_TEST_SUB_SUITE(SessionsOnFlushedRocksStore, SessionContract);
  CPPUNIT_TEST_SUITE_END();
  std::unique_ptr<StoreWorld> make_world() override { return flushed_rocks_store_world(); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SessionsOnMemoryStore);
CPPUNIT_TEST_SUITE_REGISTRATION(SessionsOnDeferringStore);
CPPUNIT_TEST_SUITE_REGISTRATION(SessionsOnRocksStore);
CPPUNIT_TEST_SUITE_REGISTRATION(SessionsOnFlushedRocksStore);

}  // namespace
}  // namespace rkv::contract
