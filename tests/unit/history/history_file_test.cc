#include "../../history/history_file.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "../../history/json_bytes.h"
#include "register_simulation.h"
#include "transaction_simulation.h"

namespace rkv::history {
namespace {

using namespace std::string_literals;

class HistoryTextTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(HistoryTextTest);
  CPPUNIT_TEST(lines_are_as_described);
  CPPUNIT_TEST(the_line_of_a_transaction_is_as_described);
  CPPUNIT_TEST(lines_are_read);
  CPPUNIT_TEST(a_transaction_is_read);
  CPPUNIT_TEST(every_byte_round_trips);
  CPPUNIT_TEST(base64_is_that_of_the_rfc);
  CPPUNIT_TEST(a_history_round_trips);
  CPPUNIT_TEST(a_history_of_transactions_round_trips);
  CPPUNIT_TEST(lists_and_slots_round_trip);
  CPPUNIT_TEST(a_list_is_read);
  CPPUNIT_TEST(bad_lines_are_refused_with_their_number);
  CPPUNIT_TEST(bad_transactions_are_refused);
  CPPUNIT_TEST_SUITE_END();

  static Operation parse_one(const std::string& text) {
    const Result<History> history = parse_history(text, "file");
    CPPUNIT_ASSERT_MESSAGE(history.status().to_string(), history.ok());
    CPPUNIT_ASSERT(history.value().size() == 1);
    return history.value()[0];
  }

  void lines_are_as_described() {
    CPPUNIT_ASSERT_EQUAL(
        R"({"process":3,"invoked_us":10,"returned_us":20,"operation":"put",)"
        R"("arguments":{"key":"key","value":"value"},"outcome":"ok","result":{"version":2},)"
        R"("replica":"a:1"})"s,
        to_line({3, 10, 20, Kind::kPut, "key", "value", Outcome::kOk, 2, ""}, "a:1"));
    Operation get{3, 10, 20, Kind::kGet, "a b", "", Outcome::kOk, {}, "\xFF"};
    get.consistency = Consistency::kSequential;
    get.position = 7;
    CPPUNIT_ASSERT_EQUAL(R"({"process":3,"invoked_us":10,"returned_us":20,"operation":"get",)"
                         R"("arguments":{"key":"a b"},"consistency":"sequential","outcome":"ok",)"
                         R"("result":{"value_base64":"/w=="},"slot":7})"s,
                         to_line(get));
    CPPUNIT_ASSERT_EQUAL(R"({"process":3,"invoked_us":10,"returned_us":20,"operation":"del",)"
                         R"("arguments":{"key":"k"},"outcome":"not_found"})"s,
                         to_line({3, 10, 20, Kind::kDel, "k", "", Outcome::kNotFound, {}, ""}));
    CPPUNIT_ASSERT_EQUAL(R"({"process":3,"invoked_us":10,"operation":"put",)"
                         R"("arguments":{"key":"k","value":"v"},"outcome":"unknown"})"s,
                         to_line({3, 10, kNever, Kind::kPut, "k", "v", Outcome::kUnknown, {}, ""}));
  }

  void the_line_of_a_transaction_is_as_described() {
    Operation operation{1, 5, 9, Kind::kTransact, "", "", Outcome::kOk, {}, ""};
    operation.transaction.compares = {
        {"k", Compare::Target::kVersion, Compare::Relation::kEqual, 2, ""}};
    operation.transaction.then = {{Step::Kind::kIncr, "n", "", -1}, {Step::Kind::kDel, "k", "", 0}};
    operation.transaction.otherwise = {{Step::Kind::kGet, "k", "", 0}};
    operation.transacted = {true, {{false, 4, {}, 12}, {true, 2, {}, {}}}};
    CPPUNIT_ASSERT_EQUAL(
        R"({"process":1,"invoked_us":5,"returned_us":9,"operation":"transact","arguments":{)"
        R"("compare":[{"key":"k","target":"version","relation":"equal","number":2}],)"
        R"("then":[{"operation":"incr","key":"n","amount":-1},{"operation":"del","key":"k"}],)"
        R"("else":[{"operation":"get","key":"k"}]},"outcome":"ok","result":{"succeeded":true,)"
        R"("steps":[{"version":4,"number":12},{"found":true,"version":2}]}})"s,
        to_line(operation));
  }

  void lines_are_read() {
    const Operation get = parse_one(
        "# made by hand\n\n"
        R"( {"process":3, "invoked_us":10, "returned_us":20, "operation":"get", "replica":1,)"
        R"("more":[], "arguments":{"key":"a b"}, "outcome":"ok", "consistency":"eventual",)"
        R"("result":{"version":7, "value_base64":"eCU="}, "slot":31})"
        "\n");
    CPPUNIT_ASSERT(get.process == 3 && get.invoked == 10 && get.returned == 20);
    CPPUNIT_ASSERT(get.kind == Kind::kGet && get.key == "a b" && get.outcome == Outcome::kOk);
    CPPUNIT_ASSERT(get.version == 7 && get.value == "x%" && get.position == 31);
    CPPUNIT_ASSERT(get.consistency == Consistency::kEventual);
    const Operation put =
        parse_one(R"({"process":0,"invoked_us":10,"returned_us":30,"operation":"put",)"
                  R"("arguments":{"key":"k","value":"v"},"outcome":"unknown"})");
    CPPUNIT_ASSERT(put.outcome == Outcome::kUnknown && put.returned == kNever);
    CPPUNIT_ASSERT(put.argument == "v" && !put.version && !put.position);
    CPPUNIT_ASSERT(parse_history("", "file").value().empty());
    CPPUNIT_ASSERT(parse_history("\n\n#x", "file").value().empty());
  }

  void a_transaction_is_read() {
    const Operation operation = parse_one(
        R"({"process":1,"invoked_us":5,"returned_us":9,"operation":"transact","arguments":{)"
        R"("compare":[{"key":"k","target":"value","relation":"not_equal","value":"x"}],)"
        R"("else":[{"operation":"append","key":"k","value":"y"},{"operation":"get","key":"k"},)"
        R"({"operation":"del","key":"k"}]},"outcome":"ok","result":{"succeeded":false,)"
        R"("steps":[{},{"found":true},{"found":false}]}})");
    const Transaction& transaction = operation.transaction;
    CPPUNIT_ASSERT(transaction.compares.size() == 1 && transaction.compares[0].value == "x");
    CPPUNIT_ASSERT(transaction.compares[0].target == Compare::Target::kValue);
    CPPUNIT_ASSERT(transaction.compares[0].relation == Compare::Relation::kNotEqual);
    CPPUNIT_ASSERT(transaction.then.empty() && transaction.otherwise.size() == 3);
    CPPUNIT_ASSERT(transaction.otherwise[0].kind == Step::Kind::kAppend);
    CPPUNIT_ASSERT(!operation.transacted.succeeded && operation.transacted.results.size() == 3);
    CPPUNIT_ASSERT(!operation.transacted.results[0].version);
    CPPUNIT_ASSERT(operation.transacted.results[1].found && !operation.transacted.results[1].value);
    CPPUNIT_ASSERT(!operation.transacted.results[2].found);
  }

  void every_byte_round_trips() {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    for (const std::string& it : {bytes, ""s, "%"s, "\n"s, "\0"s, "\"\\"s, "\xC3\xA4"s}) {
      const Operation read =
          parse_one(to_line({1, 2, 3, Kind::kGet, it + "k", "", Outcome::kOk, UINT64_MAX, it}));
      CPPUNIT_ASSERT(read.key == it + "k" && read.value == it && read.version == UINT64_MAX);
    }
  }

  // The test vectors of RFC 4648, section 10.
  void base64_is_that_of_the_rfc() {
    const std::string text = "foobar";
    const char* const encoded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (std::size_t i = 0; i <= text.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL(std::string(encoded[i]), to_base64(text.substr(0, i)));
      CPPUNIT_ASSERT(from_base64(encoded[i]) == text.substr(0, i));
    }
    for (const char* const wrong : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm=v", "====", "Zm9v\n"}) {
      CPPUNIT_ASSERT_MESSAGE(wrong, !from_base64(wrong));
    }
  }

  static void assert_round_trip(const History& history) {
    std::string text;
    for (const Operation& operation : history) text += to_line(operation) + '\n';
    const Result<History> read = parse_history(text, "file");
    CPPUNIT_ASSERT_MESSAGE(read.status().to_string(), read.ok());
    CPPUNIT_ASSERT(read.value().size() == history.size());
    for (std::size_t i = 0; i < history.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL(to_text(history[i]), to_text(read.value()[i]));
    }
  }

  void a_history_round_trips() {
    Random random(1);
    SimulationOptions options;
    options.operations = 1000;
    options.keys = 10;
    options.lost_one_in = 20;
    assert_round_trip(simulate(options, random));
  }

  void a_history_of_transactions_round_trips() {
    Random random(2);
    TransactionOptions options;
    options.operations = 1000;
    options.keys = 10;
    options.lost_one_in = 20;
    assert_round_trip(simulate(options, random));
  }

  void lists_and_slots_round_trip() {
    Operation get;
    get.kind = Kind::kGet;
    get.key = "k";
    get.returned = 9;
    get.outcome = Outcome::kOk;
    get.created = 3;
    get.modified = 5;
    Operation removal;
    removal.kind = Kind::kTransact;
    removal.returned = 9;
    removal.outcome = Outcome::kOk;
    removal.transaction.compares = {{"k", Compare::Target::kCreated, {}, 3, ""},
                                    {"k", Compare::Target::kModified, {}, 5, ""}};
    removal.transaction.then = {{Step::Kind::kDelRange, "", "", 0, {"a", std::string("b\0", 2)}},
                                {Step::Kind::kDelRange, "", "", 0, {}}};
    removal.transacted.succeeded = true;
    removal.transacted.results.resize(2);
    removal.transacted.results[0].removed = 10'000;
    removal.transacted.results[0].more = true;
    Operation list;
    list.kind = Kind::kList;
    list.returned = 9;
    list.outcome = Outcome::kOk;
    list.list = {{"a", ""}, true, true, "\xff"};
    list.listed.keys = {{"b", "v", 1, 2, 3}, {"a", {}, {}, {}, {}}};
    list.listed.more = true;
    Operation count = list;
    count.list = {};
    count.listed = {{}, 7, false};
    assert_round_trip({get, removal, list, count});
  }

  void a_list_is_read() {
    const Operation list =
        parse_one(R"({"process":1,"invoked_us":2,"returned_us":3,"operation":"list","arguments":)"
                  R"({"to":"b","goes_on":true,"behind_base64":"AA=="},"outcome":"ok","result":)"
                  R"({"keys":[{"key":"a","version":2,"modified":8}]},"slot":9})");
    CPPUNIT_ASSERT(is_read(list) && keys_of(list).empty());
    CPPUNIT_ASSERT((list.list.range == Range{"", "b"}) && !list.list.reverse && list.list.goes_on);
    CPPUNIT_ASSERT(list.list.behind == std::string(1, '\0'));
    const ListedKey& key = list.listed.keys.at(0);
    CPPUNIT_ASSERT(key.key == "a" && !key.value && key.version == 2U);
    CPPUNIT_ASSERT(!key.created && key.modified == 8U && !list.listed.more && !list.listed.count);
    CPPUNIT_ASSERT_EQUAL(
        std::string("process 1 list on from the first key to \"b\" -> 1 keys, \"a\" to \"a\", "
                    "slot 9 [2, 3]"),
        to_text(list));
  }

  static void assert_refused(const std::string& line, const std::string& reason) {
    const std::string good =
        R"({"process":1,"invoked_us":2,"returned_us":3,"operation":"get","arguments":{"key":"k"},)"
        R"("outcome":"not_found"})";
    const Status status = parse_history("# good\n" + good + "\n" + line, "file").status();
    CPPUNIT_ASSERT(status.code() == StatusCode::kInvalid);
    CPPUNIT_ASSERT_EQUAL("file:3: " + reason, status.reason());
  }

  void bad_lines_are_refused_with_their_number() {
    assert_refused("x", "this is no JSON object");
    assert_refused("[1]", "this is no JSON object");
    assert_refused("{}", "process is missing");
    assert_refused(R"({"process":-1})", "process is no number from 0 on: -1");
    const std::string times = R"({"process":1,"invoked_us":2,"returned_us":3)";
    assert_refused(times + "}", "operation is missing");
    assert_refused(times + R"(,"operation":"inc"})",
                   R"(operation is none of put, get, del, transact, list: "inc")");
    assert_refused(times + R"(,"operation":"get"})", "key is missing");
    const std::string get = times + R"(,"operation":"get","arguments":)";
    assert_refused(get + "[]}", "arguments is no JSON object");
    assert_refused(get + R"({"key":1}})", "key is no string: 1");
    assert_refused(get + R"({"key_base64":"x"}})", R"(key_base64 is no base64: "x")");
    assert_refused(get + R"({"key":"k"}})", "outcome is missing");
    assert_refused(get + R"({"key":"k"},"outcome":"ok"})", "value is missing");
    assert_refused(get + R"({"key":"k"},"outcome":"ok","result":{"value":"v","version":"x"}})",
                   R"(version is no number from 0 on: "x")");
    const std::string put = R"(,"operation":"put","arguments":{"key":"k")";
    assert_refused(times + put + "}}", "value is missing");
    assert_refused(times + put + R"(,"value":"v"},"outcome":"not_found"})",
                   "outcome not_found is of get and del");
    const std::string rest = R"(,"operation":"get","arguments":{"key":"k"},"outcome":"not_found"})";
    assert_refused(R"({"process":1,"invoked_us":3,"returned_us":2)" + rest,
                   "the answer comes before the request");
    assert_refused(R"({"process":1,"invoked_us":3)" + rest, "returned_us is missing");
  }

  void bad_transactions_are_refused() {
    const auto line = [](const std::string& arguments, const std::string& result) {
      return R"({"process":1,"invoked_us":2,"returned_us":3,"operation":"transact","arguments":{)" +
             arguments + R"(},"outcome":"ok","result":{)" + result + "}}";
    };
    const std::string put = R"("then":[{"operation":"put","key":"k","value":"v"}])";
    assert_refused(line("", ""), "a transaction has at least one compare or step");
    assert_refused(line(put, ""), "succeeded is missing");
    assert_refused(line(put, R"("succeeded":true)"), "the branch that was done has 1 steps, not 0");
    assert_refused(line(put, R"("succeeded":false,"steps":[{}])"),
                   "the branch that was done has 0 steps, not 1");
    assert_refused(
        line(R"("then":[{"operation":"incr","key":"k","amount":9223372036854775808}])", ""),
        "amount is no number in 64 bits with sign: 9223372036854775808");
    assert_refused(
        line(R"("then":[{"operation":"get","key":"k"}])", R"("succeeded":true,"steps":[{}])"),
        "found is missing");
    assert_refused(line(R"("compare":[{"key":"k","target":"size"}])", ""),
                   R"(target is none of exists, version, created, modified, value: "size")");
    assert_refused(line(R"("compare":{})", ""), "compare is no JSON array");
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HistoryTextTest);

}  // namespace
}  // namespace rkv::history
