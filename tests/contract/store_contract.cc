#include "store_contract.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "aborts.h"
#include "base/limits.h"
#include "base/random.h"
#include "kv/history.h"
#include "kv/state_hash.h"

namespace rkv::contract {
namespace {

using namespace std::string_literals;

std::vector<kv::Change> one_change(kv::Change change) {
  std::vector<kv::Change> changes;
  changes.push_back(std::move(change));
  return changes;
}

}  // namespace

void StoreContract::put(std::string_view key, std::string_view value, std::uint64_t version) {
  const Position position = store().applied() + 1;
  store().apply(
      position,
      one_change({std::string(key), kv::Entry{std::string(value), version, position, position}}),
      {});
}

void StoreContract::remove(std::string_view key) {
  store().apply(store().applied() + 1, one_change({std::string(key), std::nullopt}), {});
}

std::optional<kv::Entry> StoreContract::get(std::string_view key) {
  bool answered = false;
  std::optional<kv::Entry> result;
  store().get(key, [&](const kv::Entry* entry) {
    answered = true;
    if (entry != nullptr) result = *entry;
  });
  CPPUNIT_ASSERT(world_->run_until([&] { return answered; }));
  return result;
}

kv::StateHash StoreContract::hash() {
  std::optional<kv::StateHash> result;
  store().hash([&](const kv::StateHash& hash) { result = hash; });
  CPPUNIT_ASSERT(world_->run_until([&] { return result.has_value(); }));
  return *result;
}

kv::ScanPage StoreContract::scan(const kv::Scan& scan) {
  std::optional<kv::ScanPage> result;
  store().scan(scan, [&](kv::ScanPage&& page) { result = std::move(page); });
  CPPUNIT_ASSERT(world_->run_until([&] { return result.has_value(); }));
  return std::move(*result);
}

std::string StoreContract::text_at(Position at) {
  kv::Scan all;
  all.at = at;
  const kv::ScanPage page = scan(all);
  if (page.gone) return "gone";
  std::string text;
  for (const kv::ScannedEntry& entry : page.entries) text += entry.key + "=" + entry.value + ",";
  return text;
}

void StoreContract::write_all() {
  store().write();
  CPPUNIT_ASSERT(world_->run_until([this] { return store().durable() == store().applied(); }));
}

void StoreContract::a_new_store_is_empty() {
  CPPUNIT_ASSERT(store().applied() == 0 && store().durable() == 0 && store().keys() == 0);
  CPPUNIT_ASSERT(!get("key"));
  CPPUNIT_ASSERT(!get(""));
}

void StoreContract::get_finds_what_was_applied() {
  put("key", "value", 7);
  CPPUNIT_ASSERT(store().applied() == 1 && store().keys() == 1);
  const std::optional<kv::Entry> entry = get("key");
  CPPUNIT_ASSERT(entry && entry->value == "value" && entry->version == 7 && entry->position == 1);
  CPPUNIT_ASSERT(!get("ke") && !get("key2") && !get("kez"));
  put("key", "other", 8);
  CPPUNIT_ASSERT(store().keys() == 1);
  CPPUNIT_ASSERT(get("key")->value == "other" && get("key")->position == 2);
  remove("key");
  CPPUNIT_ASSERT(store().keys() == 0 && store().applied() == 3);
  CPPUNIT_ASSERT(!get("key"));
}

void StoreContract::get_sees_applies_before_it_and_none_after() {
  std::vector<std::string> seen(4, "unanswered");
  const auto ask = [&](std::size_t i) {
    store().get("key", [&seen, i](const kv::Entry* entry) {
      seen[i] = entry == nullptr ? "nothing" : entry->value;
    });
  };
  ask(0);
  put("key", "one");
  ask(1);
  put("key", "two");
  ask(2);
  remove("key");
  ask(3);
  CPPUNIT_ASSERT(world_->run_until([&] {
    for (const std::string& value : seen) {
      if (value == "unanswered") return false;
    }
    return true;
  }));
  CPPUNIT_ASSERT((seen == std::vector<std::string>{"nothing", "one", "two", "nothing"}));
}

void StoreContract::changes_of_one_position_are_applied_in_order() {
  std::vector<kv::Change> changes;
  changes.push_back({"a", kv::Entry{"1", 1, 1}});
  changes.push_back({"b", kv::Entry{"2", 1, 1}});
  changes.push_back({"a", std::nullopt});
  changes.push_back({"b", kv::Entry{"3", 2, 1}});
  store().apply(1, std::move(changes), {});
  CPPUNIT_ASSERT(!get("a"));
  CPPUNIT_ASSERT(get("b")->value == "3");
  CPPUNIT_ASSERT(store().keys() == 1);
}

void StoreContract::a_position_may_change_nothing() {
  store().apply(1, {}, {});
  remove("never there");
  CPPUNIT_ASSERT(store().applied() == 2 && store().keys() == 0);
  write_all();
  CPPUNIT_ASSERT(store().durable() == 2);
}

void StoreContract::keys_and_values_are_any_bytes() {
  const std::vector<std::string> keys = {
      "\0"s, "\0\0"s, "\xFF"s, "a\0b"s, "a"s, "m"s, "mposition"s, std::string(kKeySizeMax, '\xFF')};
  for (const std::string& key : keys) put(key, key + "\0value"s);
  put("empty", "");
  put("large", std::string(kValueSizeMax, '\0'));
  write_all();
  for (const std::string& key : keys) CPPUNIT_ASSERT(get(key)->value == key + "\0value"s);
  CPPUNIT_ASSERT(get("empty") && get("empty")->value.empty());
  CPPUNIT_ASSERT(get("large")->value == std::string(kValueSizeMax, '\0'));
  CPPUNIT_ASSERT(store().keys() == keys.size() + 2);
}

void StoreContract::positions_must_follow_one_another() {
  put("a", "1");
  put("a", "2");
  for (const Position position : {0U, 1U, 2U, 4U}) {
    CPPUNIT_ASSERT(aborts([&] { store().apply(position, {}, {}); }));
  }
  CPPUNIT_ASSERT(!aborts([&] { ::_exit(0); }));
}

void StoreContract::durable_comes_with_write() {
  std::vector<Position> told;
  store().set_durable_listener([&](Position durable) {
    CPPUNIT_ASSERT(durable == store().durable());
    told.push_back(durable);
  });
  put("a", "1");
  CPPUNIT_ASSERT(store().durable() == 0 && told.empty());
  write_all();
  CPPUNIT_ASSERT((told == std::vector<Position>{1}));
  put("a", "2");
  CPPUNIT_ASSERT(store().durable() == 1);
}

void StoreContract::write_of_nothing_new_tells_nobody() {
  int told = 0;
  store().set_durable_listener([&](Position) { ++told; });
  store().write();
  put("a", "1");
  write_all();
  store().write();
  store().write();
  CPPUNIT_ASSERT(hash().position == 1);  // whatever there was to do has had its time
  CPPUNIT_ASSERT_EQUAL(1, told);
}

void StoreContract::durable_grows_to_what_was_applied() {
  Position last = 0;
  store().set_durable_listener([&](Position durable) {
    CPPUNIT_ASSERT(durable > last && durable <= store().applied());
    last = durable;
  });
  Random random(7);
  for (int i = 0; i < 500; ++i) {
    put("key " + std::to_string(random.below(50)), std::string(random.below(300), 'v'));
    if (random.below(3) == 0) store().write();
    if (random.below(10) == 0) write_all();
  }
  write_all();
  CPPUNIT_ASSERT(last == 500 && store().durable() == 500);
}

void StoreContract::write_from_the_listener() {
  store().set_durable_listener([&](Position durable) {
    if (durable >= 10) return;
    put("key", std::to_string(durable));
    store().write();
  });
  put("key", "first");
  store().write();
  CPPUNIT_ASSERT(world_->run_until([&] { return store().durable() == 10; }));
  CPPUNIT_ASSERT(get("key")->value == "9");
}

void StoreContract::hash_of_nothing() {
  const kv::StateHash empty = hash();
  CPPUNIT_ASSERT(empty.hash == kv::StateHasher().finish(0).hash);
  CPPUNIT_ASSERT(empty.position == 0 && empty.keys == 0);
}

void StoreContract::hash_is_of_the_content_in_order() {
  put("b", "2", 5);
  put("\xFF", "4");
  put("a", "1");
  put("gone", "x");
  remove("gone");
  put("a\0"s, "");
  write_all();
  kv::StateHasher expected;
  expected.add("a", 1, "1");
  expected.add("a\0"s, 1, "");
  expected.add("b", 5, "2");
  expected.add("\xFF", 1, "4");
  const kv::StateHash actual = hash();
  CPPUNIT_ASSERT(actual.hash == expected.finish(0).hash);
  CPPUNIT_ASSERT(actual.position == 6 && actual.keys == 4);
}

void StoreContract::hash_stands_for_a_position() {
  std::vector<std::array<std::uint8_t, 16>> at_position;
  kv::StateHasher hasher;
  at_position.push_back(hasher.finish(0).hash);
  for (int i = 0; i < 200; ++i) {
    hasher.add("key " + std::to_string(1000 + i), 1, "value");
    at_position.push_back(hasher.finish(0).hash);
  }
  int answers = 0;
  for (int i = 0; i < 200; ++i) {
    put("key " + std::to_string(1000 + i), "value");
    if (i % 3 == 0) store().write();
    if (i % 20 != 0) continue;
    const Position before = store().durable();
    store().hash([&, before](const kv::StateHash& hash) {
      CPPUNIT_ASSERT(hash.position >= before && hash.position <= store().applied());
      CPPUNIT_ASSERT(hash.keys == hash.position);
      CPPUNIT_ASSERT(hash.hash == at_position[hash.position]);
      ++answers;
    });
  }
  CPPUNIT_ASSERT(world_->run_until([&] { return answers == 10; }));
}

void StoreContract::many_hashes_at_once() {
  put("key", "value");
  write_all();
  int answers = 0;
  for (int i = 0; i < 100; ++i) {
    store().hash([&](const kv::StateHash& hash) {
      CPPUNIT_ASSERT(hash.position == 1 && hash.keys == 1);
      ++answers;
    });
  }
  CPPUNIT_ASSERT(world_->run_until([&] { return answers == 100; }));
}

void StoreContract::callbacks_may_use_the_store() {
  put("key", "value");
  bool hashed = false;
  std::string after;
  store().get("key", [&](const kv::Entry*) {
    put("key", "from the callback");
    store().write();
    store().hash([&](const kv::StateHash&) { hashed = true; });
    store().get("key", [&](const kv::Entry* entry) { after = entry->value; });
  });
  CPPUNIT_ASSERT(world_->run_until([&] { return hashed && !after.empty(); }));
  CPPUNIT_ASSERT_EQUAL("from the callback"s, after);
}

void StoreContract::callbacks_are_dropped_with_the_store() {
  bool gone = false;
  store().set_durable_listener([&](Position) { CPPUNIT_ASSERT(!gone); });
  for (int i = 0; i < 100; ++i) put("key " + std::to_string(i), std::string(1000, 'v'));
  store().write();
  store().hash([&](const kv::StateHash&) { CPPUNIT_ASSERT(!gone); });
  store().get("key", [&](const kv::Entry*) { CPPUNIT_ASSERT(!gone); });
  store().scan({}, [&](const kv::ScanPage&) { CPPUNIT_ASSERT(!gone); });
  gone = true;
  world_.reset();
}

void StoreContract::scan_reads_a_range() {
  for (const char* key : {"c", "a", "\xFF", "b"}) put(key, "value of "s + key, 3);
  remove("b");
  const kv::ScanPage all = scan({});
  CPPUNIT_ASSERT(all.count == 3 && !all.more && !all.gone && all.position == 5);
  CPPUNIT_ASSERT(
      (all.entries == std::vector<kv::ScannedEntry>{{"a", "value of a", 3, 2, 2},
                                                    {"c", "value of c", 3, 1, 1},
                                                    {"\xFF", "value of \xFF", 3, 3, 3}}));
  kv::Scan part;
  part.end = "\xFF";
  part.reverse = true;
  part.what = kv::Scan::What::kKeys;
  part.entries_max = 1;
  const kv::ScanPage last = scan(part);
  CPPUNIT_ASSERT(last.count == 1 && last.more && last.last == "c");
  CPPUNIT_ASSERT((last.entries == std::vector<kv::ScannedEntry>{{"c", "", 3, 1, 1}}));
  const kv::ScanPage rest = scan(kv::rest_of(part, last));
  CPPUNIT_ASSERT(rest.count == 1 && !rest.more && rest.entries.at(0).key == "a");
  part.what = kv::Scan::What::kCount;
  part.entries_max = 10;
  const kv::ScanPage counted = scan(part);
  CPPUNIT_ASSERT(counted.count == 2 && !counted.more && counted.entries.empty());
}

void StoreContract::scan_sees_applies_before_it_and_none_after() {
  std::vector<std::string> seen(3, "unanswered");
  const auto ask = [&](std::size_t i) {
    store().scan({}, [&seen, i](kv::ScanPage&& page) {
      seen[i] = std::to_string(page.position) + ":";
      for (const kv::ScannedEntry& entry : page.entries) seen[i] += entry.value;
    });
  };
  ask(0);
  put("key", "one");
  ask(1);
  put("key", "two");
  ask(2);
  remove("key");
  CPPUNIT_ASSERT(world_->run_until(
      [&] { return std::find(seen.begin(), seen.end(), "unanswered") == seen.end(); }));
  CPPUNIT_ASSERT((seen == std::vector<std::string>{"0:", "1:one", "2:two"}));
}

void StoreContract::a_pinned_state_stays_as_it_was() {
  put("a", "1");
  put("b", "1");
  put("c", "1");
  const Position first = store().pin();
  CPPUNIT_ASSERT(first == 3);
  remove("a");
  put("b", "2");
  put("d", "2");
  const Position second = store().pin();
  put("b", "3");
  remove("d");
  write_all();
  CPPUNIT_ASSERT_EQUAL("a=1,b=1,c=1,"s, text_at(first));
  CPPUNIT_ASSERT_EQUAL("b=2,c=1,d=2,"s, text_at(second));
  CPPUNIT_ASSERT_EQUAL("b=3,c=1,"s, text_at(0));
  kv::Scan at_first;
  at_first.at = first;
  CPPUNIT_ASSERT(scan(at_first).position == first);
  store().unpin(first);
  CPPUNIT_ASSERT_EQUAL("gone"s, text_at(first));
  CPPUNIT_ASSERT_EQUAL("b=2,c=1,d=2,"s, text_at(second));
}

void StoreContract::each_pin_has_its_unpin() {
  put("a", "1");
  CPPUNIT_ASSERT_EQUAL("gone"s, text_at(1));
  CPPUNIT_ASSERT(store().pin() == 1 && store().pin() == 1);
  store().unpin(7);
  put("a", "2");
  store().unpin(1);
  CPPUNIT_ASSERT_EQUAL("a=1,"s, text_at(1));
  store().unpin(1);
  CPPUNIT_ASSERT_EQUAL("gone"s, text_at(1));
  store().unpin(1);
  CPPUNIT_ASSERT_EQUAL("a=2,"s, text_at(store().pin()));
}

// The one before the first change, however many there are at one position.
void StoreContract::what_changes_twice_at_a_position_is_pinned_as_before() {
  put("a", "1");
  const Position at = store().pin();
  std::vector<kv::Change> changes;
  changes.push_back({"a", std::nullopt});
  changes.push_back({"b", kv::Entry{"2", 1, 2, 2}});
  changes.push_back({"a", kv::Entry{"3", 1, 2, 2}});
  changes.push_back({"b", std::nullopt});
  store().apply(2, std::move(changes), {});
  CPPUNIT_ASSERT_EQUAL("a=1,"s, text_at(at));
  CPPUNIT_ASSERT_EQUAL("a=3,"s, text_at(0));
}

void StoreContract::pins_go_when_there_is_no_room() {
  constexpr std::size_t kKeys = kv::kHistoryBytesMax / kValueSizeMax + 1;
  const std::string large(kValueSizeMax, 'v');
  for (std::size_t i = 0; i < kKeys; ++i) put("key " + std::to_string(i), large);
  const Position first = store().pin();
  put("key 0", "small");
  const Position second = store().pin();
  for (std::size_t i = 1; i < kKeys; ++i) {
    CPPUNIT_ASSERT(text_at(first) != "gone" && text_at(second) != "gone");
    put("key " + std::to_string(i), "small");
    if (text_at(first) == "gone") break;
  }
  CPPUNIT_ASSERT_EQUAL("gone"s, text_at(first));
  CPPUNIT_ASSERT_EQUAL("gone"s, text_at(second));
  store().unpin(first);
  const Position third = store().pin();
  put("key 0", "smaller");
  kv::Scan one;
  one.entries_max = 1;
  one.at = third;
  CPPUNIT_ASSERT_EQUAL("small"s, scan(one).entries.at(0).value);
}

void StoreContract::replies_and_epoch_are_taken_over() {
  const auto told = std::make_shared<const std::string>("what it told");
  const kv::Reply first = {{kv::Applied::Outcome::kApplied, 0, 1, told}, 1};
  const kv::Reply second = {{kv::Applied::Outcome::kNotFound, 0, 2, nullptr}, 2};
  CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, store().epoch());
  store().apply(1, {}, {.replies = {{{9, 1}, first}}, .epoch = {}});
  store().apply(2, {}, {.replies = {{{9, 2}, second}, {{7, 5}, second}}, .epoch = 1});
  CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, store().epoch());
  store().apply(3, {}, {.replies = {{{9, 2}, std::nullopt}}, .epoch = 2});
  store().apply(4, {}, {});
  CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, store().epoch());
  std::vector<std::pair<kv::ReplyId, kv::Reply>> replies;
  store().visit_replies(
      [&](const kv::ReplyId& id, const kv::Reply& reply) { replies.emplace_back(id, reply); });
  CPPUNIT_ASSERT_EQUAL(std::size_t{2}, replies.size());
  CPPUNIT_ASSERT((replies[0].first == kv::ReplyId{7, 5} && replies[0].second == second));
  CPPUNIT_ASSERT((replies[1].first == kv::ReplyId{9, 1} && replies[1].second == first));
  write_all();
}

namespace {

class MemoryStoreContract : public StoreContract {
  CPPUNIT_TEST_SUB_SUITE(MemoryStoreContract, StoreContract);
  CPPUNIT_TEST_SUITE_END();
  std::unique_ptr<StoreWorld> make_world() override { return memory_store_world(); }
};

class DeferringStoreContract : public StoreContract {
  CPPUNIT_TEST_SUB_SUITE(DeferringStoreContract, StoreContract);
  CPPUNIT_TEST_SUITE_END();
  std::unique_ptr<StoreWorld> make_world() override { return deferring_store_world(); }
};

class RocksStoreContract : public StoreContract {
  CPPUNIT_TEST_SUB_SUITE(RocksStoreContract, StoreContract);
  CPPUNIT_TEST_SUITE_END();
  std::unique_ptr<StoreWorld> make_world() override { return rocks_store_world(); }
};

class FlushedRocksStoreContract : public StoreContract {
  CPPUNIT_TEST_SUB_SUITE(FlushedRocksStoreContract, StoreContract);
  CPPUNIT_TEST_SUITE_END();
  std::unique_ptr<StoreWorld> make_world() override { return flushed_rocks_store_world(); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MemoryStoreContract);
CPPUNIT_TEST_SUITE_REGISTRATION(DeferringStoreContract);
CPPUNIT_TEST_SUITE_REGISTRATION(RocksStoreContract);
CPPUNIT_TEST_SUITE_REGISTRATION(FlushedRocksStoreContract);

}  // namespace
}  // namespace rkv::contract
