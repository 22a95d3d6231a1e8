#include "rkv/options.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace rkv::cli {
namespace {

Result<Options> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "rkv");
  return parse_options(static_cast<int>(words.size()), words.data());
}

std::string reason_of(const std::vector<const char*>& words) {
  const Result<Options> parsed = parse(words);
  return parsed.ok() ? "parsed" : parsed.status().reason();
}

}  // namespace

class RkvOptionsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RkvOptionsTest);
  CPPUNIT_TEST(takes_options_before_and_after_the_command);
  CPPUNIT_TEST(keeps_arguments_as_they_are);
  CPPUNIT_TEST(says_what_is_wrong);
  CPPUNIT_TEST(takes_the_environment_where_there_is_no_option);
  CPPUNIT_TEST(options_for_servers_hide_both_variables);
  CPPUNIT_TEST(finds_the_servers);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { clear_environment(); }
  void tearDown() override { clear_environment(); }

  void takes_options_before_and_after_the_command() {
    const Result<Options> parsed =
        parse({"-s", "a,b:1", "status", "--state-hash", "-w", "json", "--timeout=0.5", "-fx"});
    CPPUNIT_ASSERT_MESSAGE(parsed.status().to_string(), parsed.ok());
    const Options& options = parsed.value();
    CPPUNIT_ASSERT_EQUAL(std::string("status"), options.command);
    CPPUNIT_ASSERT(options.arguments.empty() && options.state_hash);
    CPPUNIT_ASSERT(options.format == OutputFormat::kJson);
    CPPUNIT_ASSERT(options.timeout == milliseconds(500));
    CPPUNIT_ASSERT(options.servers_text == "a,b:1" && options.replicas_file == "x");
  }

  void keeps_arguments_as_they_are() {
    const std::vector<std::string> expected = {"-key", "", "--value", "-", "--"};
    const Result<Options> parsed = parse({"put", "--", "-key", "", "--value", "-", "--"});
    CPPUNIT_ASSERT(parsed.ok() && parsed.value().arguments == expected);
    const Result<Options> plain = parse({"put", "", "-"});
    CPPUNIT_ASSERT(plain.ok());
    CPPUNIT_ASSERT((plain.value().arguments == std::vector<std::string>{"", "-"}));
  }

  void says_what_is_wrong() {
    CPPUNIT_ASSERT_EQUAL(std::string("unrecognised option '--nope'"), reason_of({"get", "--nope"}));
    CPPUNIT_ASSERT_EQUAL(std::string("unrecognised option '-5'"), reason_of({"put", "k", "-5"}));
    CPPUNIT_ASSERT_EQUAL(std::string("unrecognised option '--time'"), reason_of({"--time", "1"}));
    CPPUNIT_ASSERT_EQUAL(std::string("-w is xml, but must be simple, table or json"),
                         reason_of({"-w", "xml"}));
    for (const char* text : {"0", "-1", "nan", "inf", "1s", "", "1e9", "86401"}) {
      const std::string option = std::string("--timeout=") + text;
      CPPUNIT_ASSERT_MESSAGE(option, reason_of({option.c_str()}) != "parsed");
    }
  }

  void takes_the_environment_where_there_is_no_option() {
    setenv("RKV_TIMEOUT", "3", 1);
    setenv("RKV_OUTPUT", "json", 1);
    setenv("RKV_SERVERS", "a", 1);
    setenv("RKV_REPLICAS", "", 1);
    const Options options = parse({"version"}).value();
    CPPUNIT_ASSERT(options.timeout == seconds(3));
    CPPUNIT_ASSERT(options.format == OutputFormat::kJson);
    CPPUNIT_ASSERT(options.servers_text == "a" && !options.replicas_file);
    CPPUNIT_ASSERT(options.transport == rpc::Transport::kTcp);
    setenv("RKV_TRANSPORT", "udp", 1);
    CPPUNIT_ASSERT(parse({"get"}).value().transport == rpc::Transport::kUdp);
    CPPUNIT_ASSERT(parse({"get", "-t", "tcp"}).value().transport == rpc::Transport::kTcp);
    CPPUNIT_ASSERT_EQUAL(std::string("-t is dccp, but must be tcp or udp"),
                         reason_of({"--transport", "dccp"}));
    CPPUNIT_ASSERT(parse({"--timeout", "4"}).value().timeout == seconds(4));
    setenv("RKV_OUTPUT", "yaml", 1);
    CPPUNIT_ASSERT_EQUAL(std::string("RKV_OUTPUT is yaml, but must be simple, table or json"),
                         reason_of({}));
    CPPUNIT_ASSERT_EQUAL(std::string("parsed"), reason_of({"-w", "simple"}));
    setenv("RKV_OUTPUT", "table", 1);
    CPPUNIT_ASSERT(parse({"version"}).value().format == OutputFormat::kTable);
  }

  void options_for_servers_hide_both_variables() {
    setenv("RKV_SERVERS", "a", 1);
    setenv("RKV_REPLICAS", "file", 1);
    CPPUNIT_ASSERT(!parse({"-s", "b"}).value().replicas_file);
    CPPUNIT_ASSERT(!parse({"-f", "b"}).value().servers_text);
    CPPUNIT_ASSERT(parse({}).value().replicas_file == "file");
  }

  void finds_the_servers() {
    Options options;
    Result<Cluster> cluster = find_cluster(options);
    CPPUNIT_ASSERT(cluster.ok() && cluster.value().replicas.empty());
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1:7411"), cluster.value().servers.at(0).name());
    options.servers_text = "a:1,b";
    cluster = find_cluster(options);
    CPPUNIT_ASSERT_EQUAL(std::string("b:7411"), cluster.value().servers.at(1).name());
    options.replicas_file = "/nonexistent/file";
    CPPUNIT_ASSERT_EQUAL(std::string("/nonexistent/file: No such file or directory"),
                         find_cluster(options).status().reason());
  }

 private:
  static void clear_environment() {
    for (const char* name :
         {"RKV_TIMEOUT", "RKV_OUTPUT", "RKV_SERVERS", "RKV_REPLICAS", "RKV_TRANSPORT"}) {
      unsetenv(name);
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RkvOptionsTest);

}  // namespace rkv::cli
