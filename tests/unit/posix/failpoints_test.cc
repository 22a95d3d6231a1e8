#ifndef RKV_FAILPOINTS
#define RKV_FAILPOINTS  // this source has failpoints in any build
#endif

#include "posix/failpoints.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

namespace rkv::posix {
namespace {

void reach_plain() { RKV_FAILPOINT(test_before_nothing); }
bool reach_failing() { return RKV_FAILPOINT_FAILS(test_before_failure); }

// Armed from here to the end of the block.
class Armed {
 public:
  explicit Armed(const std::string& line) : armed_(ArmedFailpoints::arm(line)) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(line, std::string("ok"), armed_.status().to_string());
  }

 private:
  Result<std::unique_ptr<ArmedFailpoints>> armed_;
};

class FailpointsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(FailpointsTest);
  CPPUNIT_TEST(a_line_is_parsed);
  CPPUNIT_TEST(a_wrong_line_is_refused_and_the_item_named);
  CPPUNIT_TEST(only_the_time_that_is_asked_for);
  CPPUNIT_TEST(each_time_without_more);
  CPPUNIT_TEST(a_probability_is_about_met_and_repeats_with_its_seed);
  CPPUNIT_TEST(one_time_only_with_several_threads);
  CPPUNIT_TEST(names_are_listed_before_they_are_reached);
  CPPUNIT_TEST(what_is_armed_happens_until_its_end);
  CPPUNIT_TEST(what_cannot_be_is_not_armed);
  CPPUNIT_TEST(delay_holds_up_the_thread);
  CPPUNIT_TEST(kill_ends_the_process);
  CPPUNIT_TEST_SUITE_END();

  void a_line_is_parsed() {
    const auto parsed = parse_failpoints("a_b=kill@3;c=delay:50%10;seed=7;d=fail");
    CPPUNIT_ASSERT_EQUAL(std::string("ok"), parsed.status().to_string());
    const FailpointOrders& orders = parsed.value();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{7}, orders.seed);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, orders.orders.size());
    const FailpointOrder& first = orders.orders[0];
    CPPUNIT_ASSERT_EQUAL(std::string("a_b"), first.name);
    CPPUNIT_ASSERT(first.action == FailpointActionKind::kKill);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, first.times.only);
    const FailpointOrder& second = orders.orders[1];
    CPPUNIT_ASSERT_EQUAL(std::string("c"), second.name);
    CPPUNIT_ASSERT(second.action == FailpointActionKind::kDelay);
    CPPUNIT_ASSERT(second.delay == milliseconds(50));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, second.times.only);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{10}, second.times.percent);
    const FailpointOrder& third = orders.orders[2];
    CPPUNIT_ASSERT(third.action == FailpointActionKind::kFail);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, third.times.only);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{100}, third.times.percent);
  }

  void a_wrong_line_is_refused_and_the_item_named() {
    const std::vector<std::string> wrong_items = {
        "",           "a",           "=kill",
        "a=",         "a=Kill",      "a=kill@",
        "a=kill@0",   "a=kill@-1",   "a=kill@x",
        "a=kill@1x",  "a=kill%0",    "a=kill%101",
        "a=kill%",    "a=kill@1%10", "a=delay",
        "a=delay:",   "a=delay:0",   "a=delay:60001",
        "a=delay:5s", "a=fail:1",    "seed=",
        "seed=x",     "seed=-1",     "a= kill",
        "seed",       "b=fail",      "a=kill@99999999999999999999"};
    for (const std::string& item : wrong_items) {
      const auto parsed = parse_failpoints("b=kill;" + item);
      CPPUNIT_ASSERT_MESSAGE(item, !parsed.ok());
      CPPUNIT_ASSERT(parsed.status().code() == StatusCode::kInvalid);
      const std::string reason = parsed.status().reason();
      CPPUNIT_ASSERT_MESSAGE(reason, reason.starts_with("failpoint '" + item + "': "));
      CPPUNIT_ASSERT_MESSAGE(reason, reason.find('\n') == std::string::npos);
    }
  }

  static std::string times_of(FailpointTimes times, std::uint64_t seed, int count) {
    FailpointTrigger trigger(times, seed);
    std::string text;
    for (int i = 0; i < count; ++i) text += trigger.fires() ? '!' : '.';
    return text;
  }

  void only_the_time_that_is_asked_for() {
    CPPUNIT_ASSERT_EQUAL(std::string("!....."), times_of({.only = 1}, 1, 6));
    CPPUNIT_ASSERT_EQUAL(std::string("...!.."), times_of({.only = 4}, 1, 6));
  }

  void each_time_without_more() { CPPUNIT_ASSERT_EQUAL(std::string("!!!!!!"), times_of({}, 1, 6)); }

  void a_probability_is_about_met_and_repeats_with_its_seed() {
    const std::string times = times_of({.percent = 10}, 5, 10000);
    const auto count = std::count(times.begin(), times.end(), '!');
    CPPUNIT_ASSERT_MESSAGE(std::to_string(count), count > 850 && count < 1150);
    CPPUNIT_ASSERT_EQUAL(times, times_of({.percent = 10}, 5, 10000));
    CPPUNIT_ASSERT(times != times_of({.percent = 10}, 6, 10000));
  }

  void one_time_only_with_several_threads() {
    constexpr int kTimesEach = 20000;
    FailpointTrigger trigger({.only = kTimesEach * 3}, 1);
    std::atomic<int> fired{0};
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int time = 0; time < kTimesEach; ++time) fired += trigger.fires() ? 1 : 0;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CPPUNIT_ASSERT_EQUAL(1, fired.load());
  }

  void names_are_listed_before_they_are_reached() {
    const std::string names = "\n" + failpoint_names();
    CPPUNIT_ASSERT(names.find("\ntest_never_reached\n") != std::string::npos);
    CPPUNIT_ASSERT(names.find("\ntest_before_failure\ntest_before_nothing\n") != std::string::npos);
  }
  // Listed for being in the program.
  static void never_reached() { RKV_FAILPOINT(test_never_reached); }
  void (*const kept_)() = never_reached;

  void what_is_armed_happens_until_its_end() {
    CPPUNIT_ASSERT(!reach_failing());
    {
      const Armed armed("test_before_failure=fail@2");
      CPPUNIT_ASSERT(!reach_failing());
      CPPUNIT_ASSERT(reach_failing());
      CPPUNIT_ASSERT(!reach_failing());
    }
    {
      const Armed armed("test_before_failure=fail;seed=3");
      CPPUNIT_ASSERT(reach_failing());
      CPPUNIT_ASSERT(reach_failing());
    }
    CPPUNIT_ASSERT(!reach_failing());
  }

  static void expect_refusal(const std::string& line, const std::string& part) {
    const auto armed = ArmedFailpoints::arm(line);
    CPPUNIT_ASSERT_MESSAGE(line, !armed.ok());
    CPPUNIT_ASSERT(armed.status().code() == StatusCode::kInvalid);
    const std::string reason = armed.status().reason();
    CPPUNIT_ASSERT_MESSAGE(reason, reason.find(part) != std::string::npos);
    CPPUNIT_ASSERT(!reach_failing());
  }

  void what_cannot_be_is_not_armed() {
    expect_refusal("test_before_failure=fail;test_not_there=kill", "'test_not_there'");
    expect_refusal("test_before_failure=fail;test_before_nothing=fail", "'test_before_nothing'");
    expect_refusal("test_before_failure=fail;", "''");
    const Armed nothing("");
    CPPUNIT_ASSERT(!reach_failing());
  }

  void delay_holds_up_the_thread() {
    const Armed armed("test_before_nothing=delay:20@2;test_before_failure=delay:1");
    const auto begun = std::chrono::steady_clock::now();
    reach_plain();
    reach_plain();
    CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begun >= std::chrono::milliseconds(20));
    CPPUNIT_ASSERT(!reach_failing());
  }

  void kill_ends_the_process() {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    CPPUNIT_ASSERT(child >= 0);
    if (child == 0) {
      ::close(STDERR_FILENO);
      const Armed armed("test_before_nothing=kill@2");
      reach_plain();
      reach_plain();
      ::_exit(0);
    }
    int status = 0;
    CPPUNIT_ASSERT_EQUAL(child, ::waitpid(child, &status, 0));
    CPPUNIT_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FailpointsTest);

}  // namespace
}  // namespace rkv::posix
