#include "sim/simulation.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <string>

#include "base/random.h"
#include "sim/draw.h"
#include "sim/shrink.h"

namespace rkv::sim {
namespace {

Options options_of(std::uint64_t seed, std::string_view protocol) {
  Options options;
  options.seed = seed;
  options.protocol = *find_protocol(protocol);
  prepare_schedule(options.protocol, options.schedule);
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
  CPPUNIT_TEST(operations_succeed_while_every_acceptor_fails_again_and_again);
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
    for (const char* const name : {"paxos", "2pc", "2pc-coordinator", "forward"}) {
      const Outcome outcome = run_seed(options_of(1, name));
      CPPUNIT_ASSERT_EQUAL(std::string(), outcome.what);
      CPPUNIT_ASSERT(outcome.counters.succeeded > 0);
    }
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

  // Each acceptor fails every ten seconds for one, in the mean.
  void operations_succeed_while_every_acceptor_fails_again_and_again() {
    constexpr std::uint32_t kAcceptor = 0;
    Options options = options_of(1, "paxos");
    options.schedule.faults = false;
    options.schedule.has_transactions = false;  // what is refused by its conditions is no success
    options.schedule.length = seconds(600);
    Schedule schedule = make_schedule(options.seed, options.schedule);
    Random random(options.seed);
    for (std::uint32_t replica = 0; replica < options.schedule.replicas; ++replica) {
      TimePoint at;
      for (;;) {
        at = at + draw_exponential(random, seconds(10));
        if (at > TimePoint{options.schedule.length.ns}) break;
        const Duration repair = draw_exponential(random, seconds(1));
        const auto repair_ms = static_cast<std::uint32_t>(repair.ms() + 1);
        schedule.push_back({at, StepKind::kStopRole, replica, kAcceptor, repair_ms});
        at = at + repair;
      }
    }
    std::stable_sort(schedule.begin(), schedule.end(),
                     [](const Step& a, const Step& b) { return a.at < b.at; });
    const Outcome outcome = Simulation(options, schedule).run();
    CPPUNIT_ASSERT_EQUAL(std::string(), outcome.what);
    CPPUNIT_ASSERT(outcome.counters.role_failures > 100);
    CPPUNIT_ASSERT(outcome.counters.operations > 10'000);
    CPPUNIT_ASSERT(outcome.counters.succeeded * 100 >= outcome.counters.operations * 95);
    // Few needed a second try, at another replica after a second.
    CPPUNIT_ASSERT(outcome.counters.attempts * 100 <= outcome.counters.operations * 105);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SimulationTest);

}  // namespace
}  // namespace rkv::sim
