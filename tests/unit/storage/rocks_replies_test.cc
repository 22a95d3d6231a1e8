// The session table on disk: what it is after a restart, and what a damaged one is taken for.

#include <rocksdb/db.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/limits.h"
#include "base/random.h"
#include "kv/state_machine.h"
#include "storage/format.h"
#include "store_fixture.h"

namespace rkv::storage {
namespace {

using namespace std::string_literals;
using Outcome = kv::Applied::Outcome;

kv::Command put_of(const OperationId& operation, std::string key, std::string value) {
  return {kv::Command::Kind::kPut, operation, std::move(key), std::move(value)};
}

class RocksRepliesTest : public StoreFixture {
  CPPUNIT_TEST_SUITE(RocksRepliesTest);
  CPPUNIT_TEST(a_retry_is_known_after_a_restart);
  CPPUNIT_TEST(a_reply_is_durable_with_its_change_or_not_at_all);
  CPPUNIT_TEST(dropped_replies_are_gone_after_a_restart);
  CPPUNIT_TEST(sessions_are_the_same_after_any_restart);
  CPPUNIT_TEST(replies_are_as_the_format_says);
  CPPUNIT_TEST(what_was_told_is_known_after_a_restart);
  CPPUNIT_TEST(replies_of_the_format_before_are_read);
  CPPUNIT_TEST(the_epoch_is_durable_with_its_position_or_not_at_all);
  CPPUNIT_TEST(a_bad_epoch_is_refused);
  CPPUNIT_TEST(bad_replies_are_refused);
  CPPUNIT_TEST(replies_are_not_hashed);
  CPPUNIT_TEST_SUITE_END();

  static kv::Applied apply(kv::StateMachine& machine, const RocksStore& store,
                           const kv::Command& command) {
    kv::Applied result;
    machine.apply(store.applied() + 1, command, [&](const kv::Applied& it) { result = it; });
    return result;
  }

  void a_retry_is_known_after_a_restart() {
    const kv::Command put = put_of({7, 3, 2}, "key", "one");
    {
      const auto store = open();
      kv::StateMachine machine(*store, {});
      CPPUNIT_ASSERT((apply(machine, *store, put) == kv::Applied{Outcome::kApplied, 1, 1}));
      apply(machine, *store, put_of({8, 1, 1}, "key", "two"));
      write_all(*store);
    }
    for (Position restarts = 1; restarts <= 2; ++restarts) {
      const auto store = open();
      kv::StateMachine machine(*store, {});
      CPPUNIT_ASSERT((apply(machine, *store, put) == kv::Applied{Outcome::kApplied, 1, 1}));
      CPPUNIT_ASSERT(apply(machine, *store, put_of({7, 1, 1}, "key", "old")).outcome ==
                     Outcome::kExpired);
      CPPUNIT_ASSERT(store->applied() == 2 + 2 * restarts);
      CPPUNIT_ASSERT(get(*store, "key")->value == "two" && get(*store, "key")->version == 2);
      write_all(*store);
    }
  }

  void a_reply_is_durable_with_its_change_or_not_at_all() {
    const kv::Command put = put_of({7, 1, 1}, "key", "one");
    {
      const auto store = open();
      kv::StateMachine machine(*store, {});
      apply(machine, *store, put_of({}, "other", "x"));
      write_all(*store);
      apply(machine, *store, put);
    }
    const auto store = open();
    kv::StateMachine machine(*store, {});
    CPPUNIT_ASSERT(machine.sessions().sessions() == 0 && !get(*store, "key"));
    CPPUNIT_ASSERT((apply(machine, *store, put) == kv::Applied{Outcome::kApplied, 1, 2}));
  }

  void dropped_replies_are_gone_after_a_restart() {
    {
      const auto store = open();
      kv::StateMachine machine(*store, {});
      for (std::uint64_t i = 1; i <= 5; ++i) {
        apply(machine, *store, put_of({7, i, i > 2 ? i - 2 : 1}, "key", std::to_string(i)));
        if (i % 2 == 0) write_all(*store);
      }
      write_all(*store);
    }
    const auto store = open();
    std::vector<std::uint64_t> sequences;
    store->visit_replies([&](const kv::ReplyId& id, const kv::Reply&) {
      CPPUNIT_ASSERT(id.client == 7);
      sequences.push_back(id.sequence);
    });
    CPPUNIT_ASSERT((sequences == std::vector<std::uint64_t>{3, 4, 5}));
  }

  // The same commands go to a state machine that never restarts.
  void sessions_are_the_same_after_any_restart() {
    const kv::StateMachine::Options options = {.sessions = kv::StateMachine::Sessions::kRecognise,
                                               .limits = {3, 4, 10}};
    kv::MemoryStore reference_store;
    kv::StateMachine reference(reference_store, options);
    Random random(4);
    std::map<std::uint64_t, std::uint64_t> next;
    for (int restart = 0; restart < 20; ++restart) {
      const auto store = open();
      kv::StateMachine machine(*store, options);
      CPPUNIT_ASSERT(machine.sessions().digest() == reference.sessions().digest());
      for (int i = 0; i < 40; ++i) {
        const std::uint64_t client = 1 + random.below(5);
        const std::uint64_t highest = next[client] += 1 + random.below(2);
        const std::uint64_t sequence = highest - std::min(highest - 1, random.below(4));
        const kv::Command put =
            put_of({client, sequence, sequence - std::min(sequence, random.below(9))}, "key", "v");
        const kv::Applied applied = apply(machine, *store, put);
        reference.apply(store->applied(), put,
                        [&](const kv::Applied& it) { CPPUNIT_ASSERT(it == applied); });
        if (random.below(5) == 0) store->write();
      }
      write_all(*store);
    }
  }

  std::unique_ptr<rocksdb::DB> open_database() {
    rocksdb::DB* database = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open({}, directory(), &database);
    CPPUNIT_ASSERT_MESSAGE(status.ToString(), status.ok());
    return std::unique_ptr<rocksdb::DB>(database);
  }

  void write_one_reply() {
    const auto store = open();
    store->apply(1, {}, of_reply({{0x102, 3}, kv::Reply{{Outcome::kNotFound, 5, 1}, 2}}));
    write_all(*store);
  }

  static kv::SessionChanges of_reply(kv::ReplyChange change) {
    kv::SessionChanges changes;
    changes.replies.push_back(std::move(change));
    return changes;
  }

  std::string record_in_database(const std::string& key) {
    std::string record;
    CPPUNIT_ASSERT(open_database()->Get({}, key, &record).ok());
    return record;
  }

  void replies_are_as_the_format_says() {
    write_one_reply();
    const std::string first = "\2\0\0\0\2\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"s;
    CPPUNIT_ASSERT_EQUAL(first, record_in_database("s\0\0\0\0\0\0\1\2\0\0\0\0\0\0\0\3"s));
    {
      const auto store = open();
      const auto told = std::make_shared<const std::string>("why\0"s);
      store->apply(2, {}, of_reply({{1, 1}, kv::Reply{{Outcome::kInvalid, 0, 2, told}, 1}}));
      write_all(*store);
    }
    const std::string second = "\2\0\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1why\0"s;
    CPPUNIT_ASSERT_EQUAL(second, record_in_database(encode_reply_key({1, 1})));
  }

  void what_was_told_is_known_after_a_restart() {
    const std::string large(kStepsResultSizeMax, '\0');
    {
      const auto store = open();
      Position position = 0;
      for (const std::string& told : {"short"s, large, ""s}) {
        ++position;
        kv::Reply reply = {{Outcome::kApplied, 0, position, nullptr}, 1};
        if (!told.empty()) reply.applied.told = std::make_shared<const std::string>(told);
        store->apply(position, {}, of_reply({{1, position}, reply}));
      }
      write_all(*store);
    }
    std::vector<std::string> told;
    open()->visit_replies([&](const kv::ReplyId&, const kv::Reply& reply) {
      const SharedBytes& bytes = reply.applied.told;
      told.push_back(bytes == nullptr ? "null" : *bytes);
    });
    CPPUNIT_ASSERT((told == std::vector<std::string>{"short", large, "null"}));
  }

  // What programs wrote before replies could tell anything.
  void replies_of_the_format_before_are_read() {
    write_one_reply();
    const std::string record = "\1\0\0\0\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"s;
    CPPUNIT_ASSERT(open_database()->Put({}, encode_reply_key({9, 4}), record).ok());
    std::vector<kv::Reply> replies;
    open()->visit_replies([&](const kv::ReplyId& id, const kv::Reply& reply) {
      if (id == kv::ReplyId{9, 4}) replies.push_back(reply);
    });
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, replies.size());
    CPPUNIT_ASSERT((replies[0] == kv::Reply{{Outcome::kApplied, 5, 1}, 2}));
  }

  void the_epoch_is_durable_with_its_position_or_not_at_all() {
    {
      const auto store = open();
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, store->epoch());
      store->apply(1, {}, {});
      store->apply(2, {}, {.replies = {}, .epoch = 1});
      store->apply(3, {}, {.replies = {}, .epoch = 2});
      store->apply(4, {}, {});
      write_all(*store);
      store->apply(5, {}, {.replies = {}, .epoch = 3});
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, store->epoch());
    }
    CPPUNIT_ASSERT_EQUAL("\0\0\0\0\0\0\0\2"s, record_in_database("mepoch"));
    const auto store = open();
    CPPUNIT_ASSERT(store->applied() == 4);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, store->epoch());
    store->apply(5, {}, {});
    write_all(*store);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, store->epoch());
  }

  void a_bad_epoch_is_refused() {
    write_one_reply();
    assert_refused_with("mepoch", "1234567", "metadata \"epoch\": its record is no number");
  }

  void assert_refused_with(const std::string& key, const std::string& record,
                           const std::string& part) {
    CPPUNIT_ASSERT(open_database()->Put({}, key, record).ok());
    const Status refused = try_open(directory(), false).status();
    CPPUNIT_ASSERT(refused.code() == StatusCode::kInternal);
    CPPUNIT_ASSERT_MESSAGE(refused.reason(), refused.reason().find(part) != std::string::npos);
    CPPUNIT_ASSERT(open_database()->Delete({}, key).ok());
    CPPUNIT_ASSERT(try_open(directory(), false).ok());
  }

  void bad_replies_are_refused() {
    write_one_reply();
    const std::string key = encode_reply_key({9, 4});
    const auto record_of = [](Outcome outcome, Position position, std::uint64_t outstanding) {
      return encode_reply({{outcome, 1, position}, outstanding});
    };
    const std::string good = record_of(Outcome::kApplied, 1, 1);
    const std::string name = "the reply to client 9, sequence 4: ";
    assert_refused_with(key, "", name + "its record is empty");
    assert_refused_with(key, good.substr(0, 28),
                        name + "its record has 28 bytes and not from 29 to 1114141");
    assert_refused_with(key, good + std::string(kStepsResultSizeMax + 1, 't'),
                        name + "its record has 1114142 bytes");
    assert_refused_with(key, '\1' + good.substr(1) + '\0',
                        name + "its record has 30 bytes and not from 29 to 29");
    assert_refused_with(key, '\3' + good.substr(1),
                        name + "its record has the unknown format 0x03");
    assert_refused_with(key, record_of(Outcome::kExpired, 1, 1), "the unknown outcome 3");
    assert_refused_with(key, record_of(Outcome::kFull, 1, 1), "the unknown outcome 6");
    assert_refused_with(key, record_of(Outcome::kApplied, 0, 1), "has position 0");
    assert_refused_with(key, record_of(Outcome::kApplied, 2, 1), "above the replica's, 1");
    assert_refused_with(key, record_of(Outcome::kApplied, 1, 5), "not to wait");
    assert_refused_with(key.substr(0, 16), good, "no client and sequence");
    assert_refused_with(key + "x", good, "no client and sequence");
    assert_refused_with(encode_reply_key({0, 4}), good, "no client and sequence");
  }

  void replies_are_not_hashed() {
    const auto store = open();
    put(*store, "key", "value");
    store->apply(2, {}, of_reply({{1, 1}, kv::Reply{{Outcome::kNotFound, 0, 2}, 1}}));
    write_all(*store);
    kv::MemoryStore plain;
    plain.apply(1, {kv::Change{"key", kv::Entry{"value", 1, 1}}}, {});
    std::optional<kv::StateHash> hash;
    store->hash([&](const kv::StateHash& it) { hash = it; });
    CPPUNIT_ASSERT(loop_.run_until([&] { return hash.has_value(); }));
    plain.hash([&](const kv::StateHash& it) { CPPUNIT_ASSERT(it.hash == hash->hash); });
    CPPUNIT_ASSERT(hash->keys == 1 && hash->position == 2);
  }
};

class FlushedRocksRepliesTest : public RocksRepliesTest {
  CPPUNIT_TEST_SUB_SUITE(FlushedRocksRepliesTest, RocksRepliesTest);
  CPPUNIT_TEST_SUITE_END();
  Durability durability() const override { return Durability::kFlush; }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RocksRepliesTest);
CPPUNIT_TEST_SUITE_REGISTRATION(FlushedRocksRepliesTest);

}  // namespace
}  // namespace rkv::storage
