#include "rkv/txn_parser.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "base/limits.h"

namespace rkv::cli {
namespace {

using client::Compare;
using client::Step;
using client::Transaction;

Transaction parse(const std::vector<std::string>& lines) {
  TxnParser parser("t");
  for (const std::string& line : lines) {
    const Status status = parser.take(line);
    CPPUNIT_ASSERT_MESSAGE(status.to_string(), status.ok());
  }
  return parser.transaction();
}

// What is wrong with the last of the lines.
std::string reason_of(const std::vector<std::string>& lines) {
  TxnParser parser("t");
  Status status;
  for (const std::string& line : lines) {
    CPPUNIT_ASSERT_MESSAGE(status.to_string(), status.ok());
    status = parser.take(line);
  }
  return status.ok() ? "taken" : status.reason();
}

Compare compare(std::string key, Compare::Target target, Compare::Relation relation,
                std::uint64_t number) {
  Compare compare;
  compare.key = std::move(key);
  compare.target = target;
  compare.relation = relation;
  compare.number = number;
  return compare;
}

}  // namespace

class TxnParserTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TxnParserTest);
  CPPUNIT_TEST(takes_conditions);
  CPPUNIT_TEST(takes_steps_into_their_branch);
  CPPUNIT_TEST(needs_no_then_without_a_condition);
  CPPUNIT_TEST(takes_values_as_the_shell_does);
  CPPUNIT_TEST(says_what_is_wrong_and_where);
  CPPUNIT_TEST(a_wrong_line_changes_nothing);
  CPPUNIT_TEST(keeps_the_limits);
  CPPUNIT_TEST_SUITE_END();

 public:
  void takes_conditions() {
    const Transaction transaction =
        parse({"# who has it", "", "if exists a", "IF absent b", "if version c = 3",
               "if created d < 17", "if modified e > 18", "if value f != 'x y'", "then"});
    const std::vector<Compare> expected = {
        Compare::exists("a"),
        Compare::absent("b"),
        compare("c", Compare::Target::kVersion, Compare::Relation::kEqual, 3),
        compare("d", Compare::Target::kCreated, Compare::Relation::kLess, 17),
        compare("e", Compare::Target::kModified, Compare::Relation::kGreater, 18),
    };
    CPPUNIT_ASSERT_EQUAL(std::size_t{6}, transaction.compares.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CPPUNIT_ASSERT(transaction.compares[i] == expected[i]);
    }
    const Compare& value = transaction.compares[5];
    CPPUNIT_ASSERT(value.target == Compare::Target::kValue && value.value == "x y");
    CPPUNIT_ASSERT(value.relation == Compare::Relation::kNotEqual && value.key == "f");
  }

  void takes_steps_into_their_branch() {
    const Transaction transaction =
        parse({"if exists a", "then", "  put k v", "put k v --prev", "del k", "del --prev k",
               "incr n", "incr n -5", "append k v", "del --prefix p/", "del --from a --to b",
               "else", "GET k", "del --from a", "end"});
    const std::vector<Step> then = {
        Step::put("k", "v"),    Step::put("k", "v", true),   Step::del("k"),
        Step::del("k", true),   Step::incr("n", 1),          Step::incr("n", -5),
        Step::append("k", "v"), Step::del_range("p/", "p0"), Step::del_range("a", "b"),
    };
    CPPUNIT_ASSERT(transaction.then == then);
    CPPUNIT_ASSERT(
        (transaction.otherwise == std::vector<Step>{Step::get("k"), Step::del_range("a", "")}));
  }

  void needs_no_then_without_a_condition() {
    CPPUNIT_ASSERT(
        (parse({"get a", "get b"}).then == std::vector<Step>{Step::get("a"), Step::get("b")}));
    CPPUNIT_ASSERT((parse({"then", "get a"}).then == std::vector<Step>{Step::get("a")}));
    // Without a branch for what is asked.
    CPPUNIT_ASSERT((parse({"if exists a", "else", "get a"}).otherwise.size() == 1));
  }

  void takes_values_as_the_shell_does() {
    std::ofstream("txn_parser_test.value") << "from a file";
    const Transaction transaction =
        parse({"put k @txn_parser_test.value", "put k '@x'", R"(put "\x00" "\xff")", "put k '-'",
               "put if then", "put -- -k -v"});
    const std::vector<Step> expected = {
        Step::put("k", "from a file"),
        Step::put("k", "@x"),
        Step::put(std::string(1, '\0'), "\xff"),
        Step::put("k", "-"),
        Step::put("if", "then"),
        Step::put("-k", "-v"),
    };
    CPPUNIT_ASSERT(transaction.then == expected);
    std::remove("txn_parser_test.value");
  }

  void says_what_is_wrong_and_where() {
    const std::string condition =
        "a condition is: if exists KEY, if absent KEY, or if version|created|modified|value KEY "
        "=|!=|<|> WHAT";
    CPPUNIT_ASSERT_EQUAL("t:1: " + condition, reason_of({"if a"}));
    CPPUNIT_ASSERT_EQUAL("t:2: " + condition, reason_of({"", "if version a == 3"}));
    CPPUNIT_ASSERT_EQUAL("t:1: " + condition, reason_of({"if size a = 3"}));
    CPPUNIT_ASSERT_EQUAL(std::string("t:1: three is not a number"),
                         reason_of({"if version a = three"}));
    CPPUNIT_ASSERT_EQUAL(
        std::string("t:1: frob is no word of a transaction: if, then, else, end, put, get, del, "
                    "incr and append are"),
        reason_of({"frob a"}));
    CPPUNIT_ASSERT_EQUAL(std::string("t:2: steps stand behind 'then' or 'else'"),
                         reason_of({"if exists a", "get a"}));
    CPPUNIT_ASSERT_EQUAL(std::string("t:2: conditions stand before 'then' and 'else'"),
                         reason_of({"then", "if exists a"}));
    CPPUNIT_ASSERT_EQUAL(std::string("t:2: 'else' without a condition would never be done"),
                         reason_of({"get a", "else"}));
    CPPUNIT_ASSERT_EQUAL(std::string("t:3: there is an 'else' already"),
                         reason_of({"if exists a", "else", "else"}));
    CPPUNIT_ASSERT_EQUAL(
        std::string("t:2: 'then' stands behind the conditions, once, and before 'else'"),
        reason_of({"then", "then"}));
    CPPUNIT_ASSERT_EQUAL(std::string("t:1: 'then' stands on a line of its own"),
                         reason_of({"then put a b"}));
    CPPUNIT_ASSERT_EQUAL(std::string("t:3: there is something behind 'end'"),
                         reason_of({"get a", "end", "get a"}));
    CPPUNIT_ASSERT_EQUAL(std::string("t:1: it should be: put KEY VALUE|@FILE [--prev]"),
                         reason_of({"put a"}));
    CPPUNIT_ASSERT_EQUAL(
        std::string("t:1: it should be: del KEY [--prev], del --prefix P, or del --from A --to B"),
        reason_of({"del a --prefix b"}));
    const std::string empty_end =
        "t:1: --to is empty, and no key is before that; without --to there is no end";
    CPPUNIT_ASSERT_EQUAL(empty_end, reason_of({"del --to ''"}));
    CPPUNIT_ASSERT_EQUAL(empty_end, reason_of({"del --from a --to="}));
    CPPUNIT_ASSERT_EQUAL(std::string("t:1: --limit is not an option of get here"),
                         reason_of({"get a --limit 3"}));
    CPPUNIT_ASSERT_EQUAL(std::string("t:1: a quote is not closed: '"), reason_of({"get 'a"}));
    CPPUNIT_ASSERT_EQUAL(std::string("t:1: absent-file: No such file or directory"),
                         reason_of({"put a @absent-file"}));
    CPPUNIT_ASSERT_EQUAL(
        std::string("t:1: '-' for standard input is not possible here; the text itself is \"-\""),
        reason_of({"put a -"}));
  }

  void a_wrong_line_changes_nothing() {
    TxnParser parser("t");
    CPPUNIT_ASSERT(parser.take("if exists a").ok());
    CPPUNIT_ASSERT(!parser.take("put a b").ok());
    CPPUNIT_ASSERT(!parser.take("if version a =").ok());
    CPPUNIT_ASSERT(parser.take("then").ok() && parser.take("put a b").ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, parser.transaction().compares.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, parser.transaction().then.size());
    CPPUNIT_ASSERT(!parser.ended() && parser.take("end").ok() && parser.ended());
    CPPUNIT_ASSERT(TxnParser::is_end("end") && TxnParser::is_end("\t END "));
    for (const char* line : {"", "end of it", "'end'", "# end", "end \"", "else"}) {
      CPPUNIT_ASSERT_MESSAGE(line, !TxnParser::is_end(line));
    }
  }

  void keeps_the_limits() {
    TxnParser parser("t");
    for (std::size_t i = 0; i < kComparesMax; ++i) {
      CPPUNIT_ASSERT(parser.take("if exists a").ok());
    }
    CPPUNIT_ASSERT(parser.take("if exists a").code() == StatusCode::kOverLimit);
    CPPUNIT_ASSERT(parser.take("then").ok());
    for (std::size_t i = 0; i < kStepsMax; ++i) CPPUNIT_ASSERT(parser.take("get a").ok());
    CPPUNIT_ASSERT(parser.take("get a").code() == StatusCode::kOverLimit);
    CPPUNIT_ASSERT(parser.take("else").ok() && parser.take("get a").ok());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(TxnParserTest);

}  // namespace rkv::cli
