// Runs the unit and contract tests.
//
//   unit_tests [PREFIX...]     runs all, or those whose names (Suite::test) begin with a PREFIX
//
// Prints every failure, and as its last line `N passed, N failed`.

#include <cppunit/Exception.h>
#include <cppunit/SourceLine.h>
#include <cppunit/Test.h>
#include <cppunit/TestFailure.h>
#include <cppunit/TestListener.h>
#include <cppunit/TestResult.h>
#include <cppunit/extensions/TestFactoryRegistry.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/crash_writer.h"

namespace {

// "rkv::kv::(anonymous namespace)::CommandTest::round_trip" is CommandTest::round_trip to a person.
std::string short_name(const CppUnit::Test& test) {
  const std::string name = test.getName();
  const std::size_t before_test = name.rfind("::");
  if (before_test == std::string::npos || before_test == 0) return name;
  const std::size_t before_suite = name.rfind("::", before_test - 1);
  return before_suite == std::string::npos ? name : name.substr(before_suite + 2);
}

class Listener final : public CppUnit::TestListener {
 public:
  void startTest(CppUnit::Test*) override {
    ++run_;
    test_failed_ = false;
  }

  void addFailure(const CppUnit::TestFailure& failure) override {
    if (!test_failed_) ++failed_;
    test_failed_ = true;
    const CppUnit::SourceLine line = failure.sourceLine();
    const CppUnit::Exception* const exception = failure.thrownException();
    const CppUnit::Message message = exception->message();
    std::printf("FAIL %s %s:%d: %s", short_name(*failure.failedTest()).c_str(),
                line.isValid() ? line.fileName().c_str() : "?",
                line.isValid() ? line.lineNumber() : 0, message.shortDescription().c_str());
    for (int i = 0; i < message.detailCount(); ++i) {
      std::printf("; %s", message.detailAt(i).c_str());
    }
    std::printf("\n");
    std::fflush(stdout);
  }

  int run() const { return run_; }
  int failed() const { return failed_; }

 private:
  int run_ = 0;
  int failed_ = 0;
  bool test_failed_ = false;
};

bool selected(const CppUnit::Test& test, const std::vector<std::string_view>& prefixes) {
  const std::string name = short_name(test);
  for (const std::string_view prefix : prefixes) {
    if (name.starts_with(prefix)) return true;
  }
  return prefixes.empty();
}

// A test without children is one that runs; the others are suites.
void run_selected(CppUnit::Test& test, const std::vector<std::string_view>& prefixes,
                  CppUnit::TestResult& result) {
  const int children = test.getChildTestCount();
  for (int i = 0; i < children; ++i) run_selected(*test.getChildTestAt(i), prefixes, result);
  const bool is_suite = children > 0 || test.countTestCases() == 0;
  if (!is_suite && selected(test, prefixes)) test.run(&result);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (arguments.size() == 3 && arguments[0] == rkv::storage::kCrashWriterArgument) {
    return rkv::storage::run_crash_writer(std::string(arguments[1]),
                                          arguments[2] == rkv::storage::kCrashWriterFlushes
                                              ? rkv::storage::Durability::kFlush
                                              : rkv::storage::Durability::kWriteAheadLog);
  }
  const std::unique_ptr<CppUnit::Test> all(CppUnit::TestFactoryRegistry::getRegistry().makeTest());
  CppUnit::TestResult result;
  Listener listener;
  result.addListener(&listener);
  run_selected(*all, arguments, result);
  std::printf("%d passed, %d failed\n", listener.run() - listener.failed(), listener.failed());
  return listener.failed() == 0 && listener.run() > 0 ? 0 : 1;
}
