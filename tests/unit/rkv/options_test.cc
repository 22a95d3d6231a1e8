#include "rkv/options.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "rkv/shell_line.h"

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
  CPPUNIT_TEST(takes_the_options_of_commands);
  CPPUNIT_TEST(refuses_options_that_a_command_does_not_have);
  CPPUNIT_TEST(takes_a_consistency);
  CPPUNIT_TEST(a_shell_hands_on_what_it_does_not_use);
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
    CPPUNIT_ASSERT_EQUAL(std::string("unrecognised option '-5'"), reason_of({"put", "k", "-5x"}));
    CPPUNIT_ASSERT_EQUAL(std::string("option '--help' does not take a value"),
                         reason_of({"--help=yes"}));
    CPPUNIT_ASSERT_EQUAL(std::string("the required argument for option '-w' is missing"),
                         reason_of({"get", "-w"}));
    CPPUNIT_ASSERT_EQUAL(std::string("option '--output' cannot be given more than once"),
                         reason_of({"-wjson", "--output=json"}));
    CPPUNIT_ASSERT_EQUAL(std::string("--limit is 0, but must be a number from 1"),
                         reason_of({"get", "--limit", "0"}));
    CPPUNIT_ASSERT_EQUAL(std::string("--if-version is -1, but must be a number from 0"),
                         reason_of({"put", "--if-version", "-1"}));
    CPPUNIT_ASSERT_EQUAL(
        std::string("--consistency is strong, but must be linearizable, sequential or eventual"),
        reason_of({"get", "--consistency", "strong"}));
    CPPUNIT_ASSERT_EQUAL(std::string("--max-staleness goes with --consistency eventual only"),
                         reason_of({"get", "--max-staleness", "1"}));
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
    CPPUNIT_ASSERT_EQUAL(std::string("--transport is dccp, but must be tcp or udp"),
                         reason_of({"--transport", "dccp"}));
    CPPUNIT_ASSERT(parse({"--timeout", "4"}).value().timeout == seconds(4));
    setenv("RKV_OUTPUT", "yaml", 1);
    CPPUNIT_ASSERT_EQUAL(std::string("RKV_OUTPUT is yaml, but must be simple, table or json"),
                         reason_of({}));
    CPPUNIT_ASSERT_EQUAL(std::string("parsed"), reason_of({"-w", "simple"}));
    setenv("RKV_OUTPUT", "table", 1);
    CPPUNIT_ASSERT(parse({"version"}).value().format == OutputFormat::kTable);
  }

  void takes_the_options_of_commands() {
    const Options put =
        parse({"put", "k", "-5", "--if-version=3", "--if-value", "-v", "--prev", "--if-absent"})
            .value();
    CPPUNIT_ASSERT((put.arguments == std::vector<std::string>{"k", "-5"}));
    CPPUNIT_ASSERT(put.if_version == 3 && put.if_value == "-v" && put.prev && put.if_absent);
    const Options get = parse({"get", "--prefix", "", "--limit", "7", "--keys-only", "--reverse",
                               "--count-only", "--from=a", "--to=b"})
                            .value();
    CPPUNIT_ASSERT(get.prefix == "" && get.from == "a" && get.to == "b" && get.limit == 7);
    CPPUNIT_ASSERT(get.keys_only && get.reverse && get.count_only && get.arguments.empty());
    CPPUNIT_ASSERT(parse({"load", "f", "--resume"}).value().resume);
  }

  void refuses_options_that_a_command_does_not_have() {
    const auto reason = [](const std::vector<const char*>& words) {
      return check_options(parse(words).value()).reason();
    };
    CPPUNIT_ASSERT_EQUAL(std::string("--prev is for put, del only"), reason({"get", "--prev"}));
    CPPUNIT_ASSERT_EQUAL(std::string("--consistency is for get, txn, dump, shell only"),
                         reason({"put", "--consistency", "eventual"}));
    CPPUNIT_ASSERT_EQUAL(std::string("--state-hash is for status only"),
                         reason({"replicas", "--state-hash"}));
    CPPUNIT_ASSERT_EQUAL(std::string(), reason({"del", "--prefix", "a", "-w", "json"}));
    // What the environment says is for those that it concerns.
    setenv("RKV_CONSISTENCY", "eventual", 1);
    CPPUNIT_ASSERT_EQUAL(std::string(), reason({"put", "k", "v"}));
  }

  void takes_a_consistency() {
    CPPUNIT_ASSERT(parse({"get"}).value().call().consistency == client::Consistency::kLinearizable);
    const Options given =
        parse({"get", "--consistency", "eventual", "--max-staleness", "0.25"}).value();
    CPPUNIT_ASSERT(given.call().consistency == client::Consistency::kEventual);
    CPPUNIT_ASSERT(given.call().max_staleness == milliseconds(250));
    setenv("RKV_CONSISTENCY", "eventual", 1);
    setenv("RKV_MAX_STALENESS", "2", 1);
    setenv("RKV_HISTORY", "calls", 1);
    const Options environment = parse({"get"}).value();
    CPPUNIT_ASSERT(environment.call().max_staleness == seconds(2));
    CPPUNIT_ASSERT(environment.history_file == "calls");
    const Options stronger = parse({"get", "--consistency", "sequential"}).value();
    CPPUNIT_ASSERT(stronger.call().consistency == client::Consistency::kSequential);
    CPPUNIT_ASSERT(stronger.call().max_staleness == Duration{});
    // Of a command that has no such option the environment says nothing.
    for (const char* command : {"demo", "put", "incr", "replicas"}) {
      const client::CallOptions call = parse({command}).value().call();
      CPPUNIT_ASSERT_MESSAGE(command, call.consistency == client::Consistency::kLinearizable);
      CPPUNIT_ASSERT_MESSAGE(command, call.max_staleness == Duration{});
    }
  }

  void a_shell_hands_on_what_it_does_not_use() {
    setenv("RKV_MAX_STALENESS", "2", 1);
    const Options shell = parse({"shell"}).value();
    const auto call = [&shell](std::string_view line) {
      return parse_shell_line(line, shell).value().call();
    };
    CPPUNIT_ASSERT(call("get k --consistency eventual").max_staleness == seconds(2));
    CPPUNIT_ASSERT(call("get k --consistency eventual --max-staleness 3").max_staleness ==
                   seconds(3));
    CPPUNIT_ASSERT(call("get k").max_staleness == Duration{});
    const Options eventual = parse({"shell", "--consistency", "eventual"}).value();
    CPPUNIT_ASSERT(parse_shell_line("get k", eventual).value().call().max_staleness == seconds(2));
    const client::CallOptions demo = parse_shell_line("demo", eventual).value().call();
    CPPUNIT_ASSERT(demo.consistency == client::Consistency::kLinearizable);
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
         {"RKV_TIMEOUT", "RKV_OUTPUT", "RKV_SERVERS", "RKV_REPLICAS", "RKV_TRANSPORT",
          "RKV_CONSISTENCY", "RKV_MAX_STALENESS", "RKV_HISTORY"}) {
      unsetenv(name);
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RkvOptionsTest);

}  // namespace rkv::cli
