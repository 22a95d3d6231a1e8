#include "rkv/shell_line.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

#include "rkv/completion.h"
#include "rkv/help.h"

namespace rkv::cli {
namespace {

using Texts = std::vector<std::string>;

Options parse(std::string_view line, const Options& shell = {}) {
  const Result<Options> parsed = parse_shell_line(line, shell);
  CPPUNIT_ASSERT_MESSAGE(parsed.status().to_string(), parsed.ok());
  return parsed.value();
}

std::string reason_of(std::string_view line) {
  const Result<Options> parsed = parse_shell_line(line, {});
  return parsed.ok() ? "parsed" : parsed.status().reason();
}

}  // namespace

class ShellLineTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ShellLineTest);
  CPPUNIT_TEST(takes_a_command_and_its_arguments);
  CPPUNIT_TEST(takes_options_for_this_line_only);
  CPPUNIT_TEST(takes_no_option_out_of_quotes);
  CPPUNIT_TEST(says_what_is_wrong);
  CPPUNIT_TEST(knows_a_refused_line_that_begins_a_transaction);
  CPPUNIT_TEST(knows_commands_by_either_case);
  CPPUNIT_TEST(completes_verbs);
  CPPUNIT_TEST_SUITE_END();

 public:
  void takes_a_command_and_its_arguments() {
    CPPUNIT_ASSERT(parse("").command.empty() && parse(" # put a b").command.empty());
    const Options options = parse("PUT 'a b' \\x00");
    CPPUNIT_ASSERT_EQUAL(std::string("PUT"), options.command);
    CPPUNIT_ASSERT((options.arguments == Texts{"a b", std::string(1, '\0')}));
    CPPUNIT_ASSERT(options.literal_value && !parse("put 'a' b").literal_value);
  }

  void takes_options_for_this_line_only() {
    Options shell;
    shell.command = "shell";
    shell.format = OutputFormat::kTable;
    shell.timeout = seconds(3);
    shell.servers_text = "a";
    const Options plain = parse("status", shell);
    CPPUNIT_ASSERT(plain.format == OutputFormat::kTable && plain.timeout == seconds(3));
    CPPUNIT_ASSERT(plain.servers_text == "a" && !plain.state_hash);
    for (const char* line : {"-w json status", "status -wjson", "status --output json",
                             "--output=json status", "status -w 'json'"}) {
      const Options options = parse(line, shell);
      CPPUNIT_ASSERT_MESSAGE(line, options.format == OutputFormat::kJson);
      CPPUNIT_ASSERT_MESSAGE(line, options.command == "status" && options.arguments.empty());
    }
    CPPUNIT_ASSERT(parse("status --state-hash").state_hash);
    CPPUNIT_ASSERT(parse("get --help").help && parse("get -h").command == "get");
    CPPUNIT_ASSERT(parse("--help").help);
    const Options put = parse("put k v --if-value \"-\\x00\" --timeout 1", shell);
    CPPUNIT_ASSERT(put.if_value == std::string("-\0", 2) && put.timeout == seconds(1));
    CPPUNIT_ASSERT((parse("incr k -5").arguments == Texts{"k", "-5"}));
    shell.consistency = client::Consistency::kEventual;
    CPPUNIT_ASSERT(parse("get k", shell).consistency == client::Consistency::kEventual);
    CPPUNIT_ASSERT(parse("get k --consistency linearizable", shell).consistency ==
                   client::Consistency::kLinearizable);
  }

  void takes_no_option_out_of_quotes() {
    CPPUNIT_ASSERT((parse("put '-k' \"--help\"").arguments == Texts{"-k", "--help"}));
    CPPUNIT_ASSERT((parse("put -- -k --").arguments == Texts{"-k", "--"}));
    CPPUNIT_ASSERT((parse("put k -").arguments == Texts{"k", "-"}));
    CPPUNIT_ASSERT((parse("put '--' -h").arguments == Texts{"--"}));
  }

  void says_what_is_wrong() {
    const std::string quoting = "; an argument that begins with - is quoted, or stands behind --";
    CPPUNIT_ASSERT_EQUAL("the required argument for option '-w' is missing" + quoting,
                         reason_of("status -w"));
    CPPUNIT_ASSERT_EQUAL("unrecognised option '--frob'" + quoting, reason_of("put k --frob"));
    CPPUNIT_ASSERT_EQUAL(std::string("--output is x, but must be simple, table or json"),
                         reason_of("status --output x"));
    CPPUNIT_ASSERT_EQUAL(std::string("a command is missing"), reason_of("--state-hash"));
    CPPUNIT_ASSERT_EQUAL(std::string("-s is for the shell as a whole, not for one line of it"),
                         reason_of("-s host get k"));
    CPPUNIT_ASSERT_EQUAL(std::string("a quote is not closed: '"), reason_of("get '"));
  }

  void knows_a_refused_line_that_begins_a_transaction() {
    for (const char* line : {"txn --frob", " TXN -w", "txn --frob x", "txn --frob=x", "--frob txn",
                             "--frob=x txn", "-w xml txn", "txn -w xml --timeout 'x", "'txn' -x",
                             "txn '", "txn \"", "txn \\", "txn --prefix \"a b", "txn - -s x"}) {
      CPPUNIT_ASSERT_MESSAGE(line, reason_of(line) != "parsed" && begins_transaction(line));
    }
    for (const char* line : {"txn -w xml file", "txn 'a file", "txn \\file", "txn a\\ b\\c -w",
                             "txn --frob x file", "--frob txn file", "put --frob txn",
                             "put txn --frob", "get '", "--frob", "'", "txn '-' -w"}) {
      CPPUNIT_ASSERT_MESSAGE(line, reason_of(line) != "parsed" && !begins_transaction(line));
    }
  }

  void knows_commands_by_either_case() {
    CPPUNIT_ASSERT_EQUAL(std::string("put"), to_command_name("pUt", true));
    CPPUNIT_ASSERT_EQUAL(std::string("del"), to_command_name("DELETE", true));
    CPPUNIT_ASSERT_EQUAL(std::string("Delete"), to_command_name("Delete", false));
    for (const std::string_view verb : shell_verbs()) {
      CPPUNIT_ASSERT(!shell_command_help(to_command_name(verb, true)).empty());
    }
  }

  void completes_verbs() {
    CPPUNIT_ASSERT_EQUAL(std::string("tatus "), complete("s").inserted);
    CPPUNIT_ASSERT_EQUAL(std::string("ATUS "), complete("  sT").inserted);
    CPPUNIT_ASSERT((complete("d").candidates == Texts{"del", "delete", "demo", "dump"}));
    CPPUNIT_ASSERT((complete("de").candidates == Texts{"del", "delete", "demo"}));
    CPPUNIT_ASSERT_EQUAL(std::string(), complete("de").inserted);
    CPPUNIT_ASSERT_EQUAL(std::string("eys-only "), complete("get --k").inserted);
    CPPUNIT_ASSERT((complete("put k v --if-").candidates ==
                    Texts{"--if-absent", "--if-value", "--if-version"}));
    CPPUNIT_ASSERT_EQUAL(std::string("ual "), complete("get --consistency event").inserted);
    CPPUNIT_ASSERT_EQUAL(std::string("on "), complete("put -w js").inserted);
    CPPUNIT_ASSERT_EQUAL(std::string("eplicas "), complete("HELP r").inserted);
    CPPUNIT_ASSERT_EQUAL(shell_verbs().size(), complete("").candidates.size());
    for (const char* line : {"x", "get p", "get ", "help help "}) {
      const Completion completion = complete(line);
      CPPUNIT_ASSERT_MESSAGE(line, completion.inserted.empty() && completion.candidates.empty());
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ShellLineTest);

}  // namespace rkv::cli
