#include "../../history/history_file.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "register_simulation.h"

namespace rkv::history {
namespace {

using namespace std::string_literals;

class HistoryTextTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(HistoryTextTest);
  CPPUNIT_TEST(lines_are_as_described);
  CPPUNIT_TEST(lines_are_read);
  CPPUNIT_TEST(every_byte_round_trips);
  CPPUNIT_TEST(a_history_round_trips);
  CPPUNIT_TEST(bad_lines_are_refused_with_their_number);
  CPPUNIT_TEST_SUITE_END();

  static Operation parse_one(const std::string& text) {
    const Result<History> history = parse_history(text, "file");
    CPPUNIT_ASSERT_MESSAGE(history.status().to_string(), history.ok());
    CPPUNIT_ASSERT(history.value().size() == 1);
    return history.value()[0];
  }

  void lines_are_as_described() {
    CPPUNIT_ASSERT_EQUAL("3 10 20 put key value ok 2"s,
                         to_line({3, 10, 20, Kind::kPut, "key", "value", Outcome::kOk, 2, ""}));
    CPPUNIT_ASSERT_EQUAL("3 10 20 get a%20b ok - %"s,
                         to_line({3, 10, 20, Kind::kGet, "a b", "", Outcome::kOk, {}, ""}));
    CPPUNIT_ASSERT_EQUAL("3 10 20 del k none"s,
                         to_line({3, 10, 20, Kind::kDel, "k", "", Outcome::kNotFound, {}, ""}));
    CPPUNIT_ASSERT_EQUAL("3 10 - put k v unknown"s,
                         to_line({3, 10, kNever, Kind::kPut, "k", "v", Outcome::kUnknown, {}, ""}));
    CPPUNIT_ASSERT_EQUAL("3 10 20 del k refused"s,
                         to_line({3, 10, 20, Kind::kDel, "k", "", Outcome::kRefused, {}, ""}));
  }

  void lines_are_read() {
    const Operation get = parse_one("# made by hand\n\n 3  10\t20 get a%20b ok 7 x%25 replica=1\n");
    CPPUNIT_ASSERT(get.process == 3 && get.invoked == 10 && get.returned == 20);
    CPPUNIT_ASSERT(get.kind == Kind::kGet && get.key == "a b" && get.outcome == Outcome::kOk);
    CPPUNIT_ASSERT(get.version == 7 && get.value == "x%");
    const Operation put = parse_one("0 10 30 put k v unknown");
    CPPUNIT_ASSERT(put.outcome == Outcome::kUnknown && put.returned == kNever);
    CPPUNIT_ASSERT(put.argument == "v" && !put.version);
    CPPUNIT_ASSERT(parse_history("", "file").value().empty());
    CPPUNIT_ASSERT(parse_history("\n\n#x", "file").value().empty());
  }

  void every_byte_round_trips() {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    for (const std::string& it : {bytes, ""s, "%"s, "-"s, "\0"s, "ok"s}) {
      const Operation read =
          parse_one(to_line({1, 2, 3, Kind::kGet, it + "k", "", Outcome::kOk, UINT64_MAX, it}));
      CPPUNIT_ASSERT(read.key == it + "k" && read.value == it && read.version == UINT64_MAX);
    }
  }

  void a_history_round_trips() {
    Random random(1);
    SimulationOptions options;
    options.operations = 1000;
    options.keys = 10;
    options.lost_one_in = 20;
    const History history = simulate(options, random);
    std::string text;
    for (const Operation& operation : history) text += to_line(operation) + '\n';
    const Result<History> read = parse_history(text, "file");
    CPPUNIT_ASSERT_MESSAGE(read.status().to_string(), read.ok());
    CPPUNIT_ASSERT(read.value().size() == history.size());
    for (std::size_t i = 0; i < history.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL(to_text(history[i]), to_text(read.value()[i]));
    }
  }

  static void assert_refused(const std::string& line, const std::string& reason) {
    const Status status = parse_history("# good\n1 2 3 get k none\n" + line, "file").status();
    CPPUNIT_ASSERT(status.code() == StatusCode::kInvalid);
    CPPUNIT_ASSERT_EQUAL("file:3: " + reason, status.reason());
  }

  void bad_lines_are_refused_with_their_number() {
    assert_refused("x 2 3 get k none", "the process is no number: x");
    assert_refused("1", "the time of the request is missing");
    assert_refused("1 -2 3 get k none", "the time of the request is no number: -2");
    assert_refused("1 2 18446744073709551616 get k none",
                   "the time of the answer is no number: 18446744073709551616");
    assert_refused("1 2 3", "what was asked is missing");
    assert_refused("1 2 3 inc k none", "this is not put, get or del: inc");
    assert_refused("1 2 3 get", "the key is missing");
    assert_refused("1 2 3 get k%2 none",
                   "the key has a % without two hexadecimal digits behind it");
    assert_refused("1 2 3 put k", "the value to put is missing");
    assert_refused("1 2 3 put k v", "the result is missing");
    assert_refused("1 2 3 put k v none", "this is no result of it: none");
    assert_refused("1 2 3 put k v ok", "the version is missing");
    assert_refused("1 2 3 put k v ok x", "the version is no number: x");
    assert_refused("1 2 3 get k ok 1", "the value that was read is missing");
    assert_refused("1 2 3 get k none more", "behind the result, this is not NAME=TEXT: more");
    assert_refused("1 3 2 get k none", "the answer comes before the request");
    assert_refused("1 3 - get k none", "there is a result, but no time of the answer");
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HistoryTextTest);

}  // namespace
}  // namespace rkv::history
