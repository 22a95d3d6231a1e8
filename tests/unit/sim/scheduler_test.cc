#include "sim/scheduler.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdint>
#include <vector>

#include "sim/clock.h"
#include "sim/slab.h"
#include "sim/tasks.h"

namespace rkv::sim {
namespace {

class Recorder final : public EventHandler {
 public:
  void handle(EventKind /*kind*/, std::uint64_t argument) override { told.push_back(argument); }
  std::vector<std::uint64_t> told;
};

class SchedulerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SchedulerTest);
  CPPUNIT_TEST(events_happen_by_time_and_then_in_order);
  CPPUNIT_TEST(the_hash_tells_runs_apart);
  CPPUNIT_TEST(tasks_run_once_at_their_time);
  CPPUNIT_TEST(a_number_of_a_slab_is_not_used_again);
  CPPUNIT_TEST(a_clock_drifts_and_can_be_asked_back);
  CPPUNIT_TEST_SUITE_END();

 public:
  void events_happen_by_time_and_then_in_order() {
    Scheduler scheduler;
    Recorder recorder;
    scheduler.at(TimePoint{30}, recorder, EventKind::kTurn, 4);
    scheduler.at(TimePoint{10}, recorder, EventKind::kTurn, 1);
    scheduler.at(TimePoint{20}, recorder, EventKind::kTurn, 2);
    scheduler.at(TimePoint{20}, recorder, EventKind::kTurn, 3);
    while (scheduler.run_next()) continue;
    CPPUNIT_ASSERT((std::vector<std::uint64_t>{1, 2, 3, 4}) == recorder.told);
    CPPUNIT_ASSERT(scheduler.now() == TimePoint{30});
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, scheduler.events());
  }

  void the_hash_tells_runs_apart() {
    const auto hash_of_run = [](std::int64_t time, std::uint64_t argument) {
      Scheduler scheduler;
      Recorder recorder;
      scheduler.at(TimePoint{time}, recorder, EventKind::kTurn, argument);
      scheduler.run_next();
      return scheduler.trace_hash();
    };
    CPPUNIT_ASSERT_EQUAL(hash_of_run(1, 1), hash_of_run(1, 1));
    CPPUNIT_ASSERT(hash_of_run(1, 1) != hash_of_run(2, 1));
    CPPUNIT_ASSERT(hash_of_run(1, 1) != hash_of_run(1, 2));
  }

  void tasks_run_once_at_their_time() {
    Scheduler scheduler;
    Tasks tasks(scheduler, nullptr);
    std::vector<std::int64_t> ran;
    tasks.after(Duration{20}, [&] { ran.push_back(scheduler.now().ns); });
    tasks.after(Duration{10}, [&] {
      ran.push_back(scheduler.now().ns);
      tasks.after(Duration{5}, [&] { ran.push_back(scheduler.now().ns); });
    });
    while (scheduler.run_next()) continue;
    CPPUNIT_ASSERT((std::vector<std::int64_t>{10, 15, 20}) == ran);
  }

  void a_number_of_a_slab_is_not_used_again() {
    Slab<int> slab;
    const Slab<int>::Id first = slab.put(1);
    CPPUNIT_ASSERT_EQUAL(1, slab.take(first));
    const Slab<int>::Id second = slab.put(2);
    CPPUNIT_ASSERT(first != second);
    CPPUNIT_ASSERT(slab.find(first) == nullptr);
    CPPUNIT_ASSERT(slab.find(second) != nullptr);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, slab.size());
  }

  void a_clock_drifts_and_can_be_asked_back() {
    Clock clock(TimePoint{seconds(5).ns});
    CPPUNIT_ASSERT(clock.local(TimePoint{7}) == TimePoint{seconds(5).ns + 7});
    const TimePoint second{seconds(1).ns};
    clock.set_drift(second, -9'000);
    CPPUNIT_ASSERT(clock.local(second) == TimePoint{seconds(6).ns});
    const TimePoint later = second + seconds(1000);
    CPPUNIT_ASSERT(clock.local(later) == TimePoint{seconds(6 + 991).ns});
    for (const std::int64_t ns : {0, 1, 999, 123'456'789}) {
      const TimePoint wanted = clock.local(second) + Duration{ns};
      const TimePoint found = clock.true_time(wanted, second);
      CPPUNIT_ASSERT(clock.local(found) >= wanted);
      CPPUNIT_ASSERT(found == second || clock.local(found + Duration{-1}) < wanted);
    }
    CPPUNIT_ASSERT(clock.true_time(kNever, second) == kNever);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SchedulerTest);

}  // namespace
}  // namespace rkv::sim
