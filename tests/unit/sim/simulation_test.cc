#include "sim/simulation.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <string>

#include "sim/shrink.h"

namespace rkv::sim {
namespace {

Options options_of(std::uint64_t seed, std::string_view protocol) {
  Options options;
  options.seed = seed;
  options.protocol = *find_protocol(protocol);
  options.schedule.has_log = options.protocol.is_paxos;
  options.schedule.length = seconds(10);
  return options;
}

class SimulationTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SimulationTest);
  CPPUNIT_TEST(a_seed_always_does_the_same);
  CPPUNIT_TEST(a_run_can_be_cut_short);
  CPPUNIT_TEST(any_protocol_can_be_run);
  CPPUNIT_TEST(a_schedule_has_operations_and_faults);
  CPPUNIT_TEST(a_schedule_is_shrunk_to_what_it_takes);
  CPPUNIT_TEST_SUITE_END();

 public:
  void a_seed_always_does_the_same() {
    const Outcome first = run_seed(options_of(1, "paxos"));
    const Outcome again = run_seed(options_of(1, "paxos"));
    const Outcome other = run_seed(options_of(2, "paxos"));
    CPPUNIT_ASSERT_EQUAL(first.trace_hash, again.trace_hash);
    CPPUNIT_ASSERT_EQUAL(first.events, again.events);
    CPPUNIT_ASSERT(first.trace_hash != other.trace_hash);
    CPPUNIT_ASSERT(first.counters.messages > 1000);
  }

  void a_run_can_be_cut_short() {
    Options options = options_of(1, "paxos");
    options.steps_max = 1000;
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1000}, run_seed(options).events);
  }

  void any_protocol_can_be_run() {
    const Outcome outcome = run_seed(options_of(1, "forward"));
    CPPUNIT_ASSERT_EQUAL(std::string(), outcome.what);
    CPPUNIT_ASSERT(outcome.counters.succeeded > 0);
  }

  void a_schedule_has_operations_and_faults() {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
      const Schedule schedule = make_schedule(seed, ScheduleOptions());
      const auto operations = std::count_if(schedule.begin(), schedule.end(), [](const Step& step) {
        return is_operation(step.kind);
      });
      CPPUNIT_ASSERT(operations >= 1000);
      CPPUNIT_ASSERT(schedule.size() >= static_cast<std::size_t>(operations) + 20);
      CPPUNIT_ASSERT(std::is_sorted(schedule.begin(), schedule.end(),
                                    [](const Step& a, const Step& b) { return a.at < b.at; }));
    }
  }

  void a_schedule_is_shrunk_to_what_it_takes() {
    Schedule schedule;
    for (std::uint32_t i = 0; i < 200; ++i) schedule.push_back({{}, StepKind::kCrash, i});
    const auto has = [](const Schedule& tried, std::uint32_t a) {
      return std::any_of(tried.begin(), tried.end(), [a](const Step& step) { return step.a == a; });
    };
    const Schedule shrunk = shrink(
        schedule, [&has](const Schedule& tried) { return has(tried, 17) && has(tried, 150); }, 500);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, shrunk.size());
    CPPUNIT_ASSERT(has(shrunk, 17) && has(shrunk, 150));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SimulationTest);

}  // namespace
}  // namespace rkv::sim
