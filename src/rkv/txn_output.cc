#include "rkv/txn_output.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "rkv/entry_output.h"
#include "rkv/json.h"
#include "rkv/output.h"

namespace rkv::cli {
namespace {

using client::Step;
using client::StepResult;

std::string_view name_of(Step::Kind kind) {
  switch (kind) {
    case Step::Kind::kGet:
      return "get";
    case Step::Kind::kPut:
      return "put";
    case Step::Kind::kDel:
    case Step::Kind::kDelRange:
      return "del";
    case Step::Kind::kIncr:
      return "incr";
    case Step::Kind::kAppend:
      return "append";
  }
  RKV_CHECK(false, "kind of step out of range");
}

// What the step is about, and what came of it.
struct Told {
  std::string subject;
  std::string result;
};

std::string previous_of(const Step& step, const StepResult& result) {
  if (!step.wants_entry) return {};
  if (!result.entry) return ", previous: none";
  return fmt::format(", previous: version {}, {}", result.entry->version,
                     on_one_line(result.entry->value));
}

Told tell(const Step& step, const StepResult& result) {
  const std::string key = on_one_line(step.key);
  switch (step.kind) {
    case Step::Kind::kGet:
      if (!result.entry) return {key, "not found"};
      return {key, fmt::format("version {}, {}", result.entry->version,
                               on_one_line(result.entry->value))};
    case Step::Kind::kPut:
      return {key, fmt::format("ok version {}{}", result.version, previous_of(step, result))};
    case Step::Kind::kDel:
      if (result.version == 0) return {key, "not found"};
      return {key, "ok" + previous_of(step, result)};
    case Step::Kind::kIncr:
      return {key, std::to_string(result.number)};
    case Step::Kind::kAppend:
      return {key, fmt::format("ok version {}, {} bytes", result.version, result.size)};
    case Step::Kind::kDelRange:
      return {fmt::format("'{}' to {}", key,
                          step.value.empty() ? "the end" : "'" + on_one_line(step.value) + "'"),
              fmt::format("ok, {} keys removed{}", result.removed,
                          result.more ? "; there are more" : "")};
  }
  RKV_CHECK(false, "kind of step out of range");
}

Json step_json(const Step& step, const StepResult& result) {
  Json object;
  object["operation"] = name_of(step.kind);
  if (step.kind == Step::Kind::kDelRange) {
    add_bytes(object, "from", step.key);
    if (!step.value.empty()) add_bytes(object, "to", step.value);
    object["removed"] = result.removed;
    object["more"] = result.more;
    return object;
  }
  add_bytes(object, "key", step.key);
  if (step.kind == Step::Kind::kGet) {
    object["found"] = result.entry.has_value();
    if (result.entry) object.update(entry_json(*result.entry));
    return object;
  }
  if (step.kind == Step::Kind::kDel) object["found"] = result.version != 0;
  object["version"] = result.version;
  if (step.kind == Step::Kind::kIncr) object["number"] = result.number;
  if (step.kind == Step::Kind::kAppend) object["size"] = result.size;
  if (step.wants_entry) object["previous"] = result.entry ? entry_json(*result.entry) : Json();
  return object;
}

}  // namespace

std::string txn_text(const client::Transaction& transaction, const client::TransactOutcome& outcome,
                     OutputFormat format) {
  const std::vector<Step>& steps = outcome.succeeded ? transaction.then : transaction.otherwise;
  RKV_CHECK(steps.size() == outcome.results.size(), "a transaction with other steps");
  const char* const branch = outcome.succeeded ? "then" : "else";
  if (format == OutputFormat::kJson) {
    Json results = Json::array();
    for (std::size_t i = 0; i < steps.size(); ++i) {
      results.push_back(step_json(steps[i], outcome.results[i]));
    }
    return to_text(Json{{"branch", branch},
                        {"steps", std::move(results)},
                        {"position", outcome.position},
                        {"server", outcome.server}});
  }
  std::string text = std::string(branch) + "\n";
  std::vector<std::vector<std::string>> rows = {{"step", "key", "result"}};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Told told = tell(steps[i], outcome.results[i]);
    const std::string name(name_of(steps[i].kind));
    if (format == OutputFormat::kSimple) {
      text += fmt::format("{} {}: {}\n", name, told.subject, told.result);
    } else {
      rows.push_back({name, std::move(told.subject), std::move(told.result)});
    }
  }
  if (rows.size() > 1) text += draw_table(rows);
  return text;
}

}  // namespace rkv::cli
