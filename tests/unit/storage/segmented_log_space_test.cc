// Segments come and go: what is needed stays, what is not goes, and a full or failing disk is told.

#include "log_world.h"

namespace rkv::storage {
namespace {

using Record = env::LogRecord;

class SegmentedLogSpaceTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SegmentedLogSpaceTest);
  CPPUNIT_TEST(nothing_goes_without_a_cut);
  CPPUNIT_TEST(what_is_cut_goes_and_the_log_stays_small);
  CPPUNIT_TEST(standings_alone_do_not_fill_the_disk);
  CPPUNIT_TEST(live_records_outlive_their_segment);
  CPPUNIT_TEST(a_segment_goes_only_when_its_live_records_are_durable_elsewhere);
  CPPUNIT_TEST(a_cut_frees_room_without_another_append);
  CPPUNIT_TEST(the_next_segment_is_there_before_it_is_needed);
  CPPUNIT_TEST(room_is_told_before_it_is_gone);
  CPPUNIT_TEST(every_failing_change_is_told_once_and_costs_nothing_durable);
  CPPUNIT_TEST_SUITE_END();

  static void append(SegmentedLog& log, Position slot, std::size_t size = 600) {
    log.append(log_batch("s" + std::to_string(slot), {log_record(slot, std::string(size, 'v'))}));
  }

  void nothing_goes_without_a_cut() {
    LogWorld world;
    auto log = world.open();
    for (Position slot = 1; slot <= 100; ++slot) {
      append(*log, slot);
      world.run();
    }
    CPPUNIT_ASSERT(log->size() == world.disk().image().size() * LogWorld::kSegmentSize);
    CPPUNIT_ASSERT(world.disk().counters().removes == 0);
    log = world.open();
    CPPUNIT_ASSERT(log->take_recovered().records.size() == 100);
  }

  void what_is_cut_goes_and_the_log_stays_small() {
    LogWorld world;
    auto log = world.open();
    for (Position slot = 1; slot <= 1000; ++slot) {
      append(*log, slot);
      if (slot > 20) log->cut(slot - 20);
      world.run();
      CPPUNIT_ASSERT(log->size() <= 8 * LogWorld::kSegmentSize);
      if (slot % 100 == 50) log = world.open();
    }
    CPPUNIT_ASSERT(log->size() == world.disk().image().size() * LogWorld::kSegmentSize);
    const auto recovered = world.open()->take_recovered();
    CPPUNIT_ASSERT(!recovered.lost_up_to);
    CPPUNIT_ASSERT(recovered.records.size() >= 20 && recovered.records.size() < 100);
    CPPUNIT_ASSERT(recovered.records.back().slot == 1000);
  }

  // Promises without end, while a record waits for its slot to be chosen.
  void standings_alone_do_not_fill_the_disk() {
    LogWorld world;
    auto log = world.open();
    const Record live = log_record(7, "not chosen yet");
    log->set_live_records([&] { return std::vector<Record>{live}; });
    log->append(log_batch("s", {live}));
    for (int i = 0; i < 500; ++i) {
      log->append(log_batch("promise " + std::to_string(i)));
      world.run();
      CPPUNIT_ASSERT(log->size() <= 4 * LogWorld::kSegmentSize);
    }
    const auto recovered = world.open()->take_recovered();
    CPPUNIT_ASSERT_EQUAL(std::string("promise 499"), recovered.standing);
    CPPUNIT_ASSERT(!recovered.records.empty() && same_record(recovered.records.back(), live));
  }

  void live_records_outlive_their_segment() {
    LogWorld world;
    auto log = world.open();
    const Record live = log_record(5000, "live");
    log->set_live_records([&] { return std::vector<Record>{live}; });
    log->append(log_batch("s", {live}));
    for (Position slot = 1; slot <= 200; ++slot) {
      append(*log, slot);
      log->cut(slot);
      world.run();
    }
    CPPUNIT_ASSERT(!world.disk().image().contains(segment_name(1)));
    const auto recovered = world.open()->take_recovered();
    int found = 0;
    for (const Record& record : recovered.records) found += same_record(record, live) ? 1 : 0;
    CPPUNIT_ASSERT(found > 0);
  }

  // At no moment may the disk be without the live record.
  void a_segment_goes_only_when_its_live_records_are_durable_elsewhere() {
    LogWorld world;
    world.disk().faults().delay_min = microseconds(1);
    world.disk().faults().delay_mean = microseconds(500);
    auto log = world.open();
    const Record live = log_record(5000, "the live record");
    log->set_live_records([&] { return std::vector<Record>{live}; });
    log->append(log_batch("s", {live}));
    world.run();
    for (Position slot = 1; slot <= 300; ++slot) {
      append(*log, slot);
      log->cut(slot);
      for (std::uint64_t steps = world.random().below(4); steps > 0; --steps) {
        world.run_one();
        bool there = false;
        for (const auto& [name, content] : world.disk().image()) {
          there = there || content.find("the live record") != std::string::npos;
        }
        CPPUNIT_ASSERT(there);
      }
    }
    CPPUNIT_ASSERT(world.disk().counters().removes > 5);
  }

  // However full the last segment is.
  void a_cut_frees_room_without_another_append() {
    for (Position last = 60; last < 80; ++last) {
      LogWorld world;
      auto log = world.open();
      for (Position slot = 1; slot <= last; ++slot) {
        append(*log, slot, 100);
        world.run();
      }
      CPPUNIT_ASSERT(log->size() >= 5 * LogWorld::kSegmentSize);
      log->cut(last);
      world.run();
      CPPUNIT_ASSERT(log->size() == 2 * LogWorld::kSegmentSize);
      CPPUNIT_ASSERT(world.disk().image().size() == 2);
      CPPUNIT_ASSERT_EQUAL("s" + std::to_string(last), world.open()->take_recovered().standing);
    }
  }

  void the_next_segment_is_there_before_it_is_needed() {
    LogWorld world;
    const auto log = world.open();
    for (Position slot = 1; slot <= 50; ++slot) {
      append(*log, slot);
      world.run();
      const std::string newest = world.disk().image().rbegin()->second;
      CPPUNIT_ASSERT_EQUAL(LogWorld::kSegmentSize, newest.size());
      CPPUNIT_ASSERT(newest.find_first_not_of('\0') == std::string::npos);
    }
  }

  void room_is_told_before_it_is_gone() {
    LogWorld world;
    world.disk().faults().capacity = 10 * LogWorld::kSegmentSize;
    const auto log = world.open();
    CPPUNIT_ASSERT(log->has_room());
    Position slot = 0;
    while (log->has_room()) {
      append(*log, ++slot);
      world.run();
    }
    CPPUNIT_ASSERT(world.failures().empty());
    CPPUNIT_ASSERT(log->durable() == slot && slot > 30);
    for (int i = 0; i < 10; ++i) log->append(log_batch("promise"));
    world.run();
    CPPUNIT_ASSERT(log->durable() == slot + 10 && !log->has_room());
    log->cut(slot);
    world.run();
    CPPUNIT_ASSERT(log->has_room());
    for (int i = 0; i < 100 && log->has_room(); ++i) append(*log, ++slot);
    world.run();
    CPPUNIT_ASSERT(world.failures().empty());
  }

  // What a run of the script has said to be durable.
  struct Promised {
    env::LogDevice::BatchNumber durable = 0;
    std::size_t failures = 0;
    std::uint64_t changes = 0;
  };
  static Promised run_script(LogWorld& world) {
    Promised promised;
    auto log = world.open();
    log->set_durable_listener([&](env::LogDevice::BatchNumber durable) {
      CPPUNIT_ASSERT(world.failures().empty());
      promised.durable = durable;
    });
    for (Position slot = 1; slot <= 60; ++slot) {
      append(*log, slot);
      if (slot > 10) log->cut(slot - 10);
      if (slot % 3 == 0) world.run();
    }
    world.run();
    CPPUNIT_ASSERT(log->durable() == promised.durable);
    CPPUNIT_ASSERT(world.failures().empty() || !log->has_room());
    promised.failures = world.failures().size();
    promised.changes = world.disk().counters().changes;
    return promised;
  }

  static void assert_keeps(LogWorld& world, const Promised& promised) {
    CPPUNIT_ASSERT(promised.failures == 1);
    world.disk().crash();
    const auto recovered = world.open()->take_recovered();
    CPPUNIT_ASSERT(!recovered.lost_up_to);
    if (promised.durable == 0) return;
    const Position last = std::stoull(recovered.standing.substr(1));
    CPPUNIT_ASSERT(last >= promised.durable && last <= 60);
    std::map<Position, int> found;
    for (const Record& record : recovered.records) ++found[record.slot];
    const Position cut = last > 10 ? last - 10 : 0;
    for (Position slot = cut + 1; slot <= last; ++slot) CPPUNIT_ASSERT(found[slot] == 1);
    CPPUNIT_ASSERT(found.empty() || found.rbegin()->first <= last);
  }

  void every_failing_change_is_told_once_and_costs_nothing_durable() {
    LogWorld sound;
    const Promised all = run_script(sound);
    CPPUNIT_ASSERT(all.durable == 60 && all.failures == 0);
    for (std::uint64_t change = 1; change <= all.changes; ++change) {
      LogWorld world(change);
      world.disk().faults().failing_change = change;
      const Promised promised = run_script(world);
      if (promised.failures == 0) {  // delays differ from world to world, so there were fewer
        CPPUNIT_ASSERT(change > all.changes * 9 / 10);
        continue;
      }
      assert_keeps(world, promised);
    }
    for (std::uint64_t segments = 0; segments < 4; ++segments) {
      LogWorld world;
      world.disk().faults().capacity = segments * LogWorld::kSegmentSize;
      const Promised promised = run_script(world);
      CPPUNIT_ASSERT(world.disk().counters().out_of_space == 1);
      world.disk().faults().capacity = UINT64_MAX;
      assert_keeps(world, promised);
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SegmentedLogSpaceTest);

}  // namespace
}  // namespace rkv::storage
