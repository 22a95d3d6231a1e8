#include "rkvd/options.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <utility>
#include <vector>

namespace rkv::daemon {
namespace {

// What rkvd makes of these arguments behind --data-dir, and of this environment.
Result<OptionsOutcome> read(const std::vector<const char*>& arguments,
                            std::vector<const char*> environment = {}) {
  std::vector<const char*> all = {"rkvd", "--data-dir", "data"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  environment.push_back(nullptr);
  return read_options(static_cast<int>(all.size()), all.data(), environment.data());
}

Options taken(const std::vector<const char*>& arguments,
              std::vector<const char*> environment = {}) {
  const Result<OptionsOutcome> outcome = read(arguments, std::move(environment));
  CPPUNIT_ASSERT_MESSAGE(outcome.ok() ? "" : outcome.status().reason(), outcome.ok());
  CPPUNIT_ASSERT(outcome.value().options.has_value());
  return *outcome.value().options;
}

void assert_refused(const std::string& part, const std::vector<const char*>& arguments) {
  const Result<OptionsOutcome> outcome = read(arguments);
  CPPUNIT_ASSERT_MESSAGE("it is taken, which should fail by: " + part, !outcome.ok());
  const std::string reason = outcome.status().reason();
  CPPUNIT_ASSERT_MESSAGE(reason, reason.find(part) != std::string::npos);
}

class OptionsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(OptionsTest);
  CPPUNIT_TEST(a_coordinator_comes_from_the_command_line_or_the_environment);
  CPPUNIT_TEST(times_of_2pc_follow_the_request_timeout);
  CPPUNIT_TEST(elections_bound_the_request_timeout_of_paxos_alone);
  CPPUNIT_TEST(an_epoch_has_a_second_to_a_day);
  CPPUNIT_TEST_SUITE_END();

 public:
  void a_coordinator_comes_from_the_command_line_or_the_environment() {
    CPPUNIT_ASSERT(!taken({}).coordinator);
    CPPUNIT_ASSERT_EQUAL(3U, *taken({"--coordinator", "3"}).coordinator);
    CPPUNIT_ASSERT_EQUAL(2U, *taken({}, {"RKVD_COORDINATOR=2"}).coordinator);
    CPPUNIT_ASSERT_EQUAL(3U, *taken({"--coordinator=3"}, {"RKVD_COORDINATOR=2"}).coordinator);
    assert_refused("coordinator", {"--coordinator", "one"});
  }

  void times_of_2pc_follow_the_request_timeout() {
    const Options usual = taken({"--replication", "2pc"});
    CPPUNIT_ASSERT(usual.twopc.request_timeout == seconds(5));
    CPPUNIT_ASSERT(usual.twopc.vote_timeout == seconds(2));
    const Options longer = taken({"--replication", "2pc", "--request-timeout-ms", "60000"});
    CPPUNIT_ASSERT(longer.twopc.request_timeout == seconds(60));
    CPPUNIT_ASSERT(longer.twopc.vote_timeout == seconds(2));
    const Options shorter = taken({"--replication", "2pc", "--request-timeout-ms", "700"});
    CPPUNIT_ASSERT(shorter.twopc.request_timeout == milliseconds(700));
    CPPUNIT_ASSERT(shorter.twopc.vote_timeout == milliseconds(700));
  }

  void elections_bound_the_request_timeout_of_paxos_alone() {
    const std::string too_short = "--request-timeout-ms must be at least --election-ms";
    assert_refused(too_short, {"--request-timeout-ms", "100"});
    assert_refused(too_short, {"--replication", "paxos", "--request-timeout-ms", "100"});
    const Options options = taken({"--replication", "2pc", "--request-timeout-ms", "100"});
    CPPUNIT_ASSERT(options.twopc.request_timeout == milliseconds(100));
    for (const char* replication : {"paxos", "2pc", "forward"}) {
      assert_refused("--request-timeout-ms must be at least 1",
                     {"--replication", replication, "--request-timeout-ms", "0"});
    }
  }

  void an_epoch_has_a_second_to_a_day() {
    CPPUNIT_ASSERT(taken({}).epoch_age == seconds(900));
    CPPUNIT_ASSERT(taken({"--epoch-s", "1"}).epoch_age == seconds(1));
    CPPUNIT_ASSERT(taken({}, {"RKVD_EPOCH_S=86400"}).epoch_age == seconds(86'400));
    for (const char* wrong : {"0", "86401"}) {
      assert_refused("--epoch-s must be from 1 to 86400", {"--epoch-s", wrong});
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OptionsTest);

}  // namespace
}  // namespace rkv::daemon
