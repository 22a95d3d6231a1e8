// The checker on histories that are made up at random.

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "../../history/checker.h"
#include "brute_force.h"
#include "register_simulation.h"

namespace rkv::history {
namespace {

class CheckerRandomTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CheckerRandomTest);
  CPPUNIT_TEST(simulated_registers_are_linearizable);
  CPPUNIT_TEST(small_histories_have_the_verdict_of_brute_force);
  CPPUNIT_TEST(every_stale_read_of_a_large_history_is_found);
  CPPUNIT_TEST_SUITE_END();

  void simulated_registers_are_linearizable() {
    Random random(1);
    for (int i = 0; i < 200; ++i) {
      SimulationOptions options;
      options.operations = 50 + random.below(500);
      options.keys = 1 + random.below(3);
      options.processes = 1 + random.below(6);
      options.delay_max = 1 + random.below(20);
      options.lost_one_in = random.below(2) * (5 + random.below(50));
      options.values = random.below(3) == 0 ? 1 + random.below(5) : 0;
      options.versions = random.below(4) != 0;
      const History history = simulate(options, random);
      const Report report = check(history);
      CPPUNIT_ASSERT_MESSAGE("history " + std::to_string(i) + ": " + report.explanation,
                             report.verdict == Verdict::kLinearizable);
    }
  }

  static Operation& any_of(History& history, Random& random) {
    return history[random.below(history.size())];
  }

  // Does one thing to a history that may make it wrong.
  static void mutate(History& history, Random& random) {
    Operation& operation = any_of(history, random);
    Operation& other = any_of(history, random);
    const bool answered = operation.returned != kNever;
    switch (random.below(7)) {
      case 0:  // two results swapped
        if (!answered || operation.kind != other.kind || other.returned == kNever) break;
        std::swap(operation.outcome, other.outcome);
        std::swap(operation.version, other.version);
        std::swap(operation.value, other.value);
        break;
      case 1:  // a write without effect: what others saw of it was never written
        history.erase(history.begin() + (&operation - history.data()));
        break;
      case 2:  // an answer that came earlier
        if (answered) {
          operation.returned -= random.below(operation.returned - operation.invoked + 1);
        }
        break;
      case 3:  // a request that left later
        if (answered) operation.invoked += random.below(operation.returned - operation.invoked + 1);
        break;
      case 4:  // another version
        if (operation.version) operation.version = random.below(4);
        break;
      case 5:  // no answer
        operation.returned = kNever;
        operation.outcome = Outcome::kUnknown;
        break;
      case 6:  // another value
        if (operation.kind == Kind::kGet && answered && other.kind == Kind::kPut) {
          operation.outcome = Outcome::kOk;
          operation.value = other.argument;
        }
        break;
      default:
        break;
    }
  }

  static std::string text_of(const History& history) {
    std::string text;
    for (const Operation& operation : history) text += '\n' + to_text(operation);
    return text;
  }

  void small_histories_have_the_verdict_of_brute_force() {
    Random random(2);
    int good = 0;
    int bad = 0;
    for (int i = 0; i < 30'000; ++i) {
      SimulationOptions options;
      options.operations = 4 + random.below(6);
      options.keys = 1 + random.below(5) / 4;
      options.processes = 1 + random.below(4);
      options.delay_max = 1 + random.below(8);
      options.lost_one_in = random.below(2) * 3;
      options.values = random.below(2) * 2;
      options.versions = random.below(3) != 0;
      History history = simulate(options, random);
      for (std::uint64_t mutations = random.below(6); mutations > 0; --mutations) {
        if (!history.empty()) mutate(history, random);
      }
      const bool expected = brute_force(history);
      const Verdict verdict = check(history).verdict;
      CPPUNIT_ASSERT_MESSAGE(
          std::to_string(i) + (expected ? " is linearizable" : " is not") + text_of(history),
          verdict == (expected ? Verdict::kLinearizable : Verdict::kNotLinearizable));
      ++(expected ? good : bad);
    }
    CPPUNIT_ASSERT_MESSAGE(std::to_string(good) + " good, " + std::to_string(bad) + " bad",
                           good > 5000 && bad > 5000);
  }

  // A read that began after a second write was answered gets the value of a first one, which was
  // answered before the second began.
  static bool make_stale(History& history, Random& random) {
    std::vector<Operation*> writes;
    for (Operation& operation : history) {
      if (operation.kind == Kind::kPut && operation.returned != kNever) {
        writes.push_back(&operation);
      }
    }
    for (int tries = 0; tries < 1000; ++tries) {
      Operation& read = any_of(history, random);
      if (read.kind != Kind::kGet || read.outcome != Outcome::kOk) continue;
      const Operation& first = *writes[random.below(writes.size())];
      const auto overwrites = [&](const Operation* second) {
        return second->key == read.key && second->invoked > first.returned &&
               second->returned < read.invoked;
      };
      if (first.key != read.key || !std::any_of(writes.begin(), writes.end(), overwrites)) continue;
      read.value = first.argument;
      read.version = std::nullopt;
      return true;
    }
    return false;
  }

  void every_stale_read_of_a_large_history_is_found() {
    Random random(3);
    SimulationOptions options;
    options.operations = 2000;
    options.keys = 5;
    options.processes = 4;
    options.lost_one_in = 100;
    for (int i = 0; i < 200; ++i) {
      options.versions = i % 2 == 0;
      History history = simulate(options, random);
      CPPUNIT_ASSERT(make_stale(history, random));
      CPPUNIT_ASSERT(check(history).verdict == Verdict::kNotLinearizable);
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CheckerRandomTest);

}  // namespace
}  // namespace rkv::history
