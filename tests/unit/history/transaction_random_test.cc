// The checker on histories with transactions that are made up at random.

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <utility>

#include "../../history/checker.h"
#include "brute_force.h"
#include "transaction_simulation.h"

namespace rkv::history {
namespace {

class TransactionRandomTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TransactionRandomTest);
  CPPUNIT_TEST(simulated_transactions_are_linearizable);
  CPPUNIT_TEST(small_histories_have_the_verdict_of_brute_force);
  CPPUNIT_TEST(a_wrong_number_in_a_large_history_is_found);
  CPPUNIT_TEST_SUITE_END();

  void simulated_transactions_are_linearizable() {
    Random random(1);
    for (int i = 0; i < 200; ++i) {
      TransactionOptions options;
      options.operations = 50 + random.below(200);
      options.keys = 1 + random.below(6);
      options.processes = 1 + random.below(5);
      options.delay_max = 1 + random.below(20);
      options.lost_one_in = random.below(2) * (5 + random.below(50));
      options.lost_max = 10;
      options.versions = random.below(4) != 0;
      const History history = simulate(options, random);
      const Report report = check(history);
      CPPUNIT_ASSERT_MESSAGE("history " + std::to_string(i) + ": " + report.explanation,
                             report.verdict == Verdict::kLinearizable);
    }
  }

  // Does one thing to a history that may make it wrong.
  static void mutate(History& history, Random& random) {
    Operation& operation = history[random.below(history.size())];
    const bool answered = operation.returned != kNever;
    const bool is_transaction = operation.kind == Kind::kTransact &&
                                operation.outcome == Outcome::kOk &&
                                !operation.transacted.results.empty();
    StepResult* result = nullptr;
    if (is_transaction) {
      result = &operation.transacted.results[random.below(operation.transacted.results.size())];
    }
    switch (random.below(6)) {
      case 0:  // an answer that came earlier
        if (answered) {
          operation.returned -= random.below(operation.returned - operation.invoked + 1);
        }
        break;
      case 1:  // a request that left later
        if (answered) operation.invoked += random.below(operation.returned - operation.invoked + 1);
        break;
      case 2:  // another version
        if (result != nullptr && result->version) result->version = random.below(4);
        if (operation.version) operation.version = random.below(4);
        break;
      case 3:  // no answer
        operation.returned = kNever;
        operation.outcome = Outcome::kUnknown;
        break;
      case 4:  // another value or number
        if (result != nullptr && result->value) result->value = std::to_string(random.below(3));
        if (result != nullptr && result->number) result->number = random.below(4);
        if (result != nullptr && result->removed) result->removed = random.below(4);
        break;
      case 5:  // a write without effect: what others saw of it never happened
        history.erase(history.begin() + (&operation - history.data()));
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
    for (int i = 0; i < 15'000; ++i) {
      TransactionOptions options;
      options.operations = 4 + random.below(5);
      options.keys = 1 + random.below(3);
      options.processes = 1 + random.below(4);
      options.delay_max = 1 + random.below(8);
      options.lost_one_in = random.below(2) * 3;
      options.versions = random.below(3) != 0;
      History history = simulate(options, random);
      for (std::uint64_t mutations = random.below(6); mutations > 0 && !history.empty();
           --mutations) {
        mutate(history, random);
      }
      const bool expected = brute_force(history);
      const Verdict verdict = check(history).verdict;
      CPPUNIT_ASSERT_MESSAGE(
          std::to_string(i) + (expected ? " is linearizable" : " is not") + text_of(history),
          verdict == (expected ? Verdict::kLinearizable : Verdict::kNotLinearizable));
      ++(expected ? good : bad);
    }
    CPPUNIT_ASSERT_MESSAGE(std::to_string(good) + " good, " + std::to_string(bad) + " bad",
                           good > 2000 && bad > 2000);
  }

  void a_wrong_number_in_a_large_history_is_found() {
    Random random(3);
    int found = 0;
    for (int i = 0; i < 50; ++i) {
      TransactionOptions options;
      options.operations = 500;
      options.keys = 4;
      options.lost_one_in = 100;
      History history = simulate(options, random);
      for (Operation& operation : history) {
        if (operation.outcome != Outcome::kOk || operation.transacted.results.empty()) continue;
        StepResult& result = operation.transacted.results.front();
        if (!result.number || operation.invoked < history.back().invoked / 2) continue;
        ++*result.number;
        CPPUNIT_ASSERT(check(history).verdict == Verdict::kNotLinearizable);
        ++found;
        break;
      }
    }
    CPPUNIT_ASSERT(found > 40);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TransactionRandomTest);

}  // namespace
}  // namespace rkv::history
