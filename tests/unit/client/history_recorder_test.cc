#include "client/history_recorder.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "client/client.h"
#include "contract/temporary_directory.h"
#include "fake_replica.h"
#include "history/history_file.h"

namespace rkv::client {
namespace {

using Json = nlohmann::json;

constexpr int kBusyOnWire = 9;

// A call at a moment long gone, by process 3, that replica 2 answered.
HistoryRecorder::Call call_of(const Status& status, bool has_slots = true) {
  return {TimePoint{5'000}, status, ReplicaId{2}, 3, has_slots};
}

class HistoryRecorderTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(HistoryRecorderTest);
  CPPUNIT_TEST(writes_a_line_of_each_operation);
  CPPUNIT_TEST(writes_what_became_of_it);
  CPPUNIT_TEST(writes_bytes_in_base64);
  CPPUNIT_TEST(writes_a_transaction);
  CPPUNIT_TEST(writes_ranges_that_are_removed_and_slots_that_are_compared);
  CPPUNIT_TEST(writes_pages_of_a_range);
  CPPUNIT_TEST(says_slots_only_where_there_are_some);
  CPPUNIT_TEST(records_what_a_client_does);
  CPPUNIT_TEST(appends_to_what_is_there);
  CPPUNIT_TEST(says_why_it_cannot_be_opened_or_written);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    directory_ = std::make_unique<contract::TemporaryDirectory>();
    path_ = (directory_->path() / "history").string();
    recorder_ = HistoryRecorder::open(path_).value();
  }

  void writes_a_line_of_each_operation() {
    WriteOutcome put;
    put.key_version = 2;
    put.position = 7;
    recorder_->put(call_of(Status()), "k", "v", put);
    recorder_->del(call_of(Status()), "k", put);
    ReadOutcome get;
    get.value = "v";
    get.key_version = 1;
    get.position = 8;
    recorder_->get(call_of(Status()), "k", Consistency::kSequential, get);
    const std::vector<Json> lines = this->lines();
    const Json first = {{"process", 3},       {"invoked_us", 5},
                        {"operation", "put"}, {"arguments", {{"key", "k"}, {"value", "v"}}},
                        {"outcome", "ok"},    {"result", {{"version", 2}}},
                        {"replica", 2},       {"slot", 7}};
    CPPUNIT_ASSERT_EQUAL(first.dump(), without_return(lines.at(0)).dump());
    CPPUNIT_ASSERT(lines[0].at("returned_us").get<std::uint64_t>() > 5);
    CPPUNIT_ASSERT(lines[1].at("operation") == "del");
    CPPUNIT_ASSERT(lines[2].at("consistency") == "sequential");
    CPPUNIT_ASSERT(lines[2].at("result") == (Json{{"value", "v"}, {"version", 1}}));
  }

  void writes_what_became_of_it() {
    recorder_->put(call_of(Status::unknown("?")), "k", "v", {});
    recorder_->put(call_of({StatusCode::kExpired, "?"}), "k", "v", {});
    recorder_->put(call_of({StatusCode::kPartlyApplied, "?"}), "k", "v", {});
    recorder_->put(call_of({StatusCode::kBusy, "?"}), "k", "v", {});
    recorder_->del(call_of({StatusCode::kNotFound, "?"}), "k", {});
    recorder_->get(call_of(Status::internal("?")), "k", Consistency::kEventual, {});
    const std::vector<Json> lines = this->lines();
    const std::vector<std::string> expected = {"unknown", "unknown",   "unknown",
                                               "refused", "not_found", "refused"};
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL(expected[i], lines.at(i).at("outcome").get<std::string>());
      CPPUNIT_ASSERT_EQUAL(expected[i] != "unknown", lines[i].contains("returned_us"));
      CPPUNIT_ASSERT(!lines[i].contains("result"));
    }
  }

  void writes_bytes_in_base64() {
    recorder_->put(call_of(Status()), std::string("\0", 1), "\xff", {});
    const Json arguments = lines().at(0).at("arguments");
    CPPUNIT_ASSERT(arguments == (Json{{"key_base64", "AA=="}, {"value_base64", "/w=="}}));
  }

  void writes_a_transaction() {
    Transaction transaction;
    transaction.compares = {Compare::absent("a"), Compare::value_is("b", "x")};
    transaction.then = {Step::put("a", "1", true), Step::incr("n", -2), Step::del("b"),
                        Step::get("c"), Step::append("d", "!")};
    TransactOutcome outcome;
    outcome.succeeded = true;
    outcome.position = 9;
    outcome.results.resize(5);
    outcome.results[0].version = 4;
    outcome.results[0].entry = Entry{"0", 3, {}};
    outcome.results[1].version = 1;
    outcome.results[1].number = -2;
    outcome.results[4].version = 6;
    recorder_->transact(call_of(Status()), transaction, Consistency::kLinearizable, outcome);
    const Json line = lines().at(0);
    const Json compare =
        Json::array({{{"key", "a"}, {"target", "exists"}, {"relation", "equal"}, {"number", 0}},
                     {{"key", "b"}, {"target", "value"}, {"relation", "equal"}, {"value", "x"}}});
    const Json then = Json::array({{{"operation", "get"}, {"key", "a"}},
                                   {{"operation", "put"}, {"key", "a"}, {"value", "1"}},
                                   {{"operation", "incr"}, {"key", "n"}, {"amount", -2}},
                                   {{"operation", "del"}, {"key", "b"}},
                                   {{"operation", "get"}, {"key", "c"}},
                                   {{"operation", "append"}, {"key", "d"}, {"value", "!"}}});
    const Json steps = Json::array({{{"found", true}, {"value", "0"}, {"version", 3}},
                                    {{"version", 4}},
                                    {{"version", 1}, {"number", -2}},
                                    {{"found", false}},
                                    {{"found", false}},
                                    {{"version", 6}}});
    CPPUNIT_ASSERT_EQUAL(compare.dump(), line.at("arguments").at("compare").dump());
    CPPUNIT_ASSERT_EQUAL(then.dump(), line.at("arguments").at("then").dump());
    CPPUNIT_ASSERT_EQUAL(steps.dump(), line.at("result").at("steps").dump());
    CPPUNIT_ASSERT(line.at("result").at("succeeded") == true);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, parsed());
  }

  void writes_ranges_that_are_removed_and_slots_that_are_compared() {
    Compare created = Compare::version("k", 7);
    created.target = Compare::Target::kCreated;
    Compare modified = created;
    modified.target = Compare::Target::kModified;
    TransactOutcome outcome;
    outcome.succeeded = true;
    outcome.results.resize(3);
    outcome.results[0].removed = 4;
    outcome.results[1].more = true;
    outcome.results[2].entry = Entry{"v", 2, {7, 8}};
    recorder_->transact(call_of(Status()),
                        {{created, modified},
                         {Step::del_range("a", "b"), Step::del_range("", "\xff"), Step::get("k")},
                         {}},
                        Consistency::kLinearizable, outcome);
    const Json line = lines().at(0);
    const Json compare =
        Json::array({{{"key", "k"}, {"target", "created"}, {"relation", "equal"}, {"number", 7}},
                     {{"key", "k"}, {"target", "modified"}, {"relation", "equal"}, {"number", 7}}});
    const Json then = Json::array({{{"operation", "del_range"}, {"from", "a"}, {"to", "b"}},
                                   {{"operation", "del_range"}, {"to_base64", "/w=="}},
                                   {{"operation", "get"}, {"key", "k"}}});
    const Json steps = Json::array(
        {{{"removed", 4}, {"more", false}},
         {{"removed", 0}, {"more", true}},
         {{"found", true}, {"value", "v"}, {"version", 2}, {"created", 7}, {"modified", 8}}});
    CPPUNIT_ASSERT_EQUAL(compare.dump(), line.at("arguments").at("compare").dump());
    CPPUNIT_ASSERT_EQUAL(then.dump(), line.at("arguments").at("then").dump());
    CPPUNIT_ASSERT_EQUAL(steps.dump(), line.at("result").at("steps").dump());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, parsed());
  }

  void writes_pages_of_a_range() {
    RangeQuery query;
    query.range = {"a", ""};
    query.reverse = true;
    PageOutcome page;
    page.entries = {{"b", {"v", 1, {2, 3}}}, {"a", {"w", 4, {}}}};
    page.next = "token";
    page.position = 9;
    recorder_->list(call_of(Status()), query, Consistency::kSequential, page);
    query.go_on(page);
    query.what = RangeWhat::kKeys;
    page.next.clear();
    recorder_->list(call_of(Status()), query, Consistency::kSequential, page);
    RangeQuery count;
    count.what = RangeWhat::kCount;
    page.count = 5;
    recorder_->list(call_of(Status()), count, Consistency::kEventual, page);
    const std::vector<Json> lines = this->lines();
    CPPUNIT_ASSERT_EQUAL((Json{{"from", "a"}, {"reverse", true}}).dump(),
                         lines.at(0).at("arguments").dump());
    const Json first = {
        {"key", "b"}, {"value", "v"}, {"version", 1}, {"created", 2}, {"modified", 3}};
    const Json keys = Json::array({first, {{"key", "a"}, {"value", "w"}, {"version", 4}}});
    CPPUNIT_ASSERT_EQUAL((Json{{"keys", keys}, {"more", true}}).dump(),
                         lines[0].at("result").dump());
    CPPUNIT_ASSERT(lines[0].at("consistency") == "sequential" && lines[0].at("slot") == 9);
    CPPUNIT_ASSERT_EQUAL(
        (Json{{"from", "a"}, {"reverse", true}, {"goes_on", true}, {"behind", "a"}}).dump(),
        lines.at(1).at("arguments").dump());
    CPPUNIT_ASSERT(!lines[1].at("result").at("keys").at(0).contains("value"));
    CPPUNIT_ASSERT_EQUAL((Json{{"count", 5}, {"more", false}}).dump(),
                         lines.at(2).at("result").dump());
    CPPUNIT_ASSERT(lines[2].at("arguments").empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, parsed());
  }

  void says_slots_only_where_there_are_some() {
    WriteOutcome put;
    put.position = 7;
    recorder_->put(call_of(Status(), false), "k", "v", put);
    CPPUNIT_ASSERT(!lines().at(0).contains("slot"));
  }

  void records_what_a_client_does() {
    FakeReplica replica(4);
    {
      ClientOptions options;
      options.recorder = recorder_.get();
      options.process = 17;
      Client client({replica.address()}, options);
      CPPUNIT_ASSERT(client.put("k", "v").status.ok());
      CPPUNIT_ASSERT(client.get("k").status.ok());
      CPPUNIT_ASSERT(client.incr("n", 1).status.ok());
      CPPUNIT_ASSERT(!client.put("", "v").status.ok());
      replica.always({Reaction::Kind::kFail, kBusyOnWire, "busy"});
      CPPUNIT_ASSERT(!client.del("k", CallOptions{milliseconds(50)}).status.ok());
    }
    const std::vector<Json> lines = this->lines();
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, lines.size());
    std::string outcomes;
    for (const Json& line : lines) {
      outcomes += line.at("outcome").get<std::string>() + " ";
      CPPUNIT_ASSERT(line.at("process") == 17);
    }
    CPPUNIT_ASSERT_EQUAL(std::string("ok ok ok refused refused "), outcomes);
    CPPUNIT_ASSERT(lines[1].at("result").at("value") == "v");
    CPPUNIT_ASSERT(lines[2].at("result").at("steps").at(0).at("number") == 1);
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, parsed());
  }

  void appends_to_what_is_there() {
    recorder_->del(call_of(Status()), "a", {});
    recorder_.reset();
    recorder_ = HistoryRecorder::open(path_).value();
    recorder_->del(call_of(Status()), "b", {});
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, lines().size());
  }

  void says_why_it_cannot_be_opened_or_written() {
    const auto missing = HistoryRecorder::open(path_ + "/missing");
    CPPUNIT_ASSERT(missing.status().reason().find(path_ + "/missing") != std::string::npos);
    const std::unique_ptr<HistoryRecorder> full = HistoryRecorder::open("/dev/full").value();
    CPPUNIT_ASSERT(full->status().ok());
    full->del(call_of(Status()), "a", {});
    CPPUNIT_ASSERT(full->status().code() == StatusCode::kInternal);
    CPPUNIT_ASSERT(full->status().reason().find("/dev/full") != std::string::npos);
  }

 private:
  std::string text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<Json> lines() const {
    std::vector<Json> lines;
    std::istringstream input(text());
    for (std::string line; std::getline(input, line);) lines.push_back(Json::parse(line));
    return lines;
  }
  static Json without_return(Json line) {
    line.erase("returned_us");
    return line;
  }
  // How many operations the checker of histories reads in it.
  std::size_t parsed() const {
    const auto history = history::parse_history(text(), path_);
    CPPUNIT_ASSERT_MESSAGE(history.status().to_string(), history.ok());
    return history.value().size();
  }

  std::unique_ptr<contract::TemporaryDirectory> directory_;
  std::string path_;
  std::unique_ptr<HistoryRecorder> recorder_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(HistoryRecorderTest);

}  // namespace
}  // namespace rkv::client
