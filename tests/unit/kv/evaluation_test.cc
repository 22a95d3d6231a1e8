#include "kv/evaluation.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/random.h"
#include "kv/transaction_codec.h"

namespace rkv::kv {
namespace {

using Kind = Step::Kind;
using Outcome = Applied::Outcome;
using Relation = Compare::Relation;
using State = std::map<std::string, Entry>;
using Target = Compare::Target;

constexpr Position kPosition = 100;

Step get(std::string key, bool wants_value = true) {
  return {Kind::kGet, std::move(key), {}, 0, wants_value};
}
Step put(std::string key, std::string value, bool wants_entry = false) {
  return {Kind::kPut, std::move(key), std::move(value), 0, wants_entry};
}
Step del(std::string key, bool wants_entry = false) {
  return {Kind::kDel, std::move(key), {}, 0, wants_entry};
}
Step incr(std::string key, std::int64_t amount) {
  return {Kind::kIncr, std::move(key), {}, amount, false};
}
Step append(std::string key, std::string value) {
  return {Kind::kAppend, std::move(key), std::move(value), 0, false};
}
Step del_range(std::string first, std::string end) {
  return {Kind::kDelRange, std::move(first), std::move(end), 0, false};
}

// The keys that a scan of the state finds.
std::vector<std::string> scanned(const State& state, const std::optional<Scan>& scan) {
  std::vector<std::string> keys;
  if (!scan) return keys;
  for (auto it = state.lower_bound(scan->first); it != state.end(); ++it) {
    const bool is_behind = !scan->end.empty() && it->first >= scan->end;
    if (is_behind || keys.size() == scan->entries_max) break;
    keys.push_back(it->first);
  }
  return keys;
}

Findings findings_of(const Transaction& transaction, const State& state) {
  Findings findings;
  for (const std::string& key : keys_of(transaction)) {
    const auto found = state.find(key);
    std::optional<Entry>& entry = findings.entries[key];
    if (found != state.end()) entry = found->second;
  }
  findings.then_range = scanned(state, range_scan(transaction.then));
  findings.otherwise_range = scanned(state, range_scan(transaction.otherwise));
  return findings;
}

Evaluation evaluate_on(const State& state, const Transaction& transaction) {
  CPPUNIT_ASSERT(validate_transaction(transaction).ok());
  return evaluate(transaction, findings_of(transaction, state), kPosition);
}

StepsResult result_of(const Evaluation& evaluation) {
  CPPUNIT_ASSERT(evaluation.applied.outcome == Outcome::kApplied);
  CPPUNIT_ASSERT(evaluation.applied.told != nullptr);
  Result<StepsResult> result = decode_result(*evaluation.applied.told);
  CPPUNIT_ASSERT(result.ok());
  return std::move(result).value();
}

void change(State& state, const std::vector<Change>& changes) {
  for (const Change& each : changes) {
    if (each.entry) {
      state[each.key] = *each.entry;
    } else {
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, state.erase(each.key));  // it was there
    }
  }
}

// A transaction as plainly as it can be written: each step changes a copy of the whole state.
class NaiveModel {
 public:
  explicit NaiveModel(State state) : state_(std::move(state)) {}

  // False: it is refused, and the state is what it was.
  bool run(const std::vector<Step>& steps) {
    State before = state_;
    for (const Step& step : steps) {
      if (run(step)) continue;
      state_ = std::move(before);
      return false;
    }
    return true;
  }
  const State& state() const { return state_; }
  const std::vector<StepResult>& results() const { return results_; }

 private:
  std::optional<ToldEntry> told(const std::string& key, bool with_value) const {
    const auto found = state_.find(key);
    if (found == state_.end()) return std::nullopt;
    const Entry& entry = found->second;
    return ToldEntry{with_value ? entry.value : "", entry.version, entry.created, entry.position};
  }

  bool write(const std::string& key, std::string value, StepResult& result) {
    Entry& entry = state_[key];
    if (entry.version == 0) entry.created = kPosition;
    entry.value = std::move(value);
    entry.position = kPosition;
    result.version = ++entry.version;
    return true;
  }

  bool run(const Step& step) {
    StepResult& result = results_.emplace_back();
    result.kind = step.kind;
    const auto found = state_.find(step.key);
    const std::string value = found == state_.end() ? "" : found->second.value;
    switch (step.kind) {
      case Kind::kGet:
        result.entry = told(step.key, step.wants_entry);
        return true;
      case Kind::kPut:
        if (step.wants_entry) result.entry = told(step.key, true);
        return write(step.key, step.value, result);
      case Kind::kDel:
        if (step.wants_entry) result.entry = told(step.key, true);
        if (found == state_.end()) return true;
        result.version = found->second.version;
        state_.erase(found);
        return true;
      case Kind::kIncr: {
        // The values here are small numbers, or end with a letter.
        if (found != state_.end() && (value.empty() || value.back() >= 'a')) return false;
        result.number = (found == state_.end() ? 0 : std::stoll(value)) + step.amount;
        return write(step.key, std::to_string(result.number), result);
      }
      case Kind::kAppend:
        result.size = value.size() + step.value.size();
        return write(step.key, value + step.value, result);
      case Kind::kDelRange:
        result.removed = std::erase_if(state_, [&step](const auto& entry) {
          return entry.first >= step.key && (step.value.empty() || entry.first < step.value);
        });
        return true;
    }
    return false;
  }

  State state_;
  std::vector<StepResult> results_;
};

class EvaluationTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(EvaluationTest);
  CPPUNIT_TEST(every_relation_to_a_number);
  CPPUNIT_TEST(every_relation_to_a_value);
  CPPUNIT_TEST(all_compares_must_hold);
  CPPUNIT_TEST(compares_see_nothing_of_the_steps);
  CPPUNIT_TEST(get_tells_what_is_there);
  CPPUNIT_TEST(put_counts_versions);
  CPPUNIT_TEST(del_removes);
  CPPUNIT_TEST(incr_counts);
  CPPUNIT_TEST(append_makes_longer);
  CPPUNIT_TEST(steps_see_those_before_them);
  CPPUNIT_TEST(a_key_that_comes_and_goes_is_no_change);
  CPPUNIT_TEST(what_is_only_read_is_no_change);
  CPPUNIT_TEST(incr_of_what_is_no_number_is_refused_as_a_whole);
  CPPUNIT_TEST(incr_over_64_bits_is_refused_as_a_whole);
  CPPUNIT_TEST(append_over_the_limit_is_refused_as_a_whole);
  CPPUNIT_TEST(a_result_over_the_limit_is_refused_as_a_whole);
  CPPUNIT_TEST(a_refused_branch_is_no_matter_when_the_other_is_done);
  CPPUNIT_TEST(del_range_removes_a_range);
  CPPUNIT_TEST(del_range_knows_what_steps_before_it_did);
  CPPUNIT_TEST(del_range_removes_so_many_and_says_that_there_are_more);
  CPPUNIT_TEST(del_range_finds_enough_when_steps_before_it_removed_some);
  CPPUNIT_TEST(random_transactions_match_a_model);
  CPPUNIT_TEST_SUITE_END();

  static State some() {
    return {{"a", {"apple", 3, 30, 10}},
            {"b", {"banana", 1, 20, 20}},
            {"n", {"41", 2, 40, 35}},
            {"old", {"x", 5, 50, 0}}};
  }

  static bool holds(const Compare& compare) {
    Transaction transaction;
    transaction.compares = {compare};
    return result_of(evaluate_on(some(), transaction)).succeeded;
  }

  void every_relation_to_a_number() {
    struct Case {
      const char* key;
      Target target;
      std::uint64_t is;
    };
    const std::vector<Case> cases = {
        {"a", Target::kExists, 1},     {"none", Target::kExists, 0}, {"a", Target::kVersion, 3},
        {"none", Target::kVersion, 0}, {"a", Target::kCreated, 10},  {"old", Target::kCreated, 0},
        {"none", Target::kCreated, 0}, {"a", Target::kModified, 30}, {"none", Target::kModified, 0},
    };
    for (const Case& each : cases) {
      for (const std::uint64_t operand : {std::uint64_t{0}, std::uint64_t{1}, each.is, each.is + 1,
                                          std::uint64_t{29}, UINT64_MAX}) {
        const auto check = [&](Relation relation, bool expected) {
          CPPUNIT_ASSERT_EQUAL(expected, holds({each.key, each.target, relation, operand, ""}));
        };
        check(Relation::kEqual, each.is == operand);
        check(Relation::kNotEqual, each.is != operand);
        check(Relation::kLess, each.is < operand);
        check(Relation::kGreater, each.is > operand);
      }
    }
  }

  void every_relation_to_a_value() {
    for (const std::string operand : {"", "appl", "apple", "apples", "b", "\xFF"}) {
      const auto check = [&](const char* key, Relation relation, bool expected) {
        CPPUNIT_ASSERT_EQUAL(expected, holds({key, Target::kValue, relation, 0, operand}));
      };
      const std::string is = "apple";
      check("a", Relation::kEqual, is == operand);
      check("a", Relation::kNotEqual, is != operand);
      check("a", Relation::kLess, is < operand);
      check("a", Relation::kGreater, is > operand);
      check("none", Relation::kEqual, false);
      check("none", Relation::kNotEqual, true);
      check("none", Relation::kLess, false);
      check("none", Relation::kGreater, false);
    }
  }

  void all_compares_must_hold() {
    const Compare right{"a", Target::kExists, Relation::kEqual, 1, ""};
    const Compare wrong{"b", Target::kExists, Relation::kEqual, 0, ""};
    const auto branch = [&](std::vector<Compare> compares) {
      const Transaction transaction{std::move(compares), {put("k", "then")}, {del("a"), del("b")}};
      const Evaluation evaluation = evaluate_on(some(), transaction);
      const StepsResult result = result_of(evaluation);
      CPPUNIT_ASSERT_EQUAL(result.succeeded ? std::size_t{1} : std::size_t{2},
                           result.results.size());
      CPPUNIT_ASSERT_EQUAL(result.results.size(), evaluation.changes.size());
      return result.succeeded;
    };
    CPPUNIT_ASSERT(branch({}));
    CPPUNIT_ASSERT(branch({right}) && branch({right, right}));
    CPPUNIT_ASSERT(!branch({wrong}) && !branch({right, wrong}) && !branch({wrong, right}));
  }

  void compares_see_nothing_of_the_steps() {
    const Transaction transaction{
        {{"new", Target::kExists, Relation::kEqual, 0, ""}}, {put("new", "1")}, {}};
    CPPUNIT_ASSERT(result_of(evaluate_on(some(), transaction)).succeeded);
  }

  static std::vector<StepResult> run(std::vector<Step> steps, State* state) {
    const Evaluation evaluation = evaluate_on(*state, {{}, std::move(steps), {}});
    CPPUNIT_ASSERT_EQUAL(kPosition, evaluation.applied.position);
    change(*state, evaluation.changes);
    return result_of(evaluation).results;
  }

  void get_tells_what_is_there() {
    State state = some();
    const std::vector<StepResult> results =
        run({get("a"), get("a", false), get("none"), get("old")}, &state);
    CPPUNIT_ASSERT(results[0].entry == (ToldEntry{"apple", 3, 10, 30}));
    CPPUNIT_ASSERT(results[1].entry == (ToldEntry{"", 3, 10, 30}));
    CPPUNIT_ASSERT(!results[2].entry);
    CPPUNIT_ASSERT(results[3].entry == (ToldEntry{"x", 5, 0, 50}));
    CPPUNIT_ASSERT(state == some());
  }

  void put_counts_versions() {
    State state = some();
    const std::vector<StepResult> results = run(
        {put("a", "one"), put("none", "two", true), put("b", "", true), put("old", "y")}, &state);
    CPPUNIT_ASSERT(results[0].version == 4 && !results[0].entry);
    CPPUNIT_ASSERT(results[1].version == 1 && !results[1].entry);
    CPPUNIT_ASSERT(results[2].version == 2);
    CPPUNIT_ASSERT(results[2].entry == (ToldEntry{"banana", 1, 20, 20}));
    CPPUNIT_ASSERT((state["a"] == Entry{"one", 4, kPosition, 10}));
    CPPUNIT_ASSERT((state["none"] == Entry{"two", 1, kPosition, kPosition}));
    CPPUNIT_ASSERT((state["b"] == Entry{"", 2, kPosition, 20}));
    CPPUNIT_ASSERT((state["old"] == Entry{"y", 6, kPosition, 0}));
  }

  void del_removes() {
    State state = some();
    const std::vector<StepResult> results =
        run({del("a", true), del("b"), del("none", true)}, &state);
    CPPUNIT_ASSERT(results[0].version == 3);
    CPPUNIT_ASSERT(results[0].entry == (ToldEntry{"apple", 3, 10, 30}));
    CPPUNIT_ASSERT(results[1].version == 1 && !results[1].entry);
    CPPUNIT_ASSERT(results[2].version == 0 && !results[2].entry);
    CPPUNIT_ASSERT(state.size() == 2 && state.contains("n") && state.contains("old"));
  }

  void incr_counts() {
    State state = some();
    state["min"] = {"-9223372036854775808", 1, 1, 1};
    const std::vector<StepResult> results =
        run({incr("n", 1), incr("none", -7), incr("min", INT64_MAX), incr("n", 0)}, &state);
    CPPUNIT_ASSERT(results[0].number == 42 && results[0].version == 3);
    CPPUNIT_ASSERT(results[1].number == -7 && results[1].version == 1);
    CPPUNIT_ASSERT(results[2].number == -1);
    CPPUNIT_ASSERT(results[3].number == 42 && results[3].version == 4);
    CPPUNIT_ASSERT((state["n"] == Entry{"42", 4, kPosition, 35}));
    CPPUNIT_ASSERT((state["none"] == Entry{"-7", 1, kPosition, kPosition}));
    CPPUNIT_ASSERT_EQUAL(std::string("-1"), state["min"].value);
  }

  void append_makes_longer() {
    State state = some();
    const std::vector<StepResult> results =
        run({append("a", "s"), append("none", "new"), append("b", "")}, &state);
    CPPUNIT_ASSERT(results[0].size == 6 && results[0].version == 4);
    CPPUNIT_ASSERT(results[1].size == 3 && results[1].version == 1);
    CPPUNIT_ASSERT(results[2].size == 6 && results[2].version == 2);
    CPPUNIT_ASSERT((state["a"] == Entry{"apples", 4, kPosition, 10}));
    CPPUNIT_ASSERT_EQUAL(std::string("new"), state["none"].value);
    CPPUNIT_ASSERT_EQUAL(std::string("banana"), state["b"].value);
  }

  void steps_see_those_before_them() {
    State state = some();
    const std::vector<StepResult> results =
        run({put("k", "1"), incr("k", 1), append("k", "0"), get("k"), del("k", true), get("k"),
             incr("k", 5), del("a"), put("a", "again", true), get("a")},
            &state);
    CPPUNIT_ASSERT(results[1].number == 2 && results[2].size == 2);
    CPPUNIT_ASSERT(results[3].entry == (ToldEntry{"20", 3, kPosition, kPosition}));
    CPPUNIT_ASSERT(results[4].version == 3 && results[4].entry == results[3].entry);
    CPPUNIT_ASSERT(!results[5].entry);
    CPPUNIT_ASSERT(results[6].number == 5 && results[6].version == 1);
    CPPUNIT_ASSERT(results[8].version == 1 && !results[8].entry);
    CPPUNIT_ASSERT(results[9].entry == (ToldEntry{"again", 1, kPosition, kPosition}));
    CPPUNIT_ASSERT((state["k"] == Entry{"5", 1, kPosition, kPosition}));
    CPPUNIT_ASSERT((state["a"] == Entry{"again", 1, kPosition, kPosition}));
  }

  static std::vector<Change> changes_of(std::vector<Step> steps) {
    return evaluate_on(some(), {{}, std::move(steps), {}}).changes;
  }

  void a_key_that_comes_and_goes_is_no_change() {
    CPPUNIT_ASSERT(changes_of({put("k", "1"), del("k")}).empty());
    CPPUNIT_ASSERT(changes_of({put("k", "1"), del_range("k", "l")}).empty());
    const std::vector<Change> changes = changes_of({put("a", "1"), put("a", "2"), del("a")});
    CPPUNIT_ASSERT(changes.size() == 1 && changes[0].key == "a" && !changes[0].entry);
  }

  void what_is_only_read_is_no_change() {
    CPPUNIT_ASSERT(changes_of({get("a"), del("none"), del_range("c", "d")}).empty());
    const Transaction compares_alone{
        {{"a", Target::kExists, Relation::kEqual, 1, ""}}, {}, {del("a")}};
    const Evaluation evaluation = evaluate_on(some(), compares_alone);
    CPPUNIT_ASSERT(evaluation.changes.empty() && result_of(evaluation).results.empty());
  }

  static void assert_refused(const State& state, std::vector<Step> steps, Outcome outcome,
                             const std::string& reason) {
    const Evaluation evaluation = evaluate_on(state, {{}, std::move(steps), {}});
    CPPUNIT_ASSERT(evaluation.applied.outcome == outcome);
    CPPUNIT_ASSERT(evaluation.applied.position == kPosition && evaluation.applied.version == 0);
    CPPUNIT_ASSERT_EQUAL(reason, *evaluation.applied.told);
    CPPUNIT_ASSERT(evaluation.changes.empty());
  }

  void incr_of_what_is_no_number_is_refused_as_a_whole() {
    for (const char* text : {"", "apple", "1a", " 1", "+1", "1 ", "1.0", "0x1", "-",
                             "9223372036854775808", "-9223372036854775809"}) {
      assert_refused({{"k", {text, 1, 1, 1}}}, {put("a", "1"), incr("k", 1), put("b", "1")},
                     Outcome::kInvalid, "the value of k is no decimal number of 64 bits");
    }
    assert_refused(some(), {put("n", "text"), incr("n", 1)}, Outcome::kInvalid,
                   "the value of n is no decimal number of 64 bits");
  }

  void incr_over_64_bits_is_refused_as_a_whole() {
    assert_refused(some(), {put("a", "1"), incr("n", INT64_MAX)}, Outcome::kInvalid,
                   "the value of n is 41, and with 9223372036854775807 more over 64 bits");
    assert_refused({{"n", {"-2", 1, 1, 1}}}, {incr("n", INT64_MIN)}, Outcome::kInvalid,
                   "the value of n is -2, and with -9223372036854775808 more over 64 bits");
  }

  void append_over_the_limit_is_refused_as_a_whole() {
    State state = {{"k", {std::string(kValueSizeMax - 2, 'v'), 1, 1, 1}}};
    assert_refused(state, {put("a", "1"), append("k", "two"), put("b", "1")}, Outcome::kOverLimit,
                   "the value of k would have 1048577 bytes, the limit is 1048576");
    assert_refused(state, {append("k", "o"), append("k", "tw")}, Outcome::kOverLimit,
                   "the value of k would have 1048577 bytes, the limit is 1048576");
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{kValueSizeMax}, run({append("k", "tw")}, &state)[0].size);
  }

  void a_result_over_the_limit_is_refused_as_a_whole() {
    const State state = {{"k", {std::string(kValueSizeMax, 'v'), 1, 1, 1}},
                         {"rest", {std::string(65'000, 'v'), 1, 1, 1}}};
    const std::string reason = "what the transaction's steps tell has more than 1114112 bytes";
    assert_refused(state, {put("a", "1"), get("k"), get("k"), put("b", "1")}, Outcome::kOverLimit,
                   reason);
    assert_refused(state, {del("k", true), put("k", "v"), get("rest"), get("rest")},
                   Outcome::kOverLimit, reason);
    const Evaluation fits = evaluate_on(state, {{}, {get("k"), get("rest")}, {}});
    CPPUNIT_ASSERT(result_of(fits).results.size() == 2);
    CPPUNIT_ASSERT(fits.applied.told->size() <= kStepsResultSizeMax);
    CPPUNIT_ASSERT(result_of(evaluate_on(state, {{}, {get("k"), get("k", false)}, {}})).succeeded);
  }

  void a_refused_branch_is_no_matter_when_the_other_is_done() {
    const Transaction transaction{
        {{"a", Target::kExists, Relation::kEqual, 0, ""}}, {incr("a", 1)}, {get("a")}};
    CPPUNIT_ASSERT(!result_of(evaluate_on(some(), transaction)).succeeded);
  }

  void del_range_removes_a_range() {
    const auto left = [](std::string first, std::string end, std::uint64_t removed) {
      State state = some();
      const StepResult result = run({del_range(std::move(first), std::move(end))}, &state)[0];
      CPPUNIT_ASSERT_EQUAL(removed, result.removed);
      CPPUNIT_ASSERT(!result.more);
      std::string keys;
      for (const auto& [key, entry] : state) keys += key + " ";
      return keys;
    };
    CPPUNIT_ASSERT_EQUAL(std::string(), left("", "", 4));
    CPPUNIT_ASSERT_EQUAL(std::string("n old "), left("", "n", 2));
    CPPUNIT_ASSERT_EQUAL(std::string("a b "), left("n", "", 2));
    CPPUNIT_ASSERT_EQUAL(std::string("a old "), left("aa", "n\x01", 2));
    CPPUNIT_ASSERT_EQUAL(std::string("a b n old "), left("b", "b", 0));
    CPPUNIT_ASSERT_EQUAL(std::string("a b n old "), left("z", "a", 0));
    CPPUNIT_ASSERT_EQUAL(std::string("a b n "), left("o", end_of_prefix("o"), 1));
  }

  void del_range_knows_what_steps_before_it_did() {
    State state = some();
    const std::vector<StepResult> results =
        run({del("a"), put("b", "still"), put("c", "new"), put("z", "outside"), put("gone", "1"),
             del("gone"), del_range("a", "o"), get("b"), put("c", "after"), get("old")},
            &state);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, results[6].removed);  // b, c and n
    CPPUNIT_ASSERT(!results[7].entry);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, results[8].version);
    CPPUNIT_ASSERT(results[9].entry.has_value());
    CPPUNIT_ASSERT(state.size() == 3 && state["c"].value == "after" && state.contains("z"));
  }

  static State many(std::size_t count) {
    State state;
    for (std::size_t i = 0; i < count; ++i) {
      state[std::to_string(100'000 + i)] = {"v", 1, 1, 1};
    }
    return state;
  }

  void del_range_removes_so_many_and_says_that_there_are_more() {
    for (const std::size_t over : {0U, 1U, 500U}) {
      State state = many(kDelRangeMax + over);
      const StepResult result = run({del_range("", "")}, &state)[0];
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{kDelRangeMax}, result.removed);
      CPPUNIT_ASSERT_EQUAL(over > 0, result.more);
      CPPUNIT_ASSERT_EQUAL(over, state.size());
      CPPUNIT_ASSERT(over == 0 || state.begin()->first == "110000");  // the last ones are left
    }
  }

  void del_range_finds_enough_when_steps_before_it_removed_some() {
    std::vector<Step> steps;
    for (std::size_t i = 0; i < kStepsMax - 1; ++i)
      steps.push_back(del(std::to_string(100'000 + i)));
    steps.push_back(del_range("", ""));
    State state = many(kDelRangeMax + 2 * kStepsMax);
    const StepResult result = run(steps, &state).back();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{kDelRangeMax}, result.removed);
    CPPUNIT_ASSERT(result.more);
    CPPUNIT_ASSERT_EQUAL(kStepsMax + 1, state.size());
    // Made by a step: it is the first of the range, and the last one that was there is left.
    state = many(kDelRangeMax);
    const StepResult with_new = run({put("0", "new"), del_range("", "")}, &state).back();
    CPPUNIT_ASSERT(with_new.removed == kDelRangeMax && with_new.more);
    CPPUNIT_ASSERT(state.size() == 1 && state.begin()->first == "109999");
  }

  static std::vector<Step> random_steps(Random& random) {
    const auto key = [&random] { return std::string(1, static_cast<char>('a' + random.below(6))); };
    const auto value = [&random] {
      return random.below(2) == 0 ? std::to_string(random.below(50)) : "text";
    };
    std::vector<Step> steps;
    bool has_range = false;
    for (std::uint64_t count = random.below(8); count > 0; --count) {
      const bool wants_entry = random.below(2) == 0;
      switch (random.below(has_range ? 5 : 6)) {
        case 0:
          steps.push_back(get(key(), wants_entry));
          break;
        case 1:
          steps.push_back(put(key(), value(), wants_entry));
          break;
        case 2:
          steps.push_back(del(key(), wants_entry));
          break;
        case 3:
          steps.push_back(incr(key(), static_cast<std::int64_t>(random.below(9)) - 4));
          break;
        case 4:
          steps.push_back(append(key(), std::string(random.below(3), 'x')));
          break;
        default:
          has_range = true;
          steps.push_back(
              del_range(random.below(3) == 0 ? "" : key(), random.below(3) == 0 ? "" : key()));
      }
    }
    return steps;
  }

  void random_transactions_match_a_model() {
    Random random(11);
    State state = some();
    int refused = 0;
    int otherwise = 0;
    for (int i = 0; i < 20'000; ++i) {
      const std::string key(1, static_cast<char>('a' + random.below(6)));
      Transaction transaction{{{key, Target::kExists, Relation::kEqual, random.below(2), ""}},
                              random_steps(random),
                              random_steps(random)};
      const bool succeeds = state.contains(key) == (transaction.compares[0].number == 1);
      otherwise += succeeds ? 0 : 1;
      NaiveModel model(state);
      const bool is_done = model.run(succeeds ? transaction.then : transaction.otherwise);
      const Evaluation evaluation = evaluate_on(state, transaction);
      CPPUNIT_ASSERT((is_done ? Outcome::kApplied : Outcome::kInvalid) ==
                     evaluation.applied.outcome);
      if (is_done) {
        CPPUNIT_ASSERT(result_of(evaluation) == (StepsResult{succeeds, model.results()}));
      } else {
        ++refused;
      }
      for (const Change& each : evaluation.changes) {
        const auto before = state.find(each.key);
        const bool was_there = before != state.end();
        CPPUNIT_ASSERT(each.entry || was_there);
        CPPUNIT_ASSERT(!was_there || each.entry != before->second);
      }
      change(state, evaluation.changes);
      CPPUNIT_ASSERT(state == model.state());
      // The next one is later: what it writes again is not what it was.
      for (auto& [each, entry] : state) entry.position = std::min(entry.position, kPosition - 1);
    }
    CPPUNIT_ASSERT(refused > 1000 && refused < 10'000 && otherwise > 1000);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EvaluationTest);

}  // namespace
}  // namespace rkv::kv
