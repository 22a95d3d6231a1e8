#include "rkvd/role_failures.h"

#include <cppunit/extensions/HelperMacros.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rkv::daemon {
namespace {

class LinesLogger final : public Logger {
 public:
  LinesLogger() : Logger(LogLevel::kInfo) {}
  void write(LogLevel, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

const std::vector<std::string_view> kRoles = {"acceptor", "proposer"};

class RkvdRoleFailuresTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RkvdRoleFailuresTest);
  CPPUNIT_TEST(the_option_is_read);
  CPPUNIT_TEST(what_makes_no_sense_is_refused_with_a_reason);
  CPPUNIT_TEST(roles_that_are_not_there_or_twice_are_refused);
  CPPUNIT_TEST(a_role_stops_and_starts_in_turns);
  CPPUNIT_TEST(times_are_exponential_with_the_given_means);
  CPPUNIT_TEST(replicas_of_one_seed_fail_at_other_times);
  CPPUNIT_TEST(a_role_that_is_not_back_is_left_alone);
  CPPUNIT_TEST(timers_after_the_end_do_nothing);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    now_ = TimePoint{0};
    timers_.clear();
    stopped_.clear();
    logger_ = LinesLoggerPtr(new LinesLogger());
    starts_ = 0;
    down_ = up_ = Duration{0};
    refuses_ = false;
  }
  void tearDown() override { failures_.reset(); }

  void the_option_is_read() {
    const Result<RoleFailure> read = parse_role_failure("learner:10:0.25");
    CPPUNIT_ASSERT(read.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("learner"), read.value().role);
    CPPUNIT_ASSERT(read.value().between == seconds(10));
    CPPUNIT_ASSERT(read.value().repair == milliseconds(250));
  }

  void what_makes_no_sense_is_refused_with_a_reason() {
    for (const char* text :
         {"", "acceptor", "acceptor:1", ":1:1", "acceptor:1:", "acceptor::1", "acceptor:1:1:1",
          "acceptor:0:1", "acceptor:-1:1", "acceptor:1:nan", "acceptor:inf:1", "acceptor:1e3:1",
          "acceptor:1:2000000", "acceptor:1 :1", "acceptor:1:1s"}) {
      const Result<RoleFailure> read = parse_role_failure(text);
      CPPUNIT_ASSERT_MESSAGE(text, !read.ok());
      CPPUNIT_ASSERT(read.status().code() == StatusCode::kInvalid);
      CPPUNIT_ASSERT(read.status().reason().find('"' + std::string(text) + '"') == 0);
    }
  }

  void roles_that_are_not_there_or_twice_are_refused() {
    const RoleFailure learner{"learner", seconds(1), seconds(1)};
    const RoleFailure acceptor{"acceptor", seconds(1), seconds(1)};
    CPPUNIT_ASSERT_EQUAL(
        std::string("there is no role learner to fail; this replica has acceptor, proposer"),
        RoleFailures::begin({learner}, kRoles, 1, ReplicaId{1}, environment()).status().reason());
    CPPUNIT_ASSERT_EQUAL(
        std::string("there is no role learner to fail; this replica has none"),
        RoleFailures::begin({learner}, {}, 1, ReplicaId{1}, environment()).status().reason());
    CPPUNIT_ASSERT_EQUAL(
        std::string("the role acceptor is to fail in two ways"),
        RoleFailures::begin({acceptor, acceptor}, kRoles, 1, ReplicaId{1}, environment())
            .status()
            .reason());
    CPPUNIT_ASSERT(timers_.empty());
  }

  void a_role_stops_and_starts_in_turns() {
    begin(1);
    run_one();
    CPPUNIT_ASSERT(stopped_ == "acceptor" && starts_ == 0);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, failures_->stops());
    CPPUNIT_ASSERT_EQUAL(
        std::size_t{0}, logger_->lines.at(0).find("role failure 1: the acceptor is stopped, for "));
    run_one();
    CPPUNIT_ASSERT(stopped_.empty() && starts_ == 1);
    CPPUNIT_ASSERT_EQUAL(std::string("role failure: the acceptor starts again"),
                         logger_->lines.at(1));
    run_one();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, failures_->stops());
  }

  void times_are_exponential_with_the_given_means() {
    begin(1);
    constexpr std::int64_t kRounds = 20'000;
    std::int64_t long_ones = 0;
    for (std::int64_t i = 0; i < kRounds; ++i) {
      const TimePoint before = now_;
      run_one();
      up_ = up_ + (now_ - before);
      if (now_ - before > seconds(10)) ++long_ones;
      const TimePoint stopped = now_;
      run_one();
      down_ = down_ + (now_ - stopped);
    }
    // Of an exponential distribution 1/e is above the mean. The bounds are over 5 deviations wide.
    const auto is_near = [](double value, double expected) {
      return value > expected * 0.95 && value < expected * 1.05;
    };
    CPPUNIT_ASSERT(is_near(static_cast<double>((up_ / kRounds).ns), 10e9));
    CPPUNIT_ASSERT(is_near(static_cast<double>((down_ / kRounds).ns), 1e9));
    CPPUNIT_ASSERT(is_near(static_cast<double>(long_ones) / kRounds, 0.36788));
  }

  void replicas_of_one_seed_fail_at_other_times() {
    const auto first_of = [this](std::uint32_t replica) {
      setUp();
      begin(replica);
      return timers_.begin()->first;
    };
    CPPUNIT_ASSERT(first_of(1) != first_of(2) && first_of(2) != first_of(3));
    CPPUNIT_ASSERT(first_of(1) == first_of(1));
  }

  void a_role_that_is_not_back_is_left_alone() {
    begin(1);
    refuses_ = true;
    for (int i = 0; i < 3; ++i) run_one();
    CPPUNIT_ASSERT(failures_->stops() == 0 && logger_->lines.empty());
    refuses_ = false;
    run_one();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, failures_->stops());
  }

  void timers_after_the_end_do_nothing() {
    begin(1);
    failures_.reset();
    run_one();
    CPPUNIT_ASSERT(stopped_.empty() && timers_.empty());
  }

 private:
  using LinesLoggerPtr = std::unique_ptr<LinesLogger>;

  RoleFailures::Environment environment() {
    return {[this](std::string_view role) {
              if (refuses_) return false;
              stopped_ = role;
              return true;
            },
            [this](std::string_view role) {
              if (stopped_ != role) return false;
              stopped_.clear();
              ++starts_;
              return true;
            },
            [this] { return now_; },
            [this](TimePoint when, std::function<void()> task) {
              timers_.emplace(when, std::move(task));
            },
            *logger_};
  }
  void begin(std::uint32_t replica) {
    auto begun = RoleFailures::begin({{"acceptor", seconds(10), seconds(1)}}, kRoles, 5,
                                     ReplicaId{replica}, environment());
    CPPUNIT_ASSERT(begun.ok());
    failures_ = std::move(begun).value();
  }
  void run_one() {
    auto first = timers_.extract(timers_.begin());
    now_ = first.key();
    first.mapped()();
  }

  TimePoint now_;
  std::multimap<TimePoint, std::function<void()>> timers_;
  std::string stopped_;
  LinesLoggerPtr logger_;
  int starts_ = 0;
  Duration up_;
  Duration down_;
  bool refuses_ = false;
  std::unique_ptr<RoleFailures> failures_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RkvdRoleFailuresTest);

}  // namespace
}  // namespace rkv::daemon
