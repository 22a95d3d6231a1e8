// The state machine on every store: results and states must be the same on all of them.

#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "kv/state_hash.h"
#include "kv/state_machine.h"
#include "store_world.h"

namespace rkv::contract {
namespace {

kv::Command put_of(std::string key, std::string value) {
  return {kv::Command::Kind::kPut, {}, std::move(key), std::move(value)};
}

kv::Command del_of(std::string key) { return {kv::Command::Kind::kDel, {}, std::move(key), {}}; }

bool found(const kv::Applied& applied) {
  CPPUNIT_ASSERT(applied.outcome != kv::Applied::Outcome::kExpired);
  return applied.outcome == kv::Applied::Outcome::kApplied;
}

class StateMachineContract : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(StateMachineContract);
  CPPUNIT_TEST(commands_have_these_results);
  CPPUNIT_TEST(reads_see_every_apply_before_them);
  CPPUNIT_TEST(random_commands_match_a_model);
  CPPUNIT_TEST(many_commands_do_not_grow_the_stack);
  CPPUNIT_TEST(goes_on_where_the_store_is);
  CPPUNIT_TEST_SUITE_END_ABSTRACT();

 public:
  void setUp() override {
    world_ = make_world();
    machine_ = std::make_unique<kv::StateMachine>(world_->store(), kv::StateMachine::Options());
  }
  void tearDown() override {
    machine_.reset();
    world_.reset();
  }

 protected:
  virtual std::unique_ptr<StoreWorld> make_world() = 0;

 private:
  void commands_have_these_results() {
    std::vector<kv::Applied> results;
    const auto keep = [&](const kv::Applied& applied) { results.push_back(applied); };
    const std::vector<kv::Command> commands = {del_of("k"),      put_of("k", "1"), put_of("k", "2"),
                                               put_of("j", "3"), del_of("k"),      del_of("k"),
                                               put_of("k", "4")};
    for (const kv::Command& command : commands) machine_->apply(++position_, command, keep);
    CPPUNIT_ASSERT(world_->run_until([&] { return results.size() == commands.size(); }));
    const std::vector<bool> expected_found = {false, true, true, true, true, false, true};
    const std::vector<std::uint64_t> versions = {0, 1, 2, 1, 2, 0, 1};
    for (std::size_t i = 0; i < results.size(); ++i) {
      CPPUNIT_ASSERT(results[i].position == i + 1);
      CPPUNIT_ASSERT(found(results[i]) == expected_found[i]);
      CPPUNIT_ASSERT(results[i].version == versions[i]);
    }
    CPPUNIT_ASSERT(machine_->waiting() == 0);
    CPPUNIT_ASSERT(world_->store().applied() == 7 && world_->store().keys() == 2);
  }

  void reads_see_every_apply_before_them() {
    std::vector<std::string> seen(3, "unanswered");
    const auto read = [&](std::size_t i) {
      machine_->read("k", [&seen, i](const kv::Entry* entry) {
        seen[i] = entry == nullptr ? "nothing" : entry->value;
      });
    };
    read(0);
    machine_->apply(1, put_of("k", "one"), nullptr);
    read(1);
    machine_->apply(2, put_of("k", "two"), nullptr);
    machine_->apply(3, put_of("other", "x"), nullptr);
    read(2);
    machine_->apply(4, put_of("k", "three"), nullptr);
    CPPUNIT_ASSERT(world_->run_until([&] {
      for (const std::string& value : seen) {
        if (value == "unanswered") return false;
      }
      return true;
    }));
    CPPUNIT_ASSERT((seen == std::vector<std::string>{"nothing", "one", "two"}));
  }

  void random_commands_match_a_model() {
    std::map<std::string, std::pair<std::uint64_t, std::string>> model;
    Random random(3);
    std::size_t answers = 0;
    for (int i = 0; i < 1000; ++i) {
      const std::string key(1, static_cast<char>('a' + random.below(20)));
      const std::uint64_t before = model.contains(key) ? model[key].first : 0;
      if (random.below(3) == 0) {
        model.erase(key);
        machine_->apply(++position_, del_of(key), [&, before](const kv::Applied& applied) {
          CPPUNIT_ASSERT(applied.version == before && found(applied) == (before != 0));
          ++answers;
        });
      } else {
        model[key] = {before + 1, std::to_string(i)};
        machine_->apply(++position_, put_of(key, std::to_string(i)),
                        [&, before](const kv::Applied& applied) {
                          CPPUNIT_ASSERT(applied.version == before + 1 && found(applied));
                          ++answers;
                        });
      }
      if (random.below(20) == 0) {
        CPPUNIT_ASSERT(world_->run_until([&] { return answers + 5 > position_; }));
      }
    }
    CPPUNIT_ASSERT(world_->run_until([&] { return answers == 1000; }));
    world_->store().write();
    CPPUNIT_ASSERT(world_->run_until([&] { return world_->store().durable() == 1000; }));
    kv::StateHasher expected;
    for (const auto& [key, state] : model) expected.add(key, state.first, state.second);
    bool hashed = false;
    world_->store().hash([&](const kv::StateHash& hash) {
      hashed = true;
      CPPUNIT_ASSERT(hash.hash == expected.finish(0).hash && hash.position == 1000);
    });
    CPPUNIT_ASSERT(world_->run_until([&] { return hashed; }));
  }

  void many_commands_do_not_grow_the_stack() {
    constexpr Position kCount = 200'000;
    // Each answer asks for the next, and a pile of others waits behind the first.
    std::function<void(const kv::Applied&)> next = [&](const kv::Applied&) {
      if (position_ < kCount) machine_->apply(++position_, put_of("k", "v"), next);
    };
    for (int i = 0; i < 50'000; ++i) machine_->apply(++position_, put_of("k", "v"), nullptr);
    machine_->apply(++position_, put_of("k", "v"), next);
    CPPUNIT_ASSERT(world_->run_until([&] { return world_->store().applied() == kCount; }));
    CPPUNIT_ASSERT(machine_->waiting() == 0);
  }

  void goes_on_where_the_store_is() {
    world_->store().apply(1, {}, {});
    world_->store().apply(2, {}, {});
    machine_ = std::make_unique<kv::StateMachine>(world_->store(), kv::StateMachine::Options());
    bool done = false;
    machine_->apply(3, put_of("k", "v"), [&](const kv::Applied&) { done = true; });
    CPPUNIT_ASSERT(world_->run_until([&] { return done; }));
  }

  std::unique_ptr<StoreWorld> world_;
  std::unique_ptr<kv::StateMachine> machine_;
  Position position_ = 0;
};

class StateMachineOnMemoryStore : public StateMachineContract {
  CPPUNIT_TEST_SUB_SUITE(StateMachineOnMemoryStore, StateMachineContract);
  CPPUNIT_TEST_SUITE_END();
  std::unique_ptr<StoreWorld> make_world() override { return memory_store_world(); }
};

class StateMachineOnDeferringStore : public StateMachineContract {
  CPPUNIT_TEST_SUB_SUITE(StateMachineOnDeferringStore, StateMachineContract);
  CPPUNIT_TEST_SUITE_END();
  std::unique_ptr<StoreWorld> make_world() override { return deferring_store_world(); }
};

class StateMachineOnRocksStore : public StateMachineContract {
  CPPUNIT_TEST_SUB_SUITE(StateMachineOnRocksStore, StateMachineContract);
  CPPUNIT_TEST_SUITE_END();
  std::unique_ptr<StoreWorld> make_world() override { return rocks_store_world(); }
};

class StateMachineOnFlushedRocksStore : public StateMachineContract {
  CPPUNIT_TEST_SUB_SUITE(StateMachineOnFlushedRocksStore, StateMachineContract);
  CPPUNIT_TEST_SUITE_END();
  std::unique_ptr<StoreWorld> make_world() override { return flushed_rocks_store_world(); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(StateMachineOnMemoryStore);
CPPUNIT_TEST_SUITE_REGISTRATION(StateMachineOnDeferringStore);
CPPUNIT_TEST_SUITE_REGISTRATION(StateMachineOnRocksStore);
CPPUNIT_TEST_SUITE_REGISTRATION(StateMachineOnFlushedRocksStore);

}  // namespace
}  // namespace rkv::contract
